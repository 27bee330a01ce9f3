"""Bikes whose numbers would be taken as percentages, with calibrations saved in real files."""

from pathlib import Path
from typing import Any

import pytest

from drivers.registry import load_drivers
from gateway.config.schema import BikeConfig
from gateway.doctor.calibration import check_calibrations
from gateway.sampling.calibration_store import CalibrationStore
from gateway.terminal.finding import Finding, State
from tests.support.calibrations import record

ADDRESS = "C0:FF:EE:12:34:56"
SERIAL = {"port": "/dev/ttyUSB0", "protocol": "lines"}


def bike(driver: str, options: dict[str, Any], **fields: Any) -> BikeConfig:
    rider = {"racer_id": 1, "racer_name": "Ada", "class_id": 1}
    return BikeConfig.model_validate(
        {"id": "bike-1", **rider, "driver": driver, "options": options, **fields}
    )


def check(state_dir: Path, one: BikeConfig) -> list[Finding]:
    return check_calibrations([one], load_drivers(), CalibrationStore(state_dir))


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        *(("serial", {**SERIAL, "protocol": name}) for name in ("lines", "kettler", "daum")),
        ("serial", {**SERIAL, "protocol": "monark"}),
        ("ble", {"address": ADDRESS, "protocol": "flywheel"}),
        ("ble", {"name": "Flywheel 1234"}),
        ("ble", {"name": "some bike", "protocol": "flywheel"}),
    ],
)
def test_bike_with_numbers_of_its_own_and_no_calibration_is_a_warning(
    tmp_path: Path, driver: str, options: dict[str, Any]
) -> None:
    assert check(tmp_path, bike(driver, options)) == [
        Finding(
            "calibration",
            State.WARNING,
            "bike-1 is not calibrated: its own numbers are taken as percentages",
            "run: alleycat-gateway calibrate bike-1",
        )
    ]


@pytest.mark.parametrize(
    "one",
    [
        bike("serial", SERIAL, calibration=[(0, 0), (1023, 100)]),
        bike("serial", {**SERIAL, "resistance_scale": 1.0}),
        bike("serial", {**SERIAL, "ignore_resistance": True}),
        bike("serial", {**SERIAL, "protocol": "peloton"}),
        bike("fake", {"seed": 1}),
        bike("fake", {"seed": 1, "wire": "lines"}),
        bike("ble", {"name": "ECHEX-4-123"}),
        bike("ble", {"address": ADDRESS, "protocol": "echelon"}),
        bike("ble", {"name": "some bike", "protocol": "echelon"}),
        bike("ble", {"equipment_id": 7}),
        bike("ble", {"address": ADDRESS, "protocol": "flywheel", "resistance_scale": 2.0}),
        bike("ble", {"name": "Flywheel 1234", "ignore_resistance": True}),
        # Whether these report their resistance, and how, is only known once they are connected.
        bike("ble", {"address": ADDRESS}),
        bike("ble", {"address": ADDRESS, "protocol": "ftms"}),
        # These report none: it is calculated from their power.
        bike("ble", {"address": ADDRESS, "protocol": "cycling_power"}),
    ],
    ids=[
        "table",
        "scale",
        "ignored",
        "peloton",
        "percent",
        "simulated",
        "echelon-by-name",
        "echelon",
        "echelon-of-another-name",
        "keiser",
        "flywheel-scale",
        "flywheel-ignored",
        "unknown",
        "ftms",
        "derived",
    ],
)
def test_bike_whose_percent_is_known_is_no_warning(tmp_path: Path, one: BikeConfig) -> None:
    assert check(tmp_path, one) == []


def test_saved_calibration_counts_only_for_the_rig_that_it_was_made_on(tmp_path: Path) -> None:
    CalibrationStore(tmp_path).save(record(device="serial /dev/ttyUSB0"))
    assert check(tmp_path, bike("serial", SERIAL)) == []
    assert len(check(tmp_path, bike("serial", {**SERIAL, "port": "/dev/ttyUSB1"}))) == 1
