"""CloudHealth: what endangers the connections of a gateway, also while they are well."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from gateway.cloud.certificates import CertificateStatus, certificate_status
from gateway.cloud.iot_core import IotCore
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: Time between two looks at the certificate files, in seconds.
LOOK_EVERY_S = 60


class CloudHealth:
    """The certificates and the refused subscriptions of a gateway's connections.

    All connections use the same files, but may have loaded them at different times; the first one
    has all subscriptions.
    """

    def __init__(self, uplinks: Sequence[IotCore], clock: GatewayClock) -> None:
        self._uplinks = uplinks
        self._clock = clock

    async def run(self) -> None:
        """Look at the certificate files now and then, forever."""
        while True:
            for uplink in self._uplinks:
                uplink.files.replacement()
            await self._clock.sleep_until(self._clock.monotonic_ns() + LOOK_EVERY_S * NS_PER_S)

    def renew(self) -> None:
        """Use replaced certificate files at once."""
        for uplink in self._uplinks:
            uplink.renew()

    def refusal(self, topic: str) -> str | None:
        """Return why the broker refuses the subscription to a topic; None if it does not."""
        return self._uplinks[0].refusals.get(topic)

    @property
    def problem(self) -> str | None:
        """Why the certificate files on disk are not the ones in use; None if they are."""
        problems = (uplink.files.problem for uplink in self._uplinks)
        return next((problem for problem in problems if problem is not None), None)

    @property
    def certificates(self) -> tuple[CertificateStatus, ...]:
        """The dates of the certificates in use, as far as they can be read."""
        loaded = self._uplinks[0].files.loaded
        if loaded is None:
            return ()
        found = []
        with suppress(ValueError):
            found.append(self._status("certificate_file", loaded.certificate))
            if loaded.ca is not None:
                found.append(self._status("ca_file", loaded.ca))
        return tuple(found)

    def _status(self, key: str, pem: bytes) -> CertificateStatus:
        now_ms = self._clock.wall_ms_at(self._clock.monotonic_ns())
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        return certificate_status(key, pem, now, clock_is_set=self._clock.is_trustworthy())
