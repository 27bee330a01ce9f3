"""The gateway's clock: monotonic time to run on, and wall-clock time to date seconds."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import drivers.contract
from drivers.clock import MachineClock
from gateway.timing.clock_sync import ClockSource, clock_source
from gateway.timing.units import NS_PER_MS, NS_PER_S


class GatewayClock(drivers.contract.Clock, Protocol):
    """All the time functions of the gateway. Instants are integer monotonic nanoseconds.

    Integers keep sums and comparisons exact, so that a race produces the same bytes whenever it is
    ridden.
    """

    def reanchor(self) -> None:
        """Read the wall clock again. Between calls it advances with the monotonic clock only."""
        ...

    def is_trustworthy(self) -> bool:
        """Return whether the wall clock has been set. Once True, it stays True."""
        ...

    @property
    def source(self) -> ClockSource | None:
        """Why the wall clock can be trusted; None until it has been set."""
        ...

    @property
    def boot_id(self) -> str:
        """The id of the boot in which the monotonic clock is valid."""
        ...

    async def wait(self, event: asyncio.Event, until_ns: int | None) -> None:
        """Wait until `event` is set; set it at `until_ns`, or never if that is None."""
        ...


BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

#: A smaller difference is not a step of the clock: two clocks cannot be read at the same instant.
READING_JITTER_NS = 2 * NS_PER_MS


def this_boot() -> str:
    """Return the id of the running boot."""
    return BOOT_ID.read_text(encoding="ascii").strip()


class SystemClock(MachineClock):
    """The clocks of this computer. An NTP step is visible only after `reanchor`."""

    def __init__(self, find_source: Callable[[], ClockSource | None] = clock_source) -> None:
        super().__init__()
        self._find_source = find_source
        self._source: ClockSource | None = None
        self.boot_id = this_boot()

    def is_trustworthy(self) -> bool:
        return self.source is not None

    @property
    def source(self) -> ClockSource | None:
        if self._source is not ClockSource.TIME_SERVER:
            self._source = self._find_source() or self._source
        return self._source

    def reanchor(self) -> None:
        difference_ns = time.time_ns() - time.monotonic_ns()
        if abs(difference_ns - self._wall_minus_monotonic_ns) > READING_JITTER_NS:
            self._wall_minus_monotonic_ns = difference_ns

    async def wait(self, event: asyncio.Event, until_ns: int | None) -> None:
        if until_ns is None:
            await event.wait()
            return
        delay_s = (until_ns - time.monotonic_ns()) / NS_PER_S
        alarm = asyncio.get_running_loop().call_later(delay_s, event.set)
        try:
            await event.wait()
        finally:
            alarm.cancel()
