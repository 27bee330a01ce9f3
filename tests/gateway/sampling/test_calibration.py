"""From raw resistance to percent: through the points, monotone, never beyond its ends."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from drivers import Reading
from drivers.protocols.serial.peloton_table import DEFAULT_RESISTANCE_TABLE
from drivers.protocols.serial.peloton_table import resistance_percent as peloton_percent
from gateway.sampling.calibration import (
    AS_PERCENT,
    AS_SAID,
    Calibration,
    CalibrationTable,
    ResistanceSource,
    resistance,
)

Points = list[tuple[float, float]]

RAWS = st.integers(-800_000, 800_000).map(lambda eighths: eighths / 8)
#: The Peloton's own table as points, of which entry n of 0 … 30 is n/30 of the way.
PELOTON: Points = [
    (float(raw), index / 30 * 100) for index, raw in enumerate(DEFAULT_RESISTANCE_TABLE)
]


@st.composite
def tables(draw: st.DrawFn) -> Points:
    """Rising or falling, in any order."""
    size = draw(st.integers(2, 12))
    raws = sorted(draw(st.sets(st.integers(-50_000, 50_000), min_size=size, max_size=size)))
    tenths = sorted(draw(st.sets(st.integers(0, 1000), min_size=size, max_size=size)))
    if draw(st.booleans()):
        tenths.reverse()
    points: Points = [(raw, tenth / 10) for raw, tenth in zip(raws, tenths, strict=True)]
    return draw(st.permutations(points))


@given(tables())
def test_calibration_table_goes_through_every_point(points: Points) -> None:
    table = CalibrationTable(points)
    assert [(raw, table.percent_at(raw)) for raw, _ in points] == points


@given(tables(), RAWS)
def test_calibration_table_stays_between_the_percents_of_its_ends(
    points: Points, raw: float
) -> None:
    percents = [percent for _, percent in points]
    assert min(percents) <= CalibrationTable(points).percent_at(raw) <= max(percents)


@given(tables(), st.lists(RAWS, min_size=2))
def test_calibration_table_is_monotone(points: Points, raws: list[float]) -> None:
    table = CalibrationTable(points)
    percents = [table.percent_at(raw) for raw in sorted(raws)]
    rises = max(points)[1] > min(points)[1]
    assert percents == sorted(percents, reverse=not rises)


@given(tables(), RAWS)
def test_calibration_table_beyond_an_end_has_the_percent_of_that_end(
    points: Points, raw: float
) -> None:
    table = CalibrationTable(points)
    (low_raw, low_percent), (high_raw, high_percent) = min(points), max(points)
    assert table.percent_at(low_raw - abs(raw)) == low_percent
    assert table.percent_at(high_raw + abs(raw)) == high_percent


@pytest.mark.parametrize(
    ("points", "raw", "percent"),
    [
        ([(0, 0), (100, 100)], 25, 25),
        ([(0, 0), (10, 50), (110, 100)], 60, 75),
        ([(1000, 0), (0, 100)], 250, 75),
        ([(10, 20), (20, 40)], 5, 20),
        ([(10, 20), (20, 40)], 25, 40),
    ],
)
def test_calibration_table_is_linear_between_two_points(
    points: Points, raw: float, percent: float
) -> None:
    assert CalibrationTable(points).percent_at(raw) == percent


@pytest.mark.parametrize(
    ("points", "complaint"),
    [
        ([], r"0 point\(s\): a table needs at least 2"),
        ([(1, 1)], r"1 point\(s\): a table needs at least 2"),
        ([(0, 0), (5, 101)], r"point \(5, 101\): percent must be in 0 … 100"),
        ([(0, -1), (5, 50)], r"point \(0, -1\): percent must be in 0 … 100"),
        ([(0, 0), (5, nan)], r"point \(5, nan\)"),
        ([(0, 0), (5, 50), (9, 40)], r"points \(5, 50\) and \(9, 40\)"),
        ([(0, 90), (5, 95), (9, 40)], r"points \(0, 90\) and \(5, 95\)"),
        ([(0, 0), (5, 50), (9, 50)], r"points \(5, 50\) and \(9, 50\)"),
        ([(0, 90), (5, 50), (9, 50)], r"points \(5, 50\) and \(9, 50\)"),
        ([(0, 0), (5, 50), (5, 60)], r"points \(5, 50\) and \(5, 60\)"),
        ([(nan, 0), (5, 50)], r"point \(nan, 0\)"),
        ([(0, 0), (inf, 50)], r"point \(inf, 50\)"),
    ],
)
def test_calibration_table_refuses_bad_points_and_names_them(
    points: Points, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        CalibrationTable(points)


class TestPeloton:
    """A real S-shaped sensor curve."""

    @given(st.floats(0, 1100))
    def test_peloton_table_agrees_with_the_protocol(self, raw: float) -> None:
        assert CalibrationTable(PELOTON).percent_at(raw) == pytest.approx(peloton_percent(raw))

    def test_peloton_line_by_two_points_is_wrong_by_thirty_points(self) -> None:
        line = CalibrationTable([PELOTON[0], PELOTON[-1]])
        errors = [abs(line.percent_at(raw) - percent) for raw, percent in PELOTON]
        assert 28 < max(errors) < 32


@given(tables(), RAWS)
def test_calibration_table_is_clamped_only_beyond_its_ends(points: Points, raw: float) -> None:
    table = CalibrationTable(points)
    assert table.is_clamped(raw) == (not min(points)[0] <= raw <= max(points)[0])


TABLE = CalibrationTable([(0, 10), (1000, 90)])
BY_RAW, BY_PERCENT = Calibration(TABLE), Calibration(TABLE, "percent")
CALIBRATED, DEVICE = ResistanceSource.CALIBRATED, ResistanceSource.DEVICE
UNCALIBRATED = ResistanceSource.UNCALIBRATED


@pytest.mark.parametrize(
    ("raw", "percent", "calibration", "result"),
    [
        (500, 33, BY_RAW, (50, CALIBRATED)),
        (500, None, BY_RAW, (50, CALIBRATED)),
        (500, 100, BY_PERCENT, (18, CALIBRATED)),
        (None, 100, BY_PERCENT, (18, CALIBRATED)),
        # Of another kind than what was calibrated.
        (None, 33, BY_RAW, None),
        (500, None, BY_PERCENT, None),
        (500, 33, AS_SAID, (33, DEVICE)),
        (42, None, AS_SAID, (42, UNCALIBRATED)),
        (500, None, AS_SAID, (100, UNCALIBRATED)),
        (-5, None, AS_SAID, (0, UNCALIBRATED)),
        (None, 103, AS_SAID, (100, DEVICE)),
        (None, 0, AS_SAID, (0, DEVICE)),
        (0, None, AS_SAID, (0, UNCALIBRATED)),
        (None, None, AS_SAID, None),
        (None, None, BY_RAW, None),
    ],
)
def test_resistance_is_by_calibration_then_bikes_percent_then_raw_number(
    raw: float | None,
    percent: float | None,
    calibration: Calibration,
    result: tuple[float, ResistanceSource] | None,
) -> None:
    reading = Reading(at_ns=0, resistance_raw=raw, resistance_percent=percent)
    assert resistance(reading, calibration) == result


def test_calibration_names_the_number_that_its_table_converts() -> None:
    own_numbers = [one.own_numbers for one in (BY_RAW, BY_PERCENT, AS_SAID)]
    assert own_numbers == [{"resistance_raw"}, {"resistance_percent"}, frozenset()]


@pytest.mark.parametrize(
    ("calibration", "written"),
    [
        (Calibration(), {}),
        (Calibration(power_scale=2.0), {"power_scale": 2.0}),
        (Calibration(power_offset_w=-3.0), {"power_offset_w": -3.0}),
    ],
    ids=["none", "scale", "offset"],
)
def test_calibration_is_written_with_the_power_corrections_that_change_something(
    calibration: Calibration, written: dict[str, float]
) -> None:
    fields = TypeAdapter(Calibration).dump_python(calibration)
    assert {name: value for name, value in fields.items() if "power" in name} == written
    assert calibration.corrects_power == bool(written)


@pytest.mark.parametrize("percent", [0, 0.5, 1, 50, 99.5, 100])
def test_table_of_an_uncalibrated_number_leaves_percents_as_they_are(percent: float) -> None:
    assert AS_PERCENT.percent_at(percent) == percent
