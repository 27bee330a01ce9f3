"""The riders in the config: each once, with the classes that they may choose from."""

from pathlib import Path
from typing import Any

import pytest

from drivers.registry import load_drivers
from gateway.config.problems import ConfigError
from gateway.config.riders import MAX_RIDERS
from gateway.config.schema import Config, load_config
from gateway.config.warnings import warnings_of
from gateway.race.races import Racer

LEAST = """\
thing_name = "gateway-1"
cloud = { endpoint = "127.0.0.1", plaintext = true }
bikes = [{ id = "bike-1", racer_id = 7, racer_name = "Hayden", class_id = 1, driver = "fake" }]
"""
ADA = "[[riders]]\nracer_id = 8\nracer_name = 'Ada'\nclass_ids = [3, 1]\n"


def load(directory: Path, riders: str, race: str = "") -> Config:
    file = directory / "gateway.toml"
    file.write_text(f"{LEAST}{race}\n{riders}", encoding="utf-8")
    return load_config(file, load_drivers())


def test_rider_may_ride_in_each_of_their_classes(tmp_path: Path) -> None:
    config = load(tmp_path, ADA)
    [rider] = config.riders
    assert rider.racers == [Racer(8, "Ada", 3), Racer(8, "Ada", 1)]
    assert warnings_of(config) == []


def test_config_without_riders_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, "").riders == []


@pytest.mark.parametrize(
    ("riders", "key", "what"),
    [
        (ADA + ADA, "riders[1].racer_id", "8 appears twice; expected one table per rider"),
        (ADA.replace("[3, 1]", "[3, 3]"), "riders[0].class_ids", "[3, 3] has a class twice"),
        (ADA.replace("[3, 1]", "[]"), "riders[0].class_ids", "at least 1 item"),
        (ADA.replace("[3, 1]", "[3, 7]"), "riders[0].class_ids[1]", "got 7; expected at most 6"),
        (ADA.replace("[3, 1]", "3"), "riders[0].class_ids", "got 3"),
        (ADA.replace("class_ids = [3, 1]\n", ""), "riders[0].class_ids", "missing"),
        (ADA.replace("'Ada'", "''"), "riders[0].racer_name", "at least 1 character"),
        (ADA.replace("8", "-1"), "riders[0].racer_id", "got -1; expected at least 0"),
        (ADA.replace("class_ids", "class_id"), "riders[0].class_ids", "missing"),
        (ADA.replace("[[riders]]", "[riders]"), "riders", "write [[riders]] instead of [riders]"),
    ],
)
def test_wrong_rider_is_refused_with_its_key_and_what_was_expected(
    tmp_path: Path, riders: str, key: str, what: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, riders)
    found = {problem.key: problem.what for problem in raised.value.problems}
    assert what in found[key]


def test_too_many_riders_are_refused(tmp_path: Path) -> None:
    many = "".join(ADA.replace("8", str(number)) for number in range(MAX_RIDERS + 1))
    with pytest.raises(ConfigError, match="at most 1000 items"):
        load(tmp_path, many)


def test_riders_of_remote_races_are_a_warning(tmp_path: Path) -> None:
    (warning,) = warnings_of(load(tmp_path, ADA, '[race]\nmode = "remote"'))
    assert warning.key == "riders"
    assert "the backend's commands name them" in warning.what


@pytest.mark.parametrize(
    ("field", "wrong"), [("racer_id", ("8", "2147483648")), ("racer_name", ("Ada", "Maximilian"))]
)
def test_rider_that_the_analytics_cannot_keep_is_a_warning(
    tmp_path: Path, field: str, wrong: tuple[str, Any]
) -> None:
    (warning,) = warnings_of(load(tmp_path, ADA.replace(*wrong)))
    assert warning.key == f"riders[0].{field}"
