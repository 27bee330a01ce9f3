"""Points as rows of a table."""

import pytest

from gateway.calibrating.view.points import (
    PointRow,
    is_both_ways,
    point_rows,
    point_table,
    table_width,
)
from gateway.calibrating.view.screen import ShownTarget
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.screens import OLD, lines_of, targets

UP = CapturedPoint(50, 803, 1, 20)
AGAIN = CapturedPoint(50, 805, 1, 20)
DOWN = CapturedPoint(50, 812, 1, 20, "down")
LOW = CapturedPoint(0, 164, 1, 20)


def test_a_row_has_both_directions_of_a_percent_and_rows_rise() -> None:
    assert point_rows([UP, DOWN, LOW]) == [PointRow(0, LOW), PointRow(50, UP, DOWN)]


def test_point_that_was_captured_again_counts() -> None:
    assert point_rows([UP, AGAIN]) == [PointRow(50, AGAIN)]


def test_both_ways_are_two_directions() -> None:
    assert is_both_ways([UP, DOWN])
    assert not is_both_ways([UP, LOW])
    assert not is_both_ways([])


def rows(*arguments: object, **named: object) -> list[list[str]]:
    return [line.split() for line in lines_of(point_table(*arguments, **named))]  # type: ignore[arg-type]


def test_one_way_has_raw_value_spread_and_samples() -> None:
    points = targets(3, captured=2)
    assert rows(points, points[2]) == [
        ["%", "raw", "noise", "n"],
        ["0", "150", "1.1", "24"],
        ["50", "550", "1.1", "24"],
        [">", "100", "now"],
    ]


def test_points_of_both_ways_stand_side_by_side() -> None:
    points = targets(2, captured=3, both_ways=True)
    assert rows(points, points[3]) == [
        ["%", "up", "noise", "down", "noise"],
        [">", "0", "150", "1.1", "now"],
        ["100", "950", "1.1", "959", "1.1"],
    ]


def test_skipped_and_open_points_are_told_apart() -> None:
    assert rows([ShownTarget(0, is_skipped=True), ShownTarget(100)])[1:] == [
        ["0", "skipped"],
        ["100", "-"],
    ]


def test_a_point_that_is_captured_again_shows_what_it_was() -> None:
    points = targets(2)
    assert rows(points, points[0])[1] == [">", "0", "150", "1.1", "24"]


def test_old_percent_stands_beside_each_point() -> None:
    points = targets(2, captured=4, both_ways=True)
    assert [row[-2:] for row in rows(points, old=OLD.table)] == [
        ["noise", "was"],
        ["6.1", "%"],  # in the middle between up and down
        ["94.9", "%"],
    ]


@pytest.mark.parametrize("at", [0, 5, 17, 30])
def test_of_many_rows_those_around_the_current_one_are_shown(at: int) -> None:
    points = targets(31)
    shown = rows(points, points[at], most=9)
    assert len(shown) == 9
    assert [row for row in shown if row[0] == ">"] != []
    assert shown[-1] == ["...", "24", "more"]


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("old", [None, OLD.table])
def test_table_width_is_that_of_the_drawn_table(both_ways: bool, old: object) -> None:
    points = targets(3, captured=6, both_ways=both_ways)
    lines = lines_of(point_table(points, old=old))  # type: ignore[arg-type]
    width = table_width(points, has_old=old is not None)
    assert width - 1 <= max(map(len, lines)) <= width
