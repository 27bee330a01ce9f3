"""What an open page receives, over a real socket."""

import json
from pathlib import Path

from gateway.status.report import status_from_json
from gateway.tail.events import event_from_line
from tests.support.web_pages import event_named, next_event, serving


async def test_page_receives_status_at_once_and_each_second(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages, pages.stream() as stream:
        assert stream.content_type == "text/event-stream"
        assert (await next_event(stream))[0] == "hello"
        first = status_from_json(json.dumps(await event_named(stream, "status")).encode())
        assert first.thing_name == "gateway-1"
        await pages.virtual.run_for(2)
        assert (await event_named(stream, "second"))["second"] == 1
        assert (await event_named(stream, "second"))["second"] == 2
        report = await event_named(stream, "status")
    (bike,) = report["gateway"]["bikes"]
    assert bike["second"] == 3
    assert bike["current"]["cadence_rpm"]["value"] > 0


async def test_page_that_connects_receives_the_last_minute_of_each_bike(tmp_path: Path) -> None:
    async with serving(tmp_path, bikes=2) as pages:
        await pages.virtual.run_for(65)
        async with pages.stream() as stream:
            seconds = await event_named(stream, "seconds")
    found = {(one["bikeId"], one["second"]) for one in seconds}
    expected = range(6, 66)
    assert found == {(bike, second) for bike in ("bike-1", "bike-2") for second in expected}


async def test_owner_receives_no_seconds(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages, pages.stream("gateway") as stream:
        names = [(await next_event(stream))[0] for _ in range(4)]
        await pages.virtual.run_for(2)
        names += [(await next_event(stream))[0] for _ in range(4)]
    assert names == ["hello", "logs", *["status", "words"] * 3]


async def test_page_that_is_unknown_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages, pages.stream("other") as answer:
        assert answer.status == 400
        assert await answer.text() == "expected page=rider or page=gateway\n"


async def test_status_is_the_same_as_that_of_the_command(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        async with pages.session.get(f"{pages.url}/status.json") as answer:
            line = await answer.read()
        assert status_from_json(line) == pages.virtual.gateway.status


async def test_tail_has_each_message_as_it_goes_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        pages.virtual.uplink.connect()
        async with pages.session.get(f"{pages.url}/tail") as tail:
            assert tail.content_type == "application/x-ndjson"
            await pages.virtual.run_for(2)
            lines = [event_from_line(await tail.content.readline()) for _ in range(4)]
    assert [line.state for line in lines] == ["produced", "acknowledged"] * 2
