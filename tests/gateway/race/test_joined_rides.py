"""Joined races are kept over a restart."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.host.state_file import StateFiles
from gateway.race.clock import RaceSecond
from gateway.race.joined_rides import JoinedRides
from gateway.race.joins import JoinedRide
from gateway.race.races import Race
from tests.support.files import written

RACE = Race(12, 3_600_000, 300, waits_for_pedals=True)


async def test_joined_ride_is_restored_by_the_next_process(tmp_path: Path) -> None:
    before = JoinedRides(StateFiles(tmp_path))
    saving = asyncio.create_task(before.run())
    before.of("bike-1").add(RaceSecond(RACE, 5, 0), 7, is_pedalling=True)
    before.of("bike-2")
    await written(tmp_path / "joined.json")
    saving.cancel()
    after = JoinedRides(StateFiles(tmp_path))
    assert after.of("bike-1").last == JoinedRide(12, 7, 5)
    assert after.of("bike-1").has_joined(RACE, 7, 6)
    assert after.of("bike-2").last is None


async def test_nothing_is_written_while_nobody_joins(tmp_path: Path) -> None:
    rides = JoinedRides(StateFiles(tmp_path))
    saving = asyncio.create_task(rides.run())
    rides.of("bike-1").add(RaceSecond(RACE, 5, 0), 7, is_pedalling=False)
    for _ in range(10):
        await asyncio.sleep(0)
    saving.cancel()
    await asyncio.wait([saving])  # for the write in progress, if there is one
    assert os.listdir(tmp_path) == []


def test_damaged_file_is_logged_and_means_no_rides(tmp_path: Path) -> None:
    (tmp_path / "joined.json").write_text('{"bike-1": {"ride": {"race_id": "x"}}}')
    with capture_logs() as logs:
        rides = JoinedRides(StateFiles(tmp_path))
    assert rides.of("bike-1").last is None
    assert [one["event"] for one in logs] == ["joined races not restored"]


@pytest.mark.parametrize(
    "saved",
    [
        {"ride": {"race_id": -1, "racer_id": 7, "second": 5}},
        {"ride": {"race_id": 12, "racer_id": 2**70, "second": 5}},
        {"ride": {"race_id": 12, "racer_id": 7, "second": 0}},
        {"ride": {"race_id": 12, "racer_id": 7, "second": 2**70}},
        {"turn": {"boot_id": "boot-1", "end_ns": -1}},
        {"turn": {"boot_id": "boot-1", "end_ns": 2**70}},
    ],
    ids=str,
)
def test_joined_ride_that_cannot_be_is_not_restored(tmp_path: Path, saved: object) -> None:
    (tmp_path / "joined.json").write_text(json.dumps({"bike-1": saved}))
    files = StateFiles(tmp_path)
    joins = JoinedRides(files).of("bike-1")
    assert (joins.last, joins.turn, files.set_aside) == (None, None, 1)
