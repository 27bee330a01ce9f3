"""A curve drawn with letters: it fits, and shows what is where."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from gateway.calibrating.view.curve import GUTTER, CurveView, raw_span, round_numbers
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.calibrations import POINTS

TABLE = CalibrationTable([(point.raw, point.percent) for point in POINTS])
OLD = CalibrationTable([(170, 0), (950, 100)])
DOWN = [CapturedPoint(50, 830, 1, 20, "down")]
ALL = CurveView([*POINTS, *DOWN], TABLE, OLD, 700)


def drawn(view: CurveView, encoding: str = "utf-8", width: int = 80) -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=24)
    console.print(view)
    file.seek(0)
    return file.read().splitlines()


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


def test_curve_is_as_wide_and_as_high_as_asked_for() -> None:
    lines = drawn(ALL)
    assert len(lines) == 12
    assert max(map(cell_len, lines)) <= 76


def test_curve_is_narrower_on_a_narrower_console() -> None:
    assert max(map(cell_len, drawn(ALL, width=50))) <= 50


def test_percent_rises_to_the_top_and_raw_to_the_right() -> None:
    lines = drawn(CurveView(POINTS[:1] + POINTS[-1:], TABLE))
    assert lines[1].startswith("100 % ┤")
    assert lines[1].index("●") > 70
    assert lines[9].startswith("  0 % ┤")
    assert lines[9].index("●") < GUTTER + 4
    assert lines[11].split() == ["raw", "200", "400", "600", "800"]


def test_axis_number_stands_below_its_place() -> None:
    lines = drawn(CurveView([CapturedPoint(50, 400, 1, 20)], TABLE))
    mark = next(line.index("●") for line in lines[1:] if "●" in line)
    assert abs(lines[11].index("400") + 1 - mark) <= 1
    assert lines[10][mark] == "┴"


def test_directions_curves_and_now_are_told_apart_without_colour() -> None:
    lines = drawn(ALL)
    assert lines[0].strip().split("  ") == ["● up", "○ down", "⠒⠒ new", "⠒ ⠒ old", "◆ now"]
    plot = "".join(lines[1:10])
    assert plot.count("●") >= 3
    assert plot.count("○") == 1
    assert plot.count("◆") == 1


def test_legend_leaves_out_what_is_not_drawn() -> None:
    assert drawn(CurveView(POINTS, TABLE))[0].split() == ["●", "up", "⠒⠒", "curve"]
    assert drawn(CurveView(here=3))[0].strip() == ""


def test_the_old_curve_is_broken_and_the_new_one_is_not() -> None:
    def columns(view: CurveView) -> int:
        plot = [line[GUTTER:].ljust(69) for line in drawn(view)[1:10]]
        return sum(any(letter != " " for letter in column) for column in zip(*plot, strict=True))

    assert columns(CurveView(table=OLD)) == 69
    assert columns(CurveView(old=OLD)) < 69


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_curve_is_ascii_without_utf_8(encoding: str) -> None:
    text = "\n".join(drawn(ALL, encoding))
    assert text.isascii()
    for mark in ("o up", "x down", "** new", ".. old", "@ now"):
        assert mark in text


def test_a_screen_in_text_mode_has_no_braille(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    assert "\n".join(drawn(ALL)).isascii()


def test_curve_of_nothing_is_an_empty_plot_without_numbers() -> None:
    lines = drawn(CurveView())
    assert len(lines) == 12
    assert lines[11].strip() == "raw"


@given(
    st.lists(st.floats(-1e5, 1e5), min_size=2, max_size=12, unique=True),
    st.floats(-1e5, 1e5),
    st.booleans(),
    st.integers(40, 140),
    st.integers(5, 30),
)
def test_curve_of_any_table_is_drawn_within_its_lines(
    raws: list[float], here: float, falls: bool, width: int, height: int
) -> None:
    percents = [100 * n / (len(raws) - 1) for n in range(len(raws))]
    table = CalibrationTable(list(zip(sorted(raws, reverse=falls), percents, strict=True)))
    points = [CapturedPoint(percent, raw, 1, 9) for raw, percent in table.points]
    lines = drawn(CurveView(points, table, OLD, here, width, height), width=width)
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


def test_raw_span_has_everything_that_is_drawn() -> None:
    points = [CapturedPoint(50, 1100, 1, 20)]
    table = CalibrationTable([(200, 0), (1000, 100)])
    low, high = raw_span(points, (table, None), here=150)
    assert low < 150
    assert high > 1100
    assert high - low < 1.1 * (1100 - 150)


def test_raw_span_of_a_single_number_has_room_on_both_sides() -> None:
    assert raw_span([CapturedPoint(0, 7, 0, 1)], ()) == (6, 8)


@pytest.mark.parametrize(
    ("low", "high", "most", "numbers"),
    [
        (156, 967, 5, [200, 400, 600, 800]),
        (0, 100, 10, list(range(0, 101, 10))),
        (-3, 3, 3, [-2, 0, 2]),
        (0.1, 0.52, 4, [0.2, 0.4]),
        (0, 1, 0, []),
    ],
)
def test_axis_numbers_are_round(low: float, high: float, most: int, numbers: list[float]) -> None:
    assert list(round_numbers(low, high, most)) == pytest.approx(numbers)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 30))
def test_axis_has_at_most_one_number_more_than_asked_for(
    low: float, width: float, most: int
) -> None:
    numbers = list(round_numbers(low, low + width, most))
    assert len(numbers) <= most + 1
    rounding = 1e-6 * (abs(low) + width)
    assert all(low - rounding <= one <= low + width + rounding for one in numbers)
