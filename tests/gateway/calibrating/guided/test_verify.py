"""A bike with a table of its own is shown and verified, and one without is not kept waiting."""

from pathlib import Path

import pytest

from drivers.contract import ResistanceTable, TableOrigin
from drivers.fake import FakeBike
from drivers.protocols.serial.peloton_table import DEFAULT_RESISTANCE_TABLE
from gateway.calibrating.guided.capture import Quit
from gateway.calibrating.guided.verify import (
    find_table,
    spot_of,
    verify_own_table,
    verify_resistance,
)
from gateway.calibrating.state import CalibrationState, Origin
from gateway.sampling.calibration import AS_SAID, Calibration, CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.calibration_sitting import Sitting
from tests.support.calibrations import record

PELOTON = {"wire": "peloton", "pot": {}, "faults": {}}


async def test_bike_without_a_table_of_its_own_is_not_verified_by_it(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [])
    assert await sitting.run(find_table) is None
    assert await Sitting(tmp_path, []).run(verify_own_table) is None


@pytest.mark.slow
async def test_a_pelotons_table_is_shown_and_verified(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, ["hold"] * 3, PELOTON)
    assert await sitting.run(verify_own_table)
    (table,) = sitting.data("table")
    assert [raw for raw, _ in table["points"]] == list(DEFAULT_RESISTANCE_TABLE)
    assert [spot["state"] for spot in sitting.data("spot")] == ["ok", "ok", "ok"]
    assert any("50.0 % =    803" in words for words in sitting.said)


async def test_table_of_another_bike_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Peloton whose own one is not told: it is waited for first."""
    anothers = ResistanceTable(((164, 0), (967, 100)), TableOrigin.ANOTHER_BIKE)
    monkeypatch.setattr(FakeBike, "resistance_table", property(lambda _: anothers))
    sitting = Sitting(tmp_path, ["hold"] * 3, PELOTON)
    before_ns = sitting.clock.monotonic_ns()
    table = await sitting.run(find_table)
    assert table == anothers
    assert sitting.clock.monotonic_ns() - before_ns >= 12_000_000_000


LINE = {"pot": {"curve": "linear", "raw_min": 0, "raw_max": 1000, "noise_counts": 1.0}}


def calibrated(directory: Path, *points: tuple[float, float]) -> Sitting:
    sitting = Sitting(directory, ["hold"] * 3, LINE)
    captured = tuple(CapturedPoint(percent, raw, 1.0, 20) for percent, raw in points)
    sitting.store.save(record(points=captured))
    return Sitting(directory, ["hold"] * 3, LINE)


@pytest.mark.slow
async def test_verify_passes_a_right_calibration(tmp_path: Path) -> None:
    sitting = calibrated(tmp_path, (0, 0), (100, 1000))
    assert await sitting.run(verify_resistance)
    assert [spot["state"] for spot in sitting.data("spot")] == ["ok", "ok", "ok"]
    assert sitting.said[-1] == "PASS: every value within 3 percentage points of the knob"


@pytest.mark.slow
async def test_verify_fails_a_wrong_calibration_and_says_where(tmp_path: Path) -> None:
    sitting = calibrated(tmp_path, (0, 0), (40, 500), (100, 1000))
    assert not await sitting.run(verify_resistance)
    assert [spot["state"] for spot in sitting.data("spot")] == ["failed", "failed", "failed"]
    assert sitting.said[-1].startswith(
        "FAIL: expected every value within 3 percentage points of the knob"
    )
    assert any("50 %: the gateway reports 40" in words for words in sitting.said)


@pytest.mark.slow
async def test_verify_changes_nothing(tmp_path: Path) -> None:
    sitting = calibrated(tmp_path, (0, 0), (100, 1000))
    before = sitting.store.load("bike-1")
    await sitting.run(verify_resistance)
    assert sitting.store.load("bike-1") == before
    assert sitting.store.backups("bike-1") == {}


@pytest.mark.parametrize(("answers", "ends"), [(["skip"] * 3, None), (["hold", "quit"], Quit)])
async def test_verify_fails_when_every_spot_is_skipped(
    tmp_path: Path, answers: list[str], ends: type[Quit] | None
) -> None:
    sitting = Sitting(tmp_path, answers, LINE)
    if ends is None:
        assert not await sitting.run(verify_resistance)
    else:
        with pytest.raises(ends):
            await sitting.run(verify_resistance)


POINT = CapturedPoint(50, 803, 1.0, 20)
OWN = ResistanceTable(((164, 0), (803, 50), (967, 100)), TableOrigin.BIKE)


@pytest.mark.parametrize(
    ("in_use", "table", "says"),
    [
        (Calibration(CalibrationTable([(0, 0), (1000, 100)])), OWN, 80.3),
        (AS_SAID, OWN, 50),
        (AS_SAID, None, 100),
    ],
)
def test_verify_goes_by_the_calibration_in_use(
    in_use: Calibration, table: ResistanceTable | None, says: float
) -> None:
    state = CalibrationState("bike-1", "fake", in_use, Origin.BIKE, resistance_table=table)
    assert spot_of(POINT, "raw", state).says_percent == pytest.approx(says)
