"""Asking the race's loop from another thread."""

import asyncio
from threading import current_thread, main_thread

import pytest

from gateway.web.race_side import RaceSide
from tests.support.virtual_clock import VirtualClock
from tests.support.web_pages import SilentObserver


def race_side() -> RaceSide:
    return RaceSide(asyncio.get_running_loop(), SilentObserver(), VirtualClock())


async def test_request_runs_in_the_races_thread() -> None:
    race = race_side()

    async def request() -> bool:
        return current_thread() is main_thread()

    assert await asyncio.to_thread(lambda: asyncio.run(race.ask(request())))


async def test_request_of_a_page_that_gives_up_runs_to_its_end() -> None:
    race, done = race_side(), asyncio.Event()

    async def request() -> None:
        await asyncio.sleep(0.05)
        done.set()

    async def give_up() -> None:
        async with asyncio.timeout(0):
            await race.ask(request())

    with pytest.raises(TimeoutError):
        await asyncio.to_thread(lambda: asyncio.run(give_up()))
    async with asyncio.timeout(20):
        await done.wait()
