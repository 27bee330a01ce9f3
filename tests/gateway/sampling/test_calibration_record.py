"""What was measured, as a file: the same when it comes back, and refused when it cannot be one."""

import json
from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sampling.calibration import Calibration
from gateway.sampling.calibration_record import (
    CalibrationFormatError,
    CalibrationRecord,
    CapturedPoint,
    Direction,
    made_now,
    mean_points,
    record_from_json,
    record_to_json,
)
from tests.support.calibrations import record


def point(percent: float, raw: float, direction: Direction = "up") -> CapturedPoint:
    return CapturedPoint(percent, raw, 1.1, 24, direction)


@st.composite
def records(draw: st.DrawFn) -> CalibrationRecord:
    size = draw(st.integers(2, 8))
    raws = sorted(draw(st.sets(st.integers(-4000, 4000), min_size=size, max_size=size)))
    percents = sorted(draw(st.sets(st.integers(0, 100), min_size=size, max_size=size)))
    points = tuple(point(p, raw + 0.5) for p, raw in zip(percents, raws, strict=True))
    return record(
        bike_id=draw(st.text("abc-:_9", min_size=1)),
        made_at=draw(st.datetimes(timezones=st.just(UTC))),
        points=draw(st.sampled_from([points, ()])),
        cadence_scale=draw(st.floats(0.1, 20)),
        power_scale=draw(st.just(1.0) | st.floats(0.01, 100)),
        power_offset_w=draw(st.just(0.0) | st.floats(-500, 500)),
        rate_hz=draw(st.none() | st.floats(0, 20)),
        quantity=draw(st.sampled_from(["raw", "percent"])),
    )


@given(records())
def test_calibration_record_survives_json(one: CalibrationRecord) -> None:
    assert record_from_json(record_to_json(one)) == one


def test_calibration_record_has_a_table_of_its_captured_points() -> None:
    table = record(points=(point(0, 100), point(50, 300), point(100, 400))).calibration.table
    assert table is not None
    assert table.points == ((100, 0), (300, 50), (400, 100))


def test_points_captured_up_and_down_are_averaged() -> None:
    points = (point(0, 100), point(50, 300), point(100, 400), point(50, 320, "down"))
    assert mean_points(points) == [(100, 0), (310, 50), (400, 100)]


def test_point_captured_twice_in_one_direction_counts_once() -> None:
    points = (point(50, 300), point(50, 304), point(50, 322, "down"))
    assert mean_points(points) == [(312, 50)]


def test_calibration_record_without_points_has_a_cadence_scale_only() -> None:
    assert record(points=(), cadence_scale=0.5).calibration == Calibration(None, "raw", 0.5)


def test_calibration_record_corrects_the_power() -> None:
    used = record(points=(), power_scale=2, power_offset_w=-5).calibration
    assert used == Calibration(None, "raw", 1.0, 2.0, -5.0)


def test_calibration_record_is_written_for_people_too() -> None:
    text = record_to_json(record())
    assert text.splitlines()[1] == '  "format": 1,'
    assert text.endswith("\n}\n")


def test_record_without_a_power_correction_is_written_as_before_there_was_one() -> None:
    assert "power" not in record_to_json(record())
    assert '"power_scale": 2.0' in record_to_json(record(power_scale=2.0))
    assert '"power_offset_w"' not in record_to_json(record(power_scale=2.0))


def changed(**fields: Any) -> str:
    data = json.loads(record_to_json(record()))
    data["calibration"] |= fields
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "file: "),
        ("[]", "file: "),
        ('{"format": 2}', "format: "),
        (
            changed(points=[{"percent": 101, "raw": 1, "noise": 1, "samples": 1}]),
            "points.0.percent",
        ),
        (changed(points=[{"percent": 0, "raw": "x", "noise": 1, "samples": 1}]), "points.0.raw"),
        (
            changed(points=[{"percent": 0, "raw": inf, "noise": 1, "samples": 1}]),
            "points.0.raw: Input should be a finite number",
        ),
        (changed(points=[{"percent": 0, "raw": 1, "noise": -1, "samples": 1}]), "points.0.noise"),
        (changed(points=[{"percent": 0, "raw": 1, "noise": 1, "samples": 1}]), "1 point"),
        (changed(cadence_scale=0), "cadence_scale"),
        (changed(power_scale=0), "power_scale"),
        (changed(power_offset_w=501), "power_offset_w"),
        (changed(made_at="2026-11-21T18:00:00"), "made_at"),
        (changed(quantity="level"), "quantity"),
        (changed(humidity=40), "humidity"),
    ],
)
def test_malformed_calibration_record_is_refused_naming_the_field(
    text: str, complaint: str
) -> None:
    with pytest.raises(CalibrationFormatError, match=complaint):
        record_from_json(text)


def test_calibration_record_refuses_points_that_make_no_table() -> None:
    points = [
        {"percent": percent, "raw": raw, "noise": 1, "samples": 20}
        for percent, raw in [(0, 100), (50, 90), (100, 400)]
    ]
    with pytest.raises(CalibrationFormatError, match=r"points \(90, 50\) and \(100, 0\)"):
        record_from_json(changed(points=points))


def test_calibration_record_has_its_time_in_whole_seconds_with_the_zone() -> None:
    made_at = made_now(datetime(2026, 11, 21, 18, 0, 0, 999_999, tzinfo=UTC))
    assert '"2026-11-21T18:00:00Z"' in record_to_json(record(made_at=made_at))
