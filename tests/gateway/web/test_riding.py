"""Joining and leaving from a page."""

import asyncio
from pathlib import Path
from typing import Any, cast

from gateway.riding.desk import RideDesk
from gateway.riding.requests import RideAnswer
from gateway.web.race_side import RaceSide
from gateway.web.riding import routes
from tests.support.virtual_clock import VirtualClock
from tests.support.web_pages import SilentObserver, serving


async def test_request_of_a_page_is_answered_as_over_the_socket(tmp_path: Path) -> None:
    async with serving(tmp_path, race={"join": "pedalling"}) as pages:
        await pages.virtual.run_for(1)
        answer = await pages.post("/ride", {"bike_id": "bike-1", "action": "join"})
        found = await answer.json()
        assert found["result"] in ("accepted", "already")
        assert found["bike_id"] == "bike-1"
        (bike,) = pages.virtual.gateway.status.bikes
        assert bike.has_joined


class SlowDesk:
    """A desk that answers once the disk has `saved`."""

    def __init__(self) -> None:
        self.handled = 0
        self.saved = asyncio.Event()

    async def handle(self, _: object) -> RideAnswer:
        self.handled += 1
        await self.saved.wait()
        return RideAnswer("accepted", "")


class PostedJoin:
    """A request of a page to join."""

    async def read(self) -> bytes:
        return b'{"bike_id": "bike-1", "action": "join"}'


async def test_request_waits_for_an_earlier_one_whose_page_gave_up() -> None:
    desk = SlowDesk()
    race = RaceSide(asyncio.get_running_loop(), SilentObserver(), VirtualClock())
    (route,) = routes(race, cast("RideDesk", desk))
    ride: Any = route.handler
    given_up = asyncio.create_task(ride(PostedJoin()))
    while not desk.handled:  # noqa: ASYNC110 – the desk has no event for it
        await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    asking = asyncio.create_task(ride(PostedJoin()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert desk.handled == 1
    desk.saved.set()
    await asking
    assert desk.handled == 2


async def test_request_that_is_not_one_is_refused_in_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        for body in ({}, b"no json", {"action": "join"}, {"bike_id": "x", "action": "join"}):
            answer = await pages.post("/ride", body)
            assert answer.status == 200
            assert (await answer.json())["result"] == "refused"
