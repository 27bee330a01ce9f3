"""A calibration that is kept: for people, for programs, and beside another one."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from gateway.calibrating.state import CalibrationState, Origin
from gateway.calibrating.view.screen import ShownTarget
from gateway.calibrating.view.summary import change_view, origin_words, state_json, summary
from gateway.sampling.calibration import Calibration
from gateway.sampling.calibration_record import CapturedPoint, record_from_json
from tests.support.calibrations import record
from tests.support.screens import OLD, lines_of, point_of

ONE = record(rate_hz=10.2, cadence_rpm=61.0)
OLDER = record(made_at=ONE.made_at - timedelta(days=30), points=ONE.points[:3], cadence_scale=0.5)
SAVED = CalibrationState(
    "bike-1", "fake seed 1", ONE.calibration, Origin.SAVED, ONE, backups={1: OLDER, 2: ONE}
)
CONFIG = CalibrationState("bike-1", "fake seed 1", OLD, Origin.CONFIG)
BIKE = CalibrationState("bike-1", "fake seed 1", Calibration(), Origin.BIKE)
BOTH_WAYS = tuple(
    point_of(ShownTarget(10 * n, direction)) for direction in ("up", "down") for n in range(11)
)


def shown(state: CalibrationState, width: int = 80) -> str:
    return "\n".join(lines_of(summary(state, width), width, 60))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SAVED, "the calibration of 2026-11-21"),
        (CONFIG, "the config's points"),
        (BIKE, "the bike's own numbers"),
        (replace(SAVED, origin=Origin.TRIAL), "a calibration on trial"),
    ],
)
def test_summary_says_where_the_calibration_comes_from(state: CalibrationState, words: str) -> None:
    assert origin_words(state) == words
    assert shown(state).splitlines()[0].strip() == f"bike-1  in use: {words}"


def test_summary_shows_how_a_saved_calibration_was_made() -> None:
    text = shown(SAVED)
    assert "device   fake seed 1" in text
    assert "by alleycat-gateway 0.1.0, at 10.2 Hz, at 61 rpm" in text
    assert "25      511   1.1   24" in text
    assert "⠒⠒ curve" in text


def test_backups_are_numbered_and_dated() -> None:
    lines = shown(SAVED).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("backup"))
    assert lines[at + 1].split()[:2] == ["1", "2026-10-22"]
    assert "3 points, cadence × 0.5" in lines[at + 1]
    assert lines[at + 2].split()[:2] == ["2", "2026-11-21"]


def test_points_of_the_config_are_shown_too() -> None:
    text = shown(CONFIG)
    assert "100 is 0 %, 1000 is 100 %" in text
    assert "⠒⠒ curve" in text
    assert "no backups" in text


def test_summary_of_a_bike_without_a_calibration_says_so() -> None:
    assert "resistance  as the bike sends it" in shown(BIKE)


def test_summary_shows_the_correction_of_the_power() -> None:
    assert "power       as the bike sends it" in shown(BIKE)
    one = replace(BIKE, in_use=Calibration(power_scale=2, power_offset_w=-5))
    assert "power       × 2 - 5 W" in shown(one)
    said = json.loads(state_json(one))
    assert (said["power_scale"], said["power_offset_w"]) == (2, -5)


def test_summary_says_why_a_saved_calibration_is_not_used() -> None:
    text = shown(replace(CONFIG, problem="not used: it is of fake seed 2"))
    assert "the saved calibration is not used: it is of fake seed 2" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("points", [ONE.points, BOTH_WAYS, ()])
def test_summary_fits_the_width(width: int, points: tuple[CapturedPoint, ...]) -> None:
    one = record(points=points)
    state = replace(SAVED, record=one, in_use=one.calibration)
    changes = change_view(one, OLD, "the config's points", width)
    for line in [*shown(state, width).splitlines(), *lines_of(changes, width, 60)]:
        assert cell_len(line) <= width


def test_a_change_is_shown_as_old_against_new() -> None:
    lines = lines_of(change_view(OLDER, OLD, "the config's points", 80))
    assert lines[0].startswith("bike-1  3 points, cadence × 0.5, made on 2026-10-22")
    text = "\n".join(lines)
    assert "raw 511: was 45.7 %, will be 25.0 %" in text
    assert "cadence: was × 1, will be × 0.5" in text
    assert "⠒ ⠒ old" in text


def test_summary_as_json_has_all_of_it() -> None:
    said = json.loads(state_json(SAVED))
    assert said["origin"] == "saved"
    assert said["points"] == [[p.raw, p.percent] for p in ONE.points]
    assert list(said["backups"]) == ["1", "2"]
    again = record_from_json(json.dumps({"format": 1, "calibration": said["record"]}))
    assert again == ONE
    assert json.loads(state_json(BIKE))["points"] is None
