"""Where the numbers below a curve are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calibrating.view.curve_axis import raw_span, round_numbers
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint

TABLE = CalibrationTable([(200, 0), (1000, 100)])


def test_everything_that_is_drawn_is_within_the_span() -> None:
    points = [CapturedPoint(50, 1100, 1, 20)]
    low, high = raw_span(points, (TABLE, None), here=150)
    assert low < 150
    assert high > 1100
    assert high - low < 1.1 * (1100 - 150)


def test_a_single_number_has_room_on_both_sides() -> None:
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
def test_the_numbers_are_round(low: float, high: float, most: int, numbers: list[float]) -> None:
    assert list(round_numbers(low, high, most)) == pytest.approx(numbers)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 30))
def test_there_are_never_many_more_than_were_asked_for(low: float, width: float, most: int) -> None:
    numbers = list(round_numbers(low, low + width, most))
    assert len(numbers) <= most + 1
    assert all(low - 1e-6 * abs(low) <= one <= low + width + 1e-6 * abs(low) for one in numbers)
