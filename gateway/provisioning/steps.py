"""A certificate of one's own, by claim: the steps, each of which may be the last for now.

key → certificate for it, not active yet → registered under the thing's name, and so active →
seen to work → in place. Each is on disk before the next begins; a run takes up where the last one
ended. The private key is made here and stays here.

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

#: How long an ownership token holds. What has not been registered by then is deleted by AWS.
TOKEN_LIFE_S = 3600
#: An active certificate may take a moment to be known everywhere.
ACTIVE_WITHIN_S = 30.0


class ProvisioningError(GatewayError):
    """It cannot go on. The text says where, why, and what to do."""


class TokenRefused(ProvisioningError):
    """The ownership token does not hold, or no more."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that is not active yet, and the token to register it with."""

    certificate_id: str
    certificate_pem: str
    token: str


@dataclass(frozen=True, slots=True)
class Order:
    """Whose certificate, and of whom."""

    endpoint: str
    template: str
    thing_name: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is remembered of a certificate from its issue until it is in place."""

    order: Order
    certificate_id: str
    #: Empty when it is not needed any more.
    token: str
    #: Since the epoch.
    issued_at_s: float

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def request_from_json(content: bytes) -> Request:
    """Raises ValueError."""
    try:
        data = json.loads(content)
        return Request(**{**data, "order": Order(**data["order"])})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a request: {error}") from error


class Cloud(Protocol):
    """What is asked of the cloud. Each raises ProvisioningError."""

    def issue(self, csr_pem: str) -> Issued: ...

    def register(self, token: str) -> None:
        """Make the certificate active, and that of the thing. Raises TokenRefused."""
        ...

    def why_not(self, certificate: Path, private_key: Path, patience_s: float) -> str | None:
        """Why the thing cannot connect with this certificate; None if it can."""
        ...


@dataclass(frozen=True, slots=True)
class Provisioned:
    certificate_id: str
    #: An earlier run had begun it.
    is_resumed: bool


class Provisioning:
    """One run, to its end or to a ProvisioningError. `say` hears of each step."""

    def __init__(
        self,
        order: Order,
        files: IdentityFiles,
        cloud: Cloud,
        now_s: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        """`now_s`: the wall clock, in seconds since the epoch."""
        self._order = order
        self._files = files
        self._cloud = cloud
        self._now_s = now_s
        self._say = say

    def run(self) -> Provisioned:
        request = self._taken_up()
        is_resumed = request is not None
        if request is None:
            request = self._issue()
        elif request.token:
            request = self._checked(request)
        if request.token:
            self._register(request)
            request = self._done(request)
        self._files.install()
        self._say(f"in place: {self._files.certificate} and {self._files.private_key.name}")
        return Provisioned(request.certificate_id, is_resumed)

    def _taken_up(self) -> Request | None:
        """What an earlier run has got, if it is what is wanted now."""
        content = self._files.load(REQUEST)
        if content is None:
            return None
        try:
            request = request_from_json(content)
        except ValueError:
            request = None
        if request is None or request.order != self._order:
            self._say("what an earlier run has begun was for another thing, and is given up")
            self._files.begin()
            return None
        self._say(f"taken up from an earlier run: certificate {request.certificate_id[:8]}…")
        return request

    def _issue(self) -> Request:
        """A certificate for the key, which is made if there is none."""
        key = self._files.load(PRIVATE_KEY)
        if key is None:
            self._files.begin()
            key = new_private_key()
            self._files.save(PRIVATE_KEY, key)
            self._say("private key made")
        issued = self._cloud.issue(signing_request(key, self._order.thing_name))
        request = Request(self._order, issued.certificate_id, issued.token, self._now_s())
        self._files.save(CERTIFICATE, issued.certificate_pem.encode())
        self._files.save(REQUEST, request.to_json())
        self._say(f"certificate {issued.certificate_id[:8]}… issued, not active yet")
        return request

    def _checked(self, request: Request) -> Request:
        """Of an earlier run: perhaps it was registered and nobody has heard; or is too old."""
        if self._why_not(patience_s=0) is None:
            self._say("it was registered already")
            return self._done(request)
        if self._now_s() - request.issued_at_s > TOKEN_LIFE_S:
            self._say("not registered within an hour: it is void")
            return self._issue()
        return request

    def _register(self, request: Request) -> None:
        try:
            self._cloud.register(request.token)
        except TokenRefused as error:
            self._files.forget(REQUEST)
            raise ProvisioningError(
                f"{error}; run the same again for another certificate, the key stays"
            ) from error
        self._say(f"registered as thing {self._order.thing_name}")
        reason = self._why_not(ACTIVE_WITHIN_S)
        if reason is not None:
            raise ProvisioningError(
                f"registered, but {self._order.thing_name} cannot connect with its certificate: "
                f"{reason}; run the same again later, it goes on from here"
            )
        self._say("connected with it")

    def _done(self, request: Request) -> Request:
        request = replace(request, token="")
        self._files.save(REQUEST, request.to_json())
        return request

    def _why_not(self, patience_s: float) -> str | None:
        files = self._files
        return self._cloud.why_not(files.new_certificate, files.new_private_key, patience_s)
