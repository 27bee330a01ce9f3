"""The routes of the calibration page, on the calibration socket of a gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from gateway.calibrating.remote import DaemonSession
from gateway.calibrating.server import serve_calibration
from gateway.sampling.calibration_store import CalibrationStore
from gateway.web import calibrating as calibrating_pages
from tests.support.calibrations import record
from tests.support.web_pages import Pages, next_event, serving

PATH = "/calibrate/bike-1"


@asynccontextmanager
async def calibrating(directory: Path) -> AsyncIterator[Pages]:
    async with serving(directory) as pages:
        gateway, clock = pages.virtual.gateway, pages.virtual.clock
        async with serve_calibration(directory, gateway.leases, gateway.observer, clock):
            yield pages


async def posted(pages: Pages, what: str, body: object) -> Any:
    return await (await pages.post(f"{PATH}/{what}", body)).json()


async def state_of(pages: Pages, bike_id: str = "bike-1") -> Any:
    url = f"{pages.url}/calibrate/{bike_id}/state.json"
    async with pages.session.get(url) as answer:
        return await answer.json()


async def test_page_and_state_of_a_bike_are_served(tmp_path: Path) -> None:
    async with calibrating(tmp_path) as pages:
        async with pages.session.get(f"{pages.url}{PATH}") as page:
            assert "calibrate.js" in await page.text()
        state = await state_of(pages)
        assert (state["in_use"], state["backups"]) == ("the bike's own numbers", [])
        assert "has no bike 'bike-9'" in (await state_of(pages, "bike-9"))["error"]


async def test_one_page_at_a_time_asks_for_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating_pages, "PAUSE_S", 0)
    opened: list[int] = []

    class CountedSession(DaemonSession):
        async def __aenter__(self) -> Self:
            opened.append(1)
            assert len(opened) == 1
            return await super().__aenter__()

        async def __aexit__(self, *raised: Any) -> None:
            await super().__aexit__(*raised)
            opened.clear()

    monkeypatch.setattr(calibrating_pages, "DaemonSession", CountedSession)
    async with calibrating(tmp_path) as pages:
        states = await asyncio.gather(*(state_of(pages) for _ in range(10)))
    assert [state["bike_id"] for state in states] == ["bike-1"] * 10


async def test_bike_is_calibrated_by_one_page_at_a_time(tmp_path: Path) -> None:
    async with calibrating(tmp_path) as pages:
        started = await posted(pages, "start", {"points": 5})
        assert "dialogue" in started
        refused = await posted(pages, "start", {"points": 5})
        assert "is being calibrated in another session" in refused["error"]
        url = f"{pages.url}{PATH}/events?dialogue={started['dialogue']}"
        async with pages.session.get(url) as stream:
            assert await next_event(stream) == ("hello", {})
            name, screen = await next_event(stream)
            assert (name, screen["question"]) == ("screen", "turn to 0 %, then hold still")


async def test_stream_of_an_unknown_dialogue_ends_at_once(tmp_path: Path) -> None:
    async with (
        calibrating(tmp_path) as pages,
        pages.session.get(f"{pages.url}{PATH}/events?dialogue=old") as stream,
    ):
        assert (await next_event(stream))[1]["outcome"] == "unknown"
        assert await stream.content.read() == b""
        answer = {"dialogue": "old", "question": "", "word": "save"}
        assert "has ended" in (await posted(pages, "answer", answer))["error"]


async def test_rollback_restores_the_earlier_calibration(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    store.save(record())
    store.save(record(cadence_scale=0.5))
    async with calibrating(tmp_path) as pages:
        (backup,) = (await state_of(pages))["backups"]
        state = await posted(pages, "rollback", backup)
        assert [one["number"] for one in state["backups"]] == [1, 2]
        assert store.load("bike-1") == record()
        for changed in ({"number": 9}, {"made_at": "2020-01-01T00:00:00+00:00"}):
            refused = await posted(pages, "rollback", {**backup, **changed})
            assert "have changed" in refused["error"]


async def test_request_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    async with calibrating(tmp_path) as pages:
        answer = await pages.post(f"{PATH}/start", {"points": 1})
        assert (answer.status, "points" in await answer.text()) == (400, True)
        answer = await pages.post(f"{PATH}/start", [])
        assert await answer.json() == {"error": "request: Input should be an object"}
