"""BikeLink: keeps one bike connected and hands its Readings on."""

import asyncio
from collections.abc import Callable
from enum import Enum
from random import Random
from typing import Protocol

import structlog

from drivers import BikeAbsent, BikeLost, Driver, Reading
from drivers.contract import Reception, ResistanceTable
from drivers.promises import staleness_fault
from gateway.bike.loss import cause_of, loss_reason
from gateway.bike.opened_bike import OpenedBike, driver_name
from gateway.terminal.printable import one_line
from gateway.timing.backoff import Backoff
from gateway.timing.clock import GatewayClock
from gateway.timing.last_hour import LastHour
from gateway.timing.units import NS_PER_S

#: The longest pause between attempts, in seconds. Bike and rider are in the room, so a minute would
#: be too long.
BACKOFF_MAX_S = 20.0
#: The reason if a library gave up what the driver was waiting for.
CANCELLED = "an operation inside the driver was cancelled; the gateway will reconnect"

log = structlog.get_logger()


class LinkState(Enum):
    """The state of the connection to a bike."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"


class ReadingSink(Protocol):
    """A consumer of one bike's Readings: its sampler, or a view that shows them."""

    def connected(self, at_ns: int, stale_after_s: float) -> None: ...

    def add(self, reading: Reading) -> None: ...

    def disconnected(self, at_ns: int) -> None: ...


class ReadingListener(Protocol):
    """A consumer in addition to the race. It must be quick and never raise: the race waits."""

    def heard(self, reading: Reading) -> None: ...

    def link_changed(self) -> None: ...


class ReadingFanout:
    """A ReadingSink that hands everything to the race first, then to each listener."""

    def __init__(self, race: ReadingSink) -> None:
        self._race = race
        self.listeners: set[ReadingListener] = set()

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        self._race.connected(at_ns, stale_after_s)

    def add(self, reading: Reading) -> None:
        self._race.add(reading)
        for listener in self.listeners:
            listener.heard(reading)

    def disconnected(self, at_ns: int) -> None:
        self._race.disconnected(at_ns)

    def link_changed(self) -> None:
        """Notify the listeners that the link's state or reason has changed."""
        for listener in self.listeners:
            listener.link_changed()


def _ignore_change() -> None:
    """Do nothing: the change has been logged already."""


class BikeLink:
    """A bike's connection: read until the bike is lost, back off with jitter, connect again.

    Any exception of a driver becomes a state with a reason; one bike's fault never affects another.
    `stale_after_s` overrides the driver's; `on_change` is called after each change of state.
    """

    def __init__(
        self,
        bike_id: str,
        driver: Driver,
        sink: ReadingSink,
        clock: GatewayClock,
        random: Random,
        *,
        stale_after_s: float | None = None,
        on_change: Callable[[], None] = _ignore_change,
    ) -> None:
        self.bike_id = bike_id
        self.state = LinkState.CONNECTING
        self._reason = ""
        #: When the current state began.
        self.since_ns = clock.monotonic_ns()
        self._driver = driver
        self._sink = sink
        self._clock = clock
        self._stale_after_s = stale_after_s
        self._on_change = on_change
        self._losses = LastHour()
        self._backoff = Backoff(random, max_s=BACKOFF_MAX_S)
        #: The driver's last bug, whose traceback is in the log.
        self._logged_bug = ""

    @property
    def driver(self) -> str:
        """The driver's class, such as "udp_bike:UdpBike"."""
        return driver_name(self._driver)

    @property
    def reason(self) -> str:
        """Why the bike is not connected, if that is known; empty if it is connected."""
        if self._reason or self.state is LinkState.CONNECTED:
            return self._reason
        reason = self._of_driver("waits_because")
        return one_line(reason) if isinstance(reason, str) else ""

    @property
    def resistance_table(self) -> ResistanceTable | None:
        """The driver's resistance table, if it has one."""
        table = self._of_driver("resistance_table")
        return table if isinstance(table, ResistanceTable) else None

    def _of_driver(self, name: str) -> object:
        """Return an optional attribute of the driver; None without it, or if it fails."""
        try:
            return getattr(self._driver, name, None)
        # The property of a third-party driver may raise anything, even while a race is on.
        except (Exception, SystemExit):
            return None

    @property
    def reception(self) -> Reception | None:
        """The reception of the bike, if the driver receives it by radio."""
        found = self._of_driver("reception")
        return found if isinstance(found, Reception) else None

    @property
    def losses_per_hour(self) -> int:
        """How often the connected bike was lost in the last hour."""
        return self._losses.count(self._clock.monotonic_ns())

    async def run(self) -> None:
        while True:
            reason = await self._ridden()
            self._enter(LinkState.LOST, reason)
            wait_ns = round(self._backoff.next_s() * NS_PER_S)
            await self._clock.sleep_until(self._clock.monotonic_ns() + wait_ns)

    async def _ridden(self) -> str:
        """Run one connection in a task of its own; return the reason why it ended.

        So a driver that raises or goes on when it is cancelled does not keep the link from ending,
        and a driver that cancels its own task does not end the link.
        """
        riding = asyncio.create_task(self._ride())
        try:
            await asyncio.wait([riding])
        except asyncio.CancelledError:
            riding.cancel()
            await asyncio.wait([riding])
            raise
        return CANCELLED if riding.cancelled() else riding.result()

    async def _ride(self) -> str:
        """Run one connection from opening to end; return the reason why it ended."""
        try:
            async with OpenedBike(self.driver, self._driver.open_bike, self._clock) as readings:
                self._sink.connected(self._clock.monotonic_ns(), self._staleness_s())
                self._enter(LinkState.CONNECTED, "")
                async for reading in readings:
                    self._sink.add(reading)
                    self._backoff.reset()
            return "the bike stopped sending"
        except asyncio.CancelledError:
            return CANCELLED
        # A driver may be a third-party plugin: whatever it raises becomes this bike's state.
        except (Exception, SystemExit) as error:
            return self._loss(cause_of(error))
        finally:
            self._sink.disconnected(self._clock.monotonic_ns())

    def _staleness_s(self) -> float:
        """Return the config's limit, else the driver's. Raises BikeLost if that is unusable."""
        if self._stale_after_s is not None:
            return self._stale_after_s
        fault = staleness_fault(self._driver.stale_after_s)
        if fault:
            raise BikeLost(f"{self.driver}: {fault}")
        return self._driver.stale_after_s

    def _loss(self, error: BaseException) -> str:
        """Return why the bike was lost; log the traceback of a bug, once."""
        if isinstance(error, BikeAbsent):
            self._backoff.reset()
        reason = loss_reason(error, self.driver)
        if not isinstance(error, BikeLost) and reason != self._logged_bug:
            self._logged_bug = reason
            log.error("driver failed", bike=self.bike_id, exc_info=error)
        return reason

    def _enter(self, state: LinkState, reason: str) -> None:
        if (state, reason) == (self.state, self._reason):
            return
        if state is LinkState.CONNECTED:
            log.info("bike connected", bike=self.bike_id)
        else:
            was_connected = self.state is LinkState.CONNECTED
            if was_connected:
                self._losses.add(self._clock.monotonic_ns())
            event = "bike lost" if was_connected else "bike not connected"
            log.warning(event, bike=self.bike_id, reason=reason)
        if state is not self.state:
            self.since_ns = self._clock.monotonic_ns()
        self.state, self._reason = state, reason
        self._on_change()
