"""What a person sees while calibrating, as plain values."""

import pytest

from gateway.calibrating.view.screen import (
    Comparison,
    captured_words,
    compared_words,
    comparisons,
    legend,
    spread,
)
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.screens import OLD, review, screen, targets

TABLE = CalibrationTable([(100 * n, 10 * n) for n in range(11)])


def test_a_captured_point_in_words() -> None:
    assert (
        captured_words(CapturedPoint(20, 437, 1.13, 24)) == "captured 437 (24 samples, noise 1.1)"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.0134, "0.013"), (0.5, "0.5"), (1.13, "1.1"), (123.4, "123.4")]
)
def test_a_spread_has_two_figures(value: float, text: str) -> None:
    assert spread(value) == text


def test_old_and_new_are_compared_at_the_ends_and_between() -> None:
    found = comparisons(TABLE, OLD.table)
    assert [one.raw for one in found] == [0, 200, 500, 800, 1000]
    assert compared_words(found[2]) == "raw 500: was 44.4 %, will be 50.0 %"


def test_comparison_leaves_out_what_is_not_known() -> None:
    assert compared_words(comparisons(TABLE, None)[0]) == "raw 0: will be 0.0 %"
    assert comparisons(None, TABLE)[1] == Comparison(200, 20, None)
    assert comparisons(None, None) == []


def test_points_make_a_table_as_soon_as_they_can() -> None:
    assert screen(targets=targets(captured=1)).table is None
    table = screen(targets=targets(captured=2)).table
    assert table is not None
    assert table.points == ((150, 0), (350, 25))


def test_points_that_make_no_table_can_be_reviewed_too() -> None:
    back = (
        CapturedPoint(0, 500, 1, 9),
        CapturedPoint(50, 600, 1, 9),
        CapturedPoint(100, 550, 1, 9),
    )
    assert review(back).table is None


def test_tables_of_different_numbers_are_not_compared() -> None:
    assert review().old_table is OLD.table
    assert review(old=Calibration(OLD.table, "percent")).old_table is None


def test_keys_that_do_the_same_are_named_together() -> None:
    keys = {"y": "accept", "enter": "accept", " ": "more", "q": "quit"}
    assert legend(keys) == [("y/Enter", "accept"), ("Space", "more"), ("q", "quit")]
