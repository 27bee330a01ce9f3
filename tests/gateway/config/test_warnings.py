"""Settings that are valid, but may have an unexpected effect."""

from typing import Any

import pytest

from gateway.config.schema import Config
from gateway.config.warnings import warnings_of

Data = dict[str, Any]


@pytest.fixture
def data() -> Data:
    """The least that is a config."""
    return {
        "thing_name": "gateway-1",
        "cloud": {"endpoint": "127.0.0.1", "plaintext": True},
        "bikes": [bike("bike-1"), bike("bike-2")],
    }


def bike(id_: str) -> Data:
    return {"id": id_, "racer_id": 7, "racer_name": "Hayden", "class_id": 1, "driver": "fake"}


def test_fake_bikes_with_a_broker_on_this_machine_are_no_warning(data: Data) -> None:
    assert warnings_of(Config(**data)) == []


def test_fake_bike_whose_seconds_leave_this_machine_is_a_warning(data: Data) -> None:
    data["cloud"] = {"endpoint": "broker.lan"}
    data["bikes"][0]["driver"] = "ble"
    (warning,) = warnings_of(Config(**data))
    assert warning.key == "bikes[1].driver"
    assert warning.what.startswith("bike-2 is simulated; its seconds are sent to broker.lan")
    assert warning.remedy.endswith("sudo alleycat-gateway setup")


def test_environment_variable_that_is_unknown_is_a_warning(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLEYCAT_CLOUDS__PORT", "1")
    (warning,) = warnings_of(Config(**data))
    assert warning.key == "ALLEYCAT_CLOUDS__PORT"
    assert "did you mean ALLEYCAT_CLOUD__PORT?" in warning.what


def test_long_racer_name_is_a_warning(data: Data) -> None:
    data["bikes"][0]["racer_name"] = "Maximili"
    data["bikes"][1]["racer_name"] = "Maximilian"
    (warning,) = warnings_of(Config(**data))
    assert warning.key == "bikes[1].racer_name"
    assert "'Maximilian' is longer than the 8 characters" in warning.what


def test_racer_id_beyond_the_analytics_is_a_warning(data: Data) -> None:
    data["bikes"][0]["racer_id"] = 2_147_483_647
    data["bikes"][1]["racer_id"] = 2_147_483_648
    (warning,) = warnings_of(Config(**data))
    assert warning.key == "bikes[1].racer_id"
    assert "2147483648 is larger than 2147483647" in warning.what


@pytest.mark.parametrize(
    ("mode", "per_class", "other_class", "keys"),
    [
        ("continuous", False, 2, ["race.per_class"]),
        ("continuous", False, 1, []),
        ("continuous", True, 2, []),
        ("remote", False, 2, []),
    ],
)
def test_classes_that_share_their_races_are_a_warning(
    data: Data, mode: str, per_class: bool, other_class: int, keys: list[str]
) -> None:
    data["race"] = {"mode": mode, "per_class": per_class}
    data["bikes"][1]["class_id"] = other_class
    found = warnings_of(Config(**data))
    assert [warning.key for warning in found] == keys
    assert all("bikes of the classes 1, 2 ride the same races" in one.what for one in found)
