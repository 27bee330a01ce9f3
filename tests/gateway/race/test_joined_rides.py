"""Joined races are kept over a restart."""

import asyncio
import os
from pathlib import Path

from structlog.testing import capture_logs

from gateway.race.clock import RaceSecond
from gateway.race.joined_rides import JoinedRides
from gateway.race.joins import JoinedRide
from gateway.race.races import Race
from tests.support.files import written

RACE = Race(12, 3_600_000, 300, waits_for_pedals=True)


async def test_joined_ride_is_restored_by_the_next_process(tmp_path: Path) -> None:
    before = JoinedRides(tmp_path)
    saving = asyncio.create_task(before.run())
    before.of("bike-1").add(RaceSecond(RACE, 5, 0), 7, is_pedalling=True)
    before.of("bike-2")
    await written(tmp_path / "joined.json")
    saving.cancel()
    after = JoinedRides(tmp_path)
    assert after.of("bike-1").last == JoinedRide(12, 7, 5)
    assert after.of("bike-1").has_joined(RACE, 7, 6)
    assert after.of("bike-2").last is None


async def test_nothing_is_written_while_nobody_joins(tmp_path: Path) -> None:
    rides = JoinedRides(tmp_path)
    saving = asyncio.create_task(rides.run())
    rides.of("bike-1").add(RaceSecond(RACE, 5, 0), 7, is_pedalling=False)
    await asyncio.sleep(0)
    saving.cancel()
    assert os.listdir(tmp_path) == []


def test_damaged_file_is_logged_and_means_no_rides(tmp_path: Path) -> None:
    (tmp_path / "joined.json").write_text('{"bike-1": {"ride": {"race_id": "x"}}}')
    with capture_logs() as logs:
        rides = JoinedRides(tmp_path)
    assert rides.of("bike-1").last is None
    assert [one["event"] for one in logs] == ["joined races not restored"]
