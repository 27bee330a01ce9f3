"""What waits for a page: one state, a minute of seconds, and no more than it can read."""

import asyncio
import logging
from dataclasses import replace

import pytest

from gateway.web.hub import SECONDS_KEPT, UNREAD_MAX_BYTES, Hub, StreamOver
from tests.support.statuses import gateway_status
from tests.support.telemetry import message


def hub_and_watch() -> tuple[Hub, list[tuple[bool, bool]]]:
    watched: list[tuple[bool, bool]] = []
    return Hub(lambda *one: watched.append(one)), watched


async def test_gateway_is_watched_from_the_first_page_to_the_last() -> None:
    hub, watched = hub_and_watch()
    with hub.reader("rider"), hub.reader("gateway"), hub.reader("tail"):
        assert watched == [(True, False), (True, False), (True, True)]
    assert watched[3:] == [(True, False), (True, False), (False, False)]


async def test_only_the_newest_state_waits_for_a_slow_page() -> None:
    hub, _ = hub_and_watch()
    with hub.reader("gateway") as reader:
        hub.take(gateway_status())
        hub.take(replace(gateway_status(), produced=77))
        found = await reader.take()
    assert found.count(b"event: status") == 1
    assert b'"produced":77' in found


async def test_page_that_reads_too_slowly_is_given_up() -> None:
    hub, _ = hub_and_watch()
    with hub.reader("rider") as reader:
        for second in range(1, UNREAD_MAX_BYTES // len(message(1).to_json()) + 2):
            hub.take(message(second))
        with pytest.raises(StreamOver):
            await reader.take()


async def test_end_of_the_gateway_ends_streams() -> None:
    hub, _ = hub_and_watch()
    with hub.reader("tail") as reader:
        waiting = asyncio.create_task(reader.take())
        await asyncio.sleep(0)
        hub.end()
        with pytest.raises(StreamOver):
            await waiting


async def test_seconds_of_a_bike_that_has_gone_are_not_sent_again() -> None:
    hub, _ = hub_and_watch()
    gone = replace(message(1), bike_id="gone")
    hub.take(gone)
    later_ms = gone.device_timestamp + SECONDS_KEPT * 1000
    hub.take(replace(message(2), device_timestamp=later_ms))
    with hub.reader("rider") as reader:
        found = await reader.take()
    assert b'"bikeId":"gone"' not in found
    assert found.count(b'"bikeId"') == 1


async def test_bike_that_went_before_the_clock_was_set_back_hides_no_seconds() -> None:
    hub, _ = hub_and_watch()
    now = message(1)
    hub.take(replace(now, bike_id="gone", device_timestamp=now.device_timestamp + 3_600_000))
    hub.take(now)
    with hub.reader("rider") as reader:
        found = await reader.take()
    assert b'"bikeId":"gone"' not in found
    assert found.count(b'"bikeId"') == 1


async def test_page_of_many_bikes_receives_the_last_minute_of_all() -> None:
    hub, _ = hub_and_watch()
    for second in range(1, SECONDS_KEPT + 1):
        for bike in range(60):
            hub.take(replace(message(second), bike_id=f"bike-{bike}"))
    with hub.reader("rider") as reader:
        found = await reader.take()
    assert len(found) > UNREAD_MAX_BYTES
    assert found.count(b'"bikeId"') == 60 * SECONDS_KEPT


async def test_owner_receives_the_log_and_riders_do_not() -> None:
    hub, _ = hub_and_watch()
    with hub.reader("gateway") as owner, hub.reader("rider") as rider:
        await owner.take()
        hub.take(logging.makeLogRecord({"msg": "bike lost", "levelname": "WARNING", "created": 7}))
        found = await owner.take()
        assert b"event: log" not in await rider.take()
    assert found == b'event: log\ndata: {"at_ms":7000,"level":"warning","text":"bike lost"}\n\n'


async def test_owner_who_connects_later_receives_the_log_and_the_last_check() -> None:
    hub, _ = hub_and_watch()
    hub.take(logging.makeLogRecord({"msg": "bike lost", "levelname": "WARNING", "created": 7}))
    hub.take_check(b'{"is_running": true}')
    with hub.reader("gateway") as owner:
        found = await owner.take()
    assert found == (
        b'event: logs\ndata: [{"at_ms":7000,"level":"warning","text":"bike lost"}]\n\n'
        b'event: check\ndata: {"is_running": true}\n\n'
    )


async def test_only_the_owner_receives_the_words_of_the_status() -> None:
    hub, _ = hub_and_watch()
    with hub.reader("gateway") as owner, hub.reader("rider") as rider:
        hub.take(gateway_status())
        assert b"event: words" in await owner.take()
        assert b"event: words" not in await rider.take()
