"""RaceFeed: collects in the race's loop what pages show, and hands it to the web server's thread.

Everything that it hands over is immutable and already built: the race does not wait for a page.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from logging import LogRecord

from drivers import Reading
from gateway.bike.bike import Bike
from gateway.status.observer import StatusSource
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: The shortest time between two snapshots, in nanoseconds: no bike's display is quicker.
SNAPSHOT_MIN_NS = NS_PER_S // 4
#: The longest time between two snapshots, in nanoseconds. After 2 s of silence, a page considers
#: the gateway gone.
SNAPSHOT_MAX_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The payload of a message that the broker has acknowledged."""

    payload: bytes


#: The status, a message that was put into the buffer or acknowledged, or a record of the log.
FeedItem = GatewayStatus | Telemetry | Acknowledged | LogRecord


class RaceFeed:
    """The race's side of the pages: snapshots at the rate of the bikes, and each message.

    It makes no snapshot until a page is open, and hands over what is acknowledged only while
    `is_tailed`.
    """

    def __init__(
        self,
        observer: StatusSource,
        bikes: Iterable[Bike],
        clock: GatewayClock,
        give: Callable[[FeedItem], None],
    ) -> None:
        self._observer = observer
        self._bikes = bikes
        self._clock = clock
        self._give = give
        self.is_tailed = False
        self._is_watched = asyncio.Event()
        self._has_news = asyncio.Event()

    def watch(self, is_watched: bool, is_tailed: bool) -> None:
        """Begin to make snapshots and to hand over what is acknowledged, or end it."""
        self.is_tailed = is_tailed
        if is_watched:
            self._is_watched.set()
        else:
            self._is_watched.clear()
            self._leave()

    def on_telemetry(self, message: Telemetry) -> None:
        self._give(message)
        self._has_news.set()

    def on_acknowledged(self, payload: bytes) -> None:
        if self.is_tailed:
            self._give(Acknowledged(payload))

    def heard(self, reading: Reading) -> None:
        self._has_news.set()

    def link_changed(self) -> None:
        self._has_news.set()

    async def run(self) -> None:
        """Make a snapshot at each Reading, with limits, while a page is open."""
        try:
            while True:
                await self._is_watched.wait()
                for bike in self._bikes:  # a reload may have added one
                    bike.fanout.listeners.add(self)
                self._has_news.clear()
                now_ns = self._clock.monotonic_ns()
                self._give(self._observer.status())
                await self._clock.sleep_until(now_ns + SNAPSHOT_MIN_NS)
                await self._clock.wait(self._has_news, now_ns + SNAPSHOT_MAX_NS)
        finally:
            self._leave()

    def _leave(self) -> None:
        for bike in self._bikes:
            bike.fanout.listeners.discard(self)
