"""Observer: looks at everything and says how it is, in one snapshot."""

from collections.abc import Collection
from importlib.metadata import version

import structlog

from gateway.bike.bike import Bike
from gateway.buffer.buffer import Buffer
from gateway.cloud.publisher import Publisher
from gateway.host.board import read_pi_health
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.timing.clock import Clock
from gateway.timing.rate import Rate
from gateway.timing.units import seconds_between

log = structlog.get_logger()


class Observer:
    """Sees the parts of a gateway, and is told of each message and of what else is to be known."""

    def __init__(
        self,
        thing_name: str,
        bikes: Collection[Bike],
        publishers: Collection[Publisher],
        buffer: Buffer,
        clock: Clock,
    ) -> None:
        self._thing_name = thing_name
        self._bikes = bikes
        self._publishers = publishers
        self._buffer = buffer
        self._clock = clock
        self._version = version("alleycat-gateway")
        self._since_ns = clock.monotonic_ns()
        self._produced = 0
        self._productions = Rate(self._since_ns)
        self._notes: list[str] = []

    def count_produced(self) -> None:
        self._produced += 1
        self._productions.add(self._clock.monotonic_ns())

    def note(self, text: str) -> None:
        """Something that whoever looks at the status should know."""
        self._notes.append(text)
        log.warning("note", text=text)

    def status(self) -> GatewayStatus:
        now_ns = self._clock.monotonic_ns()
        publishers = self._publishers
        return GatewayStatus(
            clock_is_set=self._clock.is_trustworthy(),
            lost_seconds=sum(bike.lost_seconds for bike in self._bikes),
            bikes=tuple(bike.status for bike in self._bikes),
            cloud=self._cloud(now_ns),
            produced=self._produced,
            accepted=sum(publisher.accepted for publisher in publishers),
            buffer=self._buffer.status,
            thing_name=self._thing_name,
            version=self._version,
            uptime_s=seconds_between(self._since_ns, now_ns),
            produced_per_s=self._productions.per_s(now_ns),
            accepted_per_s=round(sum(publisher.accepted_per_s for publisher in publishers), 2),
            pi=read_pi_health(),
            notes=tuple(self._notes),
        )

    def _cloud(self, now_ns: int) -> CloudStatus:
        """Of several connections, the one that has been away longest speaks for all."""
        away = [publisher for publisher in self._publishers if not publisher.connected]
        one = min(away or self._publishers, key=lambda publisher: publisher.since_ns)
        return CloudStatus(
            state=one.state,
            connections=len(self._publishers),
            connected=len(self._publishers) - len(away),
            pace_share=min(publisher.pace_share for publisher in self._publishers),
            state_s=seconds_between(one.since_ns, now_ns),
        )
