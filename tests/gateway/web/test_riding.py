"""Joining and leaving from a page."""

from pathlib import Path

from tests.support.web_pages import serving


async def test_request_of_a_page_is_answered_as_over_the_socket(tmp_path: Path) -> None:
    async with serving(tmp_path, race={"join": "pedalling"}) as pages:
        await pages.virtual.run_for(1)
        answer = await pages.post("/ride", {"bike_id": "bike-1", "action": "join"})
        found = await answer.json()
        assert found["result"] in ("accepted", "already")
        assert found["bike_id"] == "bike-1"
        (bike,) = pages.virtual.gateway.status.bikes
        assert bike.has_joined


async def test_request_that_is_not_one_is_refused_in_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        for body in ({}, b"no json", {"action": "join"}, {"bike_id": "x", "action": "join"}):
            answer = await pages.post("/ride", body)
            assert answer.status == 200
            assert (await answer.json())["result"] == "refused"
