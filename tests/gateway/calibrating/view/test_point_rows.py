"""Points as rows of a table."""

from gateway.calibrating.view.point_rows import PointRow, is_both_ways, point_rows
from gateway.sampling.calibration_record import CapturedPoint

UP = CapturedPoint(50, 803, 1, 20)
AGAIN = CapturedPoint(50, 805, 1, 20)
DOWN = CapturedPoint(50, 812, 1, 20, "down")
LOW = CapturedPoint(0, 164, 1, 20)


def test_a_row_has_both_directions_of_a_percent_and_rows_rise() -> None:
    assert point_rows([UP, DOWN, LOW]) == [PointRow(0, LOW), PointRow(50, UP, DOWN)]


def test_what_was_captured_again_counts() -> None:
    assert point_rows([UP, AGAIN]) == [PointRow(50, AGAIN)]


def test_both_ways_are_two_directions() -> None:
    assert is_both_ways([UP, DOWN])
    assert not is_both_ways([UP, LOW])
    assert not is_both_ways([])
