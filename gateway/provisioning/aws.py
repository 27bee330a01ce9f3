"""The provisioning API of AWS IoT: requests over MQTT with the claim certificate."""

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
from gateway.config.cloud import CloudConfig
from gateway.provisioning.steps import Issued, Order, ProvisioningError, TokenRefused

ISSUE_TOPIC = "$aws/certificates/create-from-csr/json"

#: Seconds to wait for a connection, long enough for an unreliable network.
CONNECT_WITHIN_S = 10.0

#: The remedy for a rejection, by its status.
_ADVICE = {
    400: "check that the template has ThingName as its only parameter, as in "
    "config/aws/template.yaml",
    401: "check that the claim certificate is active",
    403: "check that the template is enabled, and that its provisioning hook, if it has one, "
    "allows this gateway",
    404: "check that the template exists in this account and region",
    409: "check whether another resource has the same name",
    429: "too many requests: run this command again in a minute",
    500: "run this command again in a minute",
    503: "run this command again in a minute",
}


def register_topic(template: str) -> str:
    return f"$aws/provisioning-templates/{template}/provision/json"


def claim_client_id(thing_name: str) -> str:
    """Return a client id other than the thing's: the same one would disconnect the gateway."""
    return f"provision:{thing_name}"


class Claim:
    """A Cloud that uses the claim certificate; a context manager.

    `cloud`: endpoint and CA, with the claim's certificate and key. Connects on the first request,
    and only once: AWS accepts one CONNECT per second.
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
        answer = self._ask(ISSUE_TOPIC, {"certificateSigningRequest": csr_pem})
        try:
            return Issued(
                answer["certificateId"],
                answer["certificatePem"],
                answer["certificateOwnershipToken"],
            )
        except KeyError as error:
            raise ProvisioningError(
                f"{ISSUE_TOPIC}: the answer has no {error}, which AWS IoT normally sends"
            ) from error

    def register(self, token: str) -> None:
        topic = register_topic(self._template)
        parameters = {"ThingName": self._thing_name}
        answer = self._ask(topic, {"certificateOwnershipToken": token, "parameters": parameters})
        if answer.get("thingName") != self._thing_name:
            raise ProvisioningError(
                f"template {self._template} created the thing {answer.get('thingName')!r}, not "
                f"{self._thing_name!r}; expected a template that names the thing by its parameter "
                "ThingName"
            )

    def why_not(self, certificate: Path, private_key: Path, patience_s: float) -> str | None:
        mine = self._cloud.model_copy(
            update={"certificate_file": certificate, "private_key_file": private_key}
        )
        try:
            # A gateway may be connected under the thing's name with its old certificate.
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
            reason = f"{topic} was rejected: {error}"
            if "OwnershipToken" in error.code:
                raise TokenRefused(reason) from error
            raise ProvisioningError(
                f"{reason}; {_ADVICE.get(error.status, 'look this error up in the AWS IoT guide')}"
            ) from error
        except NoAnswer as error:
            raise ProvisioningError(
                f"{topic}: {error}; check that the claim policy is attached to the claim "
                f"certificate, and that it allows the template {self._template!r}"
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
                    f"cannot connect as client {client_id} with the claim certificate "
                    f"{cloud.certificate_file}: {error}"
                ) from error
        return self._requests


@contextmanager
def _connection(
    cloud: CloudConfig, client_id: str, patience_s: float, answer_within_s: float
) -> Iterator[IotRequests]:
    """Connect. Unusable credentials raise ProvisioningError, since they are not the config's."""
    try:
        with open_connection(cloud, client_id, patience_s, answer_within_s) as requests:
            yield requests
    except CredentialsError as error:
        raise ProvisioningError(str(error)) from error
