"""Virtual time for a whole gateway: five minutes pass as fast as the code runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from heapq import heapify, heappop, heappush
from typing import Any

from gateway.timing.clock_sync import ClockSource

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
#: Rounds of the event loop after which every task has reached its next wait.
SETTLING_ROUNDS = 60

#: Time, number (for the order within an instant) and action of an alarm.
Alarm = tuple[int, int, Callable[[], None]]


class VirtualClock:
    """The gateway's Clock; time passes only within `run_for`, alarm by alarm, in order.

    From its first `settle` on, it does not pass during work for a thread, such as asyncio's
    `to_thread`: the loop does that work itself, at once.
    `is_set`: whether `setter` has set it.
    """

    def __init__(self, wall_ms: int = 0, monotonic_ns: int = 5 * NS_PER_S) -> None:
        self._now_ns = monotonic_ns
        self._true_wall_minus_monotonic_ns = wall_ms * NS_PER_MS - monotonic_ns
        self._alarms: list[Alarm] = []
        self._alarms_set = 0
        self.is_set = True
        self.setter = ClockSource.TIME_SERVER
        self.boot_id = "boot-1"
        self._loop: asyncio.AbstractEventLoop | None = None
        self.reanchor()

    def is_trustworthy(self) -> bool:
        return self.is_set

    @property
    def source(self) -> ClockSource | None:
        return self.setter if self.is_set else None

    def step_wall(self, step_ms: int) -> None:
        """Step the wall clock as NTP does; effective after the next `reanchor`."""
        self._true_wall_minus_monotonic_ns += step_ms * NS_PER_MS

    def reanchor(self) -> None:
        self._wall_minus_monotonic_ns = self._true_wall_minus_monotonic_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def wall_ms_at(self, monotonic_ns: int) -> int:
        return (monotonic_ns + self._wall_minus_monotonic_ns) // NS_PER_MS

    def monotonic_ns_at(self, wall_ms: int) -> int:
        return wall_ms * NS_PER_MS - self._wall_minus_monotonic_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        if monotonic_ns <= self._now_ns:
            await asyncio.sleep(0)
            return
        awake = asyncio.Event()
        self._alarm(monotonic_ns, awake.set)
        await awake.wait()

    async def wait(self, event: asyncio.Event, until_ns: int | None) -> None:
        if until_ns is None:
            await event.wait()
            return
        alarm = self._alarm(until_ns, event.set)
        try:
            await event.wait()
        finally:
            self._silence(alarm)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        async with asyncio.timeout(None) as timeout:
            until_ns = self._now_ns + round(seconds * NS_PER_S)
            alarm = self._alarm(until_ns, lambda: timeout.reschedule(0))
            try:
                yield
            finally:
                self._silence(alarm)

    async def run_for(self, seconds: float) -> None:
        """Let `seconds` pass."""
        end_ns = self._now_ns + round(seconds * NS_PER_S)
        await self.settle()
        while self._alarms and self._alarms[0][0] <= end_ns:
            at_ns, _, ring = heappop(self._alarms)
            self._now_ns = max(self._now_ns, at_ns)
            ring()
            await self.settle()
        self._now_ns = end_ns
        await self.settle()

    def stall(self, seconds: float) -> None:
        """Stall the process: time passes and no task runs."""
        self._now_ns += round(seconds * NS_PER_S)

    async def settle(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.set_default_executor(InlineExecutor())
        for _ in range(SETTLING_ROUNDS):
            await asyncio.sleep(0)

    def _alarm(self, at_ns: int, ring: Callable[[], None]) -> Alarm:
        self._alarms_set += 1
        alarm = (at_ns, self._alarms_set, ring)
        heappush(self._alarms, alarm)
        return alarm

    def _silence(self, alarm: Alarm) -> None:
        self._alarms = [other for other in self._alarms if other is not alarm]
        heapify(self._alarms)


class InlineExecutor(ThreadPoolExecutor):
    """An executor that works at once: in virtual time, no test can wait for a thread.

    It is of this class because asyncio accepts no other as its default.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def work_in_threads() -> None:
    """Give work to threads again, for work that waits for the loop; call it after `settle`."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
