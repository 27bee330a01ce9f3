"""Time as a port: the monotonic clock to run on, the wall clock to name seconds by."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import drivers.contract
from drivers.clock import MachineClock
from gateway.timing.clock_sync import clock_is_set
from gateway.timing.units import NS_PER_MS, NS_PER_S


class GatewayClock(drivers.contract.Clock, Protocol):
    """All that the gateway asks of time. Instants are integer monotonic nanoseconds.

    Integers keep sums and comparisons exact, so that a race is the same to the byte whenever
    it is ridden.
    """

    def reanchor(self) -> None:
        """Read the wall clock anew. Until then it advances with the monotonic clock alone."""
        ...

    def is_trustworthy(self) -> bool:
        """The wall clock has been set. Once it has, it stays so."""
        ...

    @property
    def boot_id(self) -> str:
        """Names the boot that the monotonic clock counts from."""
        ...

    async def wait(self, event: asyncio.Event, until_ns: int | None) -> None:
        """Return when `event` is set, or set it when `until_ns` has come; None waits for ever."""
        ...


BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

#: Two clocks cannot be read at the same instant: a smaller difference is not a step.
READING_JITTER_NS = 2 * NS_PER_MS


class SystemClock(MachineClock):
    """The machine's clocks. An NTP step shows only after `reanchor`."""

    def __init__(self, clock_is_set: Callable[[], bool] = clock_is_set) -> None:
        super().__init__()
        self._clock_is_set = clock_is_set
        self._is_trustworthy = False
        self.boot_id = BOOT_ID.read_text(encoding="ascii").strip()

    def is_trustworthy(self) -> bool:
        self._is_trustworthy = self._is_trustworthy or self._clock_is_set()
        return self._is_trustworthy

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
