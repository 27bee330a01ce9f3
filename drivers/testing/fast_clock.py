"""A clock on which the time-outs of a driver pass quickly."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers.clock import MachineClock

_NS_PER_S = 1_000_000_000
#: Real time between two readings of the clock by a wait, and the most of it that counts.
_READ_EVERY_NS = 10_000_000
_LONGEST_STEP_NS = 20_000_000


class FastClock(MachineClock):
    """A clock `times` as fast as real time, for time-outs of drivers on real interfaces.

    At most 20 ms of real time count between two readings: on a busy machine, a time-out of 10 s
    must not pass in a pause of one second, in which no answer could arrive. A wait on the clock
    reads it often enough; with few readings and no wait, it is hardly faster than real time.
    """

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times
        self._read_ns = self._fast_ns = time.monotonic_ns()

    def monotonic_ns(self) -> int:
        real_ns = time.monotonic_ns()
        self._fast_ns += min(real_ns - self._read_ns, _LONGEST_STEP_NS) * self._times
        self._read_ns = real_ns
        return self._fast_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        if self.monotonic_ns() >= monotonic_ns:
            await asyncio.sleep(0)
        while (left_ns := monotonic_ns - self.monotonic_ns()) > 0:
            await self._rest(left_ns)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as limit:
            countdown = asyncio.create_task(self._count_down(limit, seconds))
            try:
                yield
            finally:
                countdown.cancel()

    async def _count_down(self, limit: asyncio.Timeout, seconds: float) -> None:
        await self.sleep_until(self.monotonic_ns() + round(seconds * _NS_PER_S))
        limit.reschedule(0)

    async def _rest(self, at_most_ns: int) -> None:
        await asyncio.sleep(min(at_most_ns / self._times, _READ_EVERY_NS) / _NS_PER_S)
