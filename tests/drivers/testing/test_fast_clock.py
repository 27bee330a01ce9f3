"""On a fast clock, a driver's seconds pass in a fraction of one."""

import asyncio
import time

import pytest

from drivers.testing import FastClock

TIMES = 1000
NS_PER_S = 1_000_000_000


async def test_sleep_on_a_fast_clock_takes_its_share_of_the_time() -> None:
    clock, began_s = FastClock(TIMES), time.monotonic()
    until_ns = clock.monotonic_ns() + 60 * NS_PER_S
    await clock.sleep_until(until_ns)
    assert clock.monotonic_ns() >= until_ns - TIMES * 1_000_000
    assert 0.05 < time.monotonic() - began_s < 10


async def test_time_out_on_a_fast_clock_comes_early() -> None:
    clock, began_s = FastClock(TIMES), time.monotonic()
    with pytest.raises(TimeoutError):
        async with clock.timeout(60):
            await clock.sleep_until(clock.monotonic_ns() + 100_000 * NS_PER_S)
    assert time.monotonic() - began_s < 10


async def test_time_out_on_a_fast_clock_does_not_pass_while_the_process_is_paused() -> None:
    async with FastClock(TIMES).timeout(60):
        asyncio.get_running_loop().call_soon(time.sleep, 0.1)
        await asyncio.sleep(0.001)
