from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.race.commanded import RemoteRaces
from gateway.race.file import RaceFile
from tests.gateway.race.test_commanded import NOW_MS, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "races.json"


def test_what_was_saved_is_known_after_a_restart(path: Path) -> None:
    before = RemoteRaces(["bike-1", "bike-2"])
    before.apply(start(race_id=12), NOW_MS)
    RaceFile(path).save(before.to_json())
    after = RemoteRaces(["bike-2", "bike-1"])
    RaceFile(path).load(after)
    assert after.of("bike-1").all == before.of("bike-1").all != ()
    assert after.of("bike-2").all == ()


def test_a_bike_that_is_gone_from_the_config_is_forgotten(path: Path) -> None:
    before = RemoteRaces(["bike-1"])
    before.apply(start(race_id=12), NOW_MS)
    RaceFile(path).save(before.to_json())
    after = RemoteRaces(["bike-2"])
    RaceFile(path).load(after)
    assert after.of("bike-2").all == ()


def test_no_file_is_no_race(path: Path) -> None:
    races = RemoteRaces(["bike-1"])
    with capture_logs() as logs:
        RaceFile(path).load(races)
    assert (races.of("bike-1").all, logs) == ((), [])


@pytest.mark.parametrize("content", [b"", b"{", b'{"bike-1": [{"race_id": "x"}]}', b"\xff\x00"])
def test_a_damaged_file_is_said_and_costs_nothing_else(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    races = RemoteRaces(["bike-1"])
    with capture_logs() as logs:
        RaceFile(path).load(races)
    assert races.of("bike-1").all == ()
    assert [log["path"] for log in logs] == [str(path)]


def test_a_save_that_fails_leaves_the_old_file_whole(path: Path) -> None:
    RaceFile(path).save(b"{}")
    path.with_name(".races.json.new").mkdir()
    with capture_logs() as logs:
        RaceFile(path).save(b'{"bike-1": []}')
    assert path.read_bytes() == b"{}"
    assert [log["log_level"] for log in logs] == ["error"]
