"""Clocks for drivers: one jumps to the end of every sleep, the other runs faster."""

import asyncio
import time

from drivers.clock import MachineClock

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class ManualClock:
    """The drivers' Clock with its own time. Sleeping moves it forward at once.

    `wall_ms` is the wall time at the monotonic instant `monotonic_ns`.
    """

    def __init__(self, wall_ms: int = 0, monotonic_ns: int = 7_000_000_000) -> None:
        self._now_ns = monotonic_ns
        self._wall_minus_monotonic_ns = wall_ms * NS_PER_MS - monotonic_ns

    def shift_wall(self, step_ns: int) -> None:
        """Step the wall clock as NTP does: forward, or back if negative."""
        self._wall_minus_monotonic_ns += step_ns

    def advance(self, duration_ns: int) -> None:
        self._now_ns += duration_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def wall_ms_at(self, monotonic_ns: int) -> int:
        return (monotonic_ns + self._wall_minus_monotonic_ns) // NS_PER_MS

    def monotonic_ns_at(self, wall_ms: int) -> int:
        return wall_ms * NS_PER_MS - self._wall_minus_monotonic_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        self._now_ns = max(self._now_ns, monotonic_ns)

    def timeout(self, _seconds: float) -> asyncio.Timeout:
        """Return a timeout that never ends, since time only passes by sleeping."""
        return asyncio.timeout(None)


class FastClock(MachineClock):
    """A clock `times` as fast as real time, for timeouts of drivers on real interfaces."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times
        self._began_ns = time.monotonic_ns()

    def monotonic_ns(self) -> int:
        return self._began_ns + (time.monotonic_ns() - self._began_ns) * self._times

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(max(0, monotonic_ns - self.monotonic_ns()) / self._times / NS_PER_S)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(seconds / self._times)
