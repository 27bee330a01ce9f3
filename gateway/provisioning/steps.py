"""The steps of provisioning by claim; a run may be interrupted after any of them.

Create a key → get a certificate for it, not active yet → register it under the thing's name, which
activates it → connect with it → install it. Each step is on disk before the next begins, so that a
run resumes where the last one ended. The private key is created here, and never sent elsewhere.

Source: AWS IoT Core developer guide, "Provisioning by claim" and "Device provisioning MQTT API".
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from gateway.host.errors import GatewayError
from gateway.provisioning.identity import CERTIFICATE, PRIVATE_KEY, REQUEST, IdentityFiles
from gateway.provisioning.keys import new_private_key, signing_request

#: Seconds for which an ownership token is valid. AWS then deletes an unregistered certificate.
TOKEN_LIFE_S = 3600
#: Seconds to wait until an activated certificate is accepted everywhere in AWS.
ACTIVE_WITHIN_S = 30.0


class ProvisioningError(GatewayError):
    """Provisioning failed. The text contains the step, the reason, and what to do."""


class TokenRefused(ProvisioningError):
    """The ownership token is invalid or has expired."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that is not active yet, and the token for its registration."""

    certificate_id: str
    certificate_pem: str
    token: str


@dataclass(frozen=True, slots=True)
class Order:
    """The thing to provision, the template for it, and the endpoint to ask."""

    endpoint: str
    template: str
    thing_name: str


@dataclass(frozen=True, slots=True)
class Request:
    """The state of a certificate from its issue until it is installed."""

    order: Order
    certificate_id: str
    #: Empty when it is no longer needed.
    token: str
    #: Seconds since the epoch.
    issued_at_s: float

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def request_from_json(content: bytes) -> Request:
    """Parse the JSON of `Request.to_json`. Raises ValueError."""
    try:
        data = json.loads(content)
        return Request(**{**data, "order": Order(**data["order"])})
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a request: {error}") from error


class Cloud(Protocol):
    """The requests to the cloud. Each raises ProvisioningError."""

    def issue(self, csr_pem: str) -> Issued: ...

    def register(self, token: str) -> None:
        """Activate the certificate and attach it to the thing. Raises TokenRefused."""
        ...

    def why_not(self, certificate: Path, private_key: Path, patience_s: float) -> str | None:
        """Return why the thing cannot connect with this certificate; None if it can."""
        ...


@dataclass(frozen=True, slots=True)
class Provisioned:
    certificate_id: str
    #: Whether an earlier run had begun it.
    is_resumed: bool


class Provisioning:
    """One run of the steps, until the end or a ProvisioningError.

    `now_s`: the wall clock, in seconds since the epoch. `report`: is called with each step.
    """

    def __init__(
        self,
        order: Order,
        files: IdentityFiles,
        cloud: Cloud,
        now_s: Callable[[], float],
        report: Callable[[str], None],
    ) -> None:
        self._order = order
        self._files = files
        self._cloud = cloud
        self._now_s = now_s
        self._report = report

    def run(self) -> Provisioned:
        request = self._resumed()
        is_resumed = request is not None
        if request is None:
            request = self._issue()
        elif request.token:
            request = self._checked(request)
        if request.token:
            self._register(request)
            request = self._done(request)
        self._files.install()
        self._report(f"installed: {self._files.certificate} and {self._files.private_key.name}")
        return Provisioned(request.certificate_id, is_resumed)

    def _resumed(self) -> Request | None:
        """Return the request of an earlier run, if it is for the same order."""
        content = self._files.load(REQUEST)
        if content is None:
            return None
        try:
            request = request_from_json(content)
        except ValueError:
            request = None
        if request is None or request.order != self._order:
            self._report("earlier unfinished run discarded: it does not match this one")
            self._files.begin()
            return None
        self._report(f"earlier run resumed: certificate {request.certificate_id[:8]}…")
        return request

    def _issue(self) -> Request:
        """Request a certificate for the key, which is created if there is none."""
        key = self._files.load(PRIVATE_KEY)
        if key is None:
            self._files.begin()
            key = new_private_key()
            self._files.save(PRIVATE_KEY, key)
            self._report("private key created")
        issued = self._cloud.issue(signing_request(key, self._order.thing_name))
        request = Request(self._order, issued.certificate_id, issued.token, self._now_s())
        self._files.save(CERTIFICATE, issued.certificate_pem.encode())
        self._files.save(REQUEST, request.to_json())
        self._report(f"certificate {issued.certificate_id[:8]}… issued, not active yet")
        return request

    def _checked(self, request: Request) -> Request:
        """Check the request of an earlier run, which may be registered already, or too old."""
        if self._why_not(patience_s=0) is None:
            self._report("the certificate is already registered")
            return self._done(request)
        if self._now_s() - request.issued_at_s > TOKEN_LIFE_S:
            self._report("the certificate is void: it was not registered within an hour")
            return self._issue()
        return request

    def _register(self, request: Request) -> None:
        try:
            self._cloud.register(request.token)
        except TokenRefused as error:
            self._files.forget(REQUEST)
            raise ProvisioningError(
                f"{error}; run this command again to get another certificate for the same key"
            ) from error
        self._report(f"registered as thing {self._order.thing_name}")
        reason = self._why_not(ACTIVE_WITHIN_S)
        if reason is not None:
            raise ProvisioningError(
                f"registered, but {self._order.thing_name} cannot connect with its certificate: "
                f"{reason}; run this command again later to continue"
            )
        self._report("connected with the new certificate")

    def _done(self, request: Request) -> Request:
        request = replace(request, token="")
        self._files.save(REQUEST, request.to_json())
        return request

    def _why_not(self, patience_s: float) -> str | None:
        files = self._files
        return self._cloud.why_not(files.new_certificate, files.new_private_key, patience_s)
