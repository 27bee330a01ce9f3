"""The computer's own clocks, for a driver that runs without a gateway: in a scan or a test."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager

from drivers.contract import Clock

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class MachineClock:
    """A Clock that follows the computer's time. It reads the wall clock once, when created."""

    def __init__(self) -> None:
        self._wall_minus_monotonic_ns = time.time_ns() - time.monotonic_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(max(0, monotonic_ns - time.monotonic_ns()) / _NS_PER_S)

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)

    def wall_ms_at(self, monotonic_ns: int) -> int:
        return (monotonic_ns + self._wall_minus_monotonic_ns) // _NS_PER_MS

    def monotonic_ns_at(self, wall_ms: int) -> int:
        return wall_ms * _NS_PER_MS - self._wall_minus_monotonic_ns


async def sleep_for(clock: Clock, seconds: float) -> None:
    """Return after `seconds` of `clock`."""
    await clock.sleep_until(clock.monotonic_ns() + round(seconds * _NS_PER_S))
