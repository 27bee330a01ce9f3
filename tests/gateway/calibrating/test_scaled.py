"""A record with a new scale: what it keeps, and what it takes along."""

from dataclasses import replace
from datetime import UTC, datetime

from gateway.calibrating.scaled import rescaled_record
from gateway.calibrating.state import CalibrationState, Origin
from gateway.sampling.calibration import Calibration, CalibrationTable
from tests.support.calibrations import record

NOW = datetime(2026, 11, 22, 9, 8, 7, 654321, tzinfo=UTC)
BIKE = CalibrationState("bike-1", "fake seed 1", Calibration(), Origin.BIKE)


def test_saved_points_and_other_scales_stay_as_they_are() -> None:
    old = record(rate_hz=9.5, cadence_scale=0.7)
    state = replace(BIKE, record=old, origin=Origin.SAVED, in_use=old.calibration)
    new = rescaled_record(state, NOW, {"power_scale": 2.0}, {"rate_hz": 1.0})
    assert new == replace(
        old, power_scale=2.0, made_at=NOW.replace(microsecond=0), made_by=new.made_by
    )
    assert new.made_by.startswith("alleycat-gateway ")


def test_points_of_the_config_are_taken_along() -> None:
    table = CalibrationTable([(164, 0), (803, 50), (967, 100)])
    state = replace(BIKE, in_use=Calibration(table), origin=Origin.CONFIG)
    new_table = rescaled_record(state, NOW, {"power_scale": 2.0}, {}).calibration.table
    assert new_table is not None
    assert new_table.points == table.points


def test_record_of_another_device_is_not_taken_along() -> None:
    old = record(device="ble C0:FF:EE:12:34:56")
    state = replace(BIKE, record=old, problem="not used: it is of ble …")
    new = rescaled_record(state, NOW, {"power_offset_w": 5.0}, {"rate_hz": 4.0})
    assert (new.device, new.points, new.power_offset_w, new.rate_hz) == ("fake seed 1", (), 5, 4)
