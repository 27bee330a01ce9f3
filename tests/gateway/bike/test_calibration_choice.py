"""Which calibration holds: the saved one of this computer, else the config's points."""

from pathlib import Path
from typing import Any

import pytest

from drivers.registry import DriverStatus, load_drivers
from gateway.bike.calibration_choice import CalibrationInUse, calibration_in_use, device_of
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration import AS_SAID
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import record


def bike(**changed: Any) -> BikeConfig:
    fields = {"id": "bike-1", "racer_id": 1, "racer_name": "Ada", "class_id": 1, "driver": "fake"}
    return BikeConfig.model_validate({**fields, **changed})


POINTS = [[0, 0], [1000, 100]]


@pytest.fixture
def store(tmp_path: Path) -> CalibrationStore:
    return CalibrationStore(tmp_path)


def test_bike_without_calibration_is_taken_as_said(store: CalibrationStore) -> None:
    assert calibration_in_use(bike(), "fake seed 1", store) == CalibrationInUse(
        "fake seed 1", AS_SAID
    )


def test_config_points_are_used_as_the_calibration(store: CalibrationStore) -> None:
    config = bike(calibration=POINTS)
    table = calibration_in_use(config, "fake seed 1", store).calibration.table
    assert table is not None
    assert table.points == ((0, 0), (1000, 100))


def test_saved_calibration_takes_precedence_over_the_config(store: CalibrationStore) -> None:
    store.save(record())
    found = calibration_in_use(bike(calibration=POINTS), "fake seed 1", store)
    assert (found.record, found.problem) == (record(), "")
    assert found.calibration.table is not None
    assert found.calibration.table.percent_at(803) == 50


def test_calibration_of_another_machine_is_a_problem_and_not_used(store: CalibrationStore) -> None:
    store.save(record(device="serial /dev/ttyUSB0"))
    found = calibration_in_use(bike(), "fake seed 1", store)
    assert (found.calibration, found.record) == (AS_SAID, None)
    assert found.problem == (
        "not used: it was made on serial /dev/ttyUSB0, but this bike is fake seed 1"
    )


def test_damaged_calibration_is_a_problem_and_not_used(store: CalibrationStore) -> None:
    file = store.save(record())
    file.write_text("{")
    found = calibration_in_use(bike(), "fake seed 1", store)
    assert (found.calibration, found.record) == (AS_SAID, None)
    assert found.problem.startswith(f"not used: {file}: file: Invalid JSON")


@pytest.mark.parametrize(
    ("driver", "options", "device"),
    [
        ("fake", {"seed": 4}, "fake seed 4"),
        ("ble", {"address": "c0:ff:ee:12:34:56"}, "ble C0:FF:EE:12:34:56"),
        ("ble", {"equipment_id": 56}, "ble Keiser 56"),
        ("serial", {"port": "/dev/ttyUSB0", "protocol": "peloton"}, "serial /dev/ttyUSB0"),
        ("replay", {"file": "/ride.jsonl"}, "replay /ride.jsonl"),
    ],
)
def test_device_is_the_driver_and_its_identity(
    driver: str, options: dict[str, Any], device: str
) -> None:
    config = bike(driver=driver, options=options)
    assert device_of(config, load_drivers()[driver]) == device


def test_device_of_a_broken_driver_is_the_drivers_name() -> None:
    assert device_of(bike(driver="mine"), DriverStatus("mine", problem="no module")) == "mine"
