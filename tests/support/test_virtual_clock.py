"""Virtual time passes only when nothing else is left to do."""

import asyncio
import time

from tests.support.virtual_clock import VirtualClock


async def test_virtual_time_does_not_pass_during_work_for_a_thread() -> None:
    clock = VirtualClock()
    began_ns = clock.monotonic_ns()

    async def work() -> int:
        await asyncio.to_thread(time.sleep, 0.05)
        return clock.monotonic_ns()

    working = asyncio.create_task(work())
    await clock.run_for(10)
    assert await working == began_ns
