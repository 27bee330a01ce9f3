"""A clock on which the time-outs of a driver pass quickly."""

import asyncio
import time

from drivers.clock import MachineClock

_NS_PER_S = 1_000_000_000


class FastClock(MachineClock):
    """A clock `times` as fast as real time, for time-outs of drivers on real interfaces."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times
        self._began_ns = time.monotonic_ns()

    def monotonic_ns(self) -> int:
        return self._began_ns + (time.monotonic_ns() - self._began_ns) * self._times

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(max(0, monotonic_ns - self.monotonic_ns()) / self._times / _NS_PER_S)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        return asyncio.timeout(seconds / self._times)
