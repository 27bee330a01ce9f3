"""The Cloud of provisioning as AWS has it: its topics, asked with the claim certificate."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway.cloud.iot_requests import (
    ANSWER_TIMEOUT_S,
    IotRequests,
    NoAnswer,
    NotConnected,
    Rejected,
    open_connection,
)
from gateway.cloud.uplink import CredentialsError
from gateway.config.schema import CloudConfig
from gateway.provisioning.steps import Issued, Order, ProvisioningError, TokenRefused

ISSUE_TOPIC = "$aws/certificates/create-from-csr/json"

#: For a network that comes and goes.
CONNECT_WITHIN_S = 10.0

#: What to do about a rejection, by its status.
_ADVICE = {
    400: "does the template take the one parameter ThingName, as in config/aws/template.yaml?",
    401: "is the claim certificate active?",
    403: "is the template enabled, and does its hook, if it has one, agree?",
    404: "is there such a template in this account and region?",
    409: "is there another resource of the same name?",
    429: "too many at once: run the same again in a minute",
    500: "run the same again in a minute",
    503: "run the same again in a minute",
}


def register_topic(template: str) -> str:
    return f"$aws/provisioning-templates/{template}/provision/json"


def claim_client_id(thing_name: str) -> str:
    """Not the thing's own, or asking for a new certificate would push the gateway off."""
    return f"provision:{thing_name}"


class Claim:
    """`cloud`: endpoint and CA, with the claim's certificate and key. To be entered.

    Connects when first asked, and once only: AWS takes a CONNECT a second.
    """

    def __init__(
        self,
        cloud: CloudConfig,
        order: Order,
        connect_within_s: float = CONNECT_WITHIN_S,
        answer_within_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._cloud = cloud
        self._connect_within_s = connect_within_s
        self._answer_within_s = answer_within_s
        self._template = order.template
        self._thing_name = order.thing_name
        self._open = ExitStack()
        self._requests: IotRequests | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def issue(self, csr_pem: str) -> Issued:
        said = self._ask(ISSUE_TOPIC, {"certificateSigningRequest": csr_pem})
        try:
            return Issued(
                said["certificateId"], said["certificatePem"], said["certificateOwnershipToken"]
            )
        except KeyError as error:
            raise ProvisioningError(
                f"{ISSUE_TOPIC} was accepted without {error}; expected an answer as of AWS IoT Core"
            ) from error

    def register(self, token: str) -> None:
        topic = register_topic(self._template)
        parameters = {"ThingName": self._thing_name}
        said = self._ask(topic, {"certificateOwnershipToken": token, "parameters": parameters})
        if said.get("thingName") != self._thing_name:
            raise ProvisioningError(
                f"template {self._template} made the thing {said.get('thingName')!r}, not "
                f"{self._thing_name!r}; expected one whose ThingName is the parameter ThingName"
            )

    def why_not(self, certificate: Path, private_key: Path, patience_s: float) -> str | None:
        mine = self._cloud.model_copy(
            update={"certificate_file": certificate, "private_key_file": private_key}
        )
        try:
            # Beside a gateway that runs with its old certificate under the thing's name.
            with _connection(
                mine, f"{self._thing_name}:provision", patience_s, self._answer_within_s
            ):
                return None
        except NotConnected as error:
            return str(error)

    def _ask(self, topic: str, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._connected().ask(topic, payload)
        except Rejected as error:
            told = f"{topic} was rejected: {error}"
            if "OwnershipToken" in error.code:
                raise TokenRefused(told) from error
            raise ProvisioningError(
                f"{told}; {_ADVICE.get(error.status, 'see its message')}"
            ) from error
        except NoAnswer as error:
            raise ProvisioningError(
                f"{topic}: {error}; is the claim's policy attached to the claim certificate, and "
                f"is {self._template!r} the template it allows?"
            ) from error

    def _connected(self) -> IotRequests:
        if self._requests is None:
            cloud, client_id = self._cloud, claim_client_id(self._thing_name)
            connection = _connection(
                cloud, client_id, self._connect_within_s, self._answer_within_s
            )
            try:
                self._requests = self._open.enter_context(connection)
            except NotConnected as error:
                raise ProvisioningError(
                    f"{cloud.endpoint}:{cloud.port} with the claim certificate "
                    f"{cloud.certificate_file}, as client {client_id}: {error}"
                ) from error
        return self._requests


@contextmanager
def _connection(
    cloud: CloudConfig, client_id: str, patience_s: float, answer_within_s: float
) -> Iterator[IotRequests]:
    """Connect, with ProvisioningError for credentials of no use: they are not the config's."""
    try:
        with open_connection(cloud, client_id, patience_s, answer_within_s) as requests:
            yield requests
    except CredentialsError as error:
        raise ProvisioningError(str(error)) from error
