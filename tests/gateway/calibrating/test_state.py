"""The calibration that applies, and the table by which percent are made of a bike's numbers."""

import pytest

from drivers.contract import ResistanceTable, TableOrigin
from gateway.bike.calibration_choice import CalibrationInUse
from gateway.calibrating.state import CalibrationState, Origin, state_of
from gateway.sampling.calibration import AS_PERCENT, AS_SAID, Calibration, CalibrationTable
from tests.support.calibrations import record

TABLE = CalibrationTable([(0, 0), (500, 100)])
OWN = ResistanceTable(((164, 0), (967, 100)), TableOrigin.BIKE)


@pytest.mark.parametrize(
    ("found", "trial", "origin"),
    [
        (CalibrationInUse("fake", AS_SAID), None, Origin.BIKE),
        (CalibrationInUse("fake", Calibration(TABLE)), None, Origin.CONFIG),
        (CalibrationInUse("fake", record().calibration, record()), None, Origin.SAVED),
        (CalibrationInUse("fake", record().calibration, record()), AS_SAID, Origin.TRIAL),
    ],
)
def test_state_names_the_origin_of_the_calibration_in_use(
    found: CalibrationInUse, trial: Calibration | None, origin: Origin
) -> None:
    state = state_of("bike-1", found, trial, {}, None)
    assert state.origin is origin
    assert state.in_use is (found.calibration if trial is None else trial)


def test_percent_table_is_the_calibrations_for_its_own_quantity() -> None:
    state = CalibrationState("bike-1", "fake", Calibration(TABLE), Origin.SAVED)
    assert state.percent_table("raw") is TABLE
    assert state.percent_table("percent") is AS_PERCENT


def test_percent_table_is_the_bikes_own_where_there_is_no_calibration() -> None:
    state = CalibrationState("bike-1", "fake", AS_SAID, Origin.BIKE, resistance_table=OWN)
    assert state.percent_table("raw").points == OWN.points
    assert state.percent_table("percent") is AS_PERCENT
