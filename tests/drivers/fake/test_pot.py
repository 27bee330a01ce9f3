"""The pot: both ways exact, monotone, within its range; and how bent it is."""

from statistics import mean, stdev
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.fake.pot import CurveName, Pot, PotOptions
from drivers.fake.scenarios import Ride
from drivers.protocols.serial.peloton_table import DEFAULT_RESISTANCE_TABLE
from gateway.sampling.calibration import CalibrationTable

CURVES = get_args(CurveName)
CURVE = st.sampled_from(CURVES)
RANGE = st.tuples(st.integers(0, 1000), st.integers(1, 4000))
PERCENT = st.floats(0, 100)


def quiet(curve: str, **options: Any) -> Pot:
    return Pot(PotOptions.model_validate({"curve": curve, "noise_counts": 0, **options}))


def counts_at(pot: Pot, percent: float) -> int:
    return pot.counts_at(percent, last_turn=1.0, noise=0.0)


@given(curve=CURVE, reversed_=st.booleans(), percents=st.tuples(PERCENT, PERCENT))
def test_pot_counts_rise_with_the_knob_or_fall_when_reversed(
    curve: str, reversed_: bool, percents: tuple[float, float]
) -> None:
    pot = quiet(curve, reversed=reversed_)
    low, high = (counts_at(pot, percent) for percent in sorted(percents))
    assert low >= high if reversed_ else low <= high


@given(curve=CURVE, reversed_=st.booleans(), span=RANGE, percent=PERCENT)
def test_pot_stays_between_its_ends_and_reaches_both(
    curve: str, reversed_: bool, span: tuple[int, int], percent: float
) -> None:
    raw_min, raw_max = span[0], sum(span)
    pot = quiet(curve, reversed=reversed_, raw_min=raw_min, raw_max=raw_max)
    assert raw_min <= counts_at(pot, percent) <= raw_max
    ends = [counts_at(pot, 0), counts_at(pot, 100)]
    assert ends == ([raw_max, raw_min] if reversed_ else [raw_min, raw_max])


@given(curve=CURVE, reversed_=st.booleans(), share=st.floats(0, 1))
def test_pot_percent_is_the_inverse_of_its_counts(
    curve: str, reversed_: bool, share: float
) -> None:
    pot = quiet(curve, reversed=reversed_)
    counts = round(60 + share * 900)
    percent = pot.percent_at(counts)
    assert 0 <= percent <= 100
    assert counts_at(pot, percent) == counts


@given(curve=CURVE, percent=PERCENT)
def test_pot_percent_is_exact_within_half_a_count(curve: str, percent: float) -> None:
    pot = quiet(curve)
    counts = counts_at(pot, percent)
    below, above = pot.percent_at(counts - 0.5), pot.percent_at(counts + 0.5)
    assert below - 1e-9 <= percent <= above + 1e-9


@pytest.mark.parametrize("curve", CURVES)
def test_pot_percent_beyond_an_end_is_that_of_the_end(curve: str) -> None:
    pot = quiet(curve)
    assert [pot.percent_at(counts) for counts in (0, 59, 60)] == pytest.approx([0, 0, 0])
    assert [pot.percent_at(counts) for counts in (960, 961, 1023)] == pytest.approx([100] * 3)


def test_peloton_curve_is_its_real_table() -> None:
    pot = quiet("peloton", raw_min=164, raw_max=967)
    said = [counts_at(pot, step * 100 / 30) for step in range(31)]
    assert said == list(DEFAULT_RESISTANCE_TABLE)


def test_s_shaped_curve_is_steep_in_the_middle_and_flat_at_both_ends() -> None:
    pot = quiet("s_shaped")
    steps = [counts_at(pot, at + 1) - counts_at(pot, at) for at in (0, 49, 99)]
    assert steps == [3, 15, 3]
    assert counts_at(pot, 50) == 510


def worst_error(pot: Pot, points: int) -> float:
    """Of the percent by a calibration of so many equidistant points, anywhere on the knob."""
    percents = [step * 100 / (points - 1) for step in range(points)]
    table = CalibrationTable([(counts_at(pot, percent), percent) for percent in percents])
    return max(abs(table.percent_at(counts) - pot.percent_at(counts)) for counts in range(60, 961))


@pytest.mark.parametrize("reversed_", [False, True])
def test_eleven_points_calibrate_the_s_shape_and_two_are_off_by_ten(
    reversed_: bool,
) -> None:
    pot = quiet("s_shaped", reversed=reversed_)
    print(f"worst error: 11 points {worst_error(pot, 11):.2f}, 2 points {worst_error(pot, 2):.2f}")
    assert 0.6 < worst_error(pot, 11) < 0.85
    assert worst_error(pot, 2) == pytest.approx(10.1, abs=0.1)


def test_two_points_calibrate_a_linear_pot() -> None:
    assert worst_error(quiet("linear"), 2) < 1e-9


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("reversed_", [False, True])
def test_hysteresis_separates_the_two_directions_and_the_wiper_lags(
    curve: str, reversed_: bool
) -> None:
    pot = quiet(curve, reversed=reversed_, hysteresis_counts=12)
    middle = quiet(curve, reversed=reversed_).percent_at(510)
    sign = -1 if reversed_ else 1
    assert pot.counts_at(middle, 1.0, 0.0) == 510 - sign * 6
    assert pot.counts_at(middle, -1.0, 0.0) == 510 + sign * 6


@given(
    curve=CURVE,
    reversed_=st.booleans(),
    percents=st.tuples(PERCENT, PERCENT),
    hysteresis=st.floats(0, 450),
    last_turn=st.sampled_from([1.0, -1.0]),
)
def test_pot_with_any_hysteresis_is_monotone_and_reaches_its_ends(
    curve: str,
    reversed_: bool,
    percents: tuple[float, float],
    hysteresis: float,
    last_turn: float,
) -> None:
    pot = quiet(curve, reversed=reversed_, hysteresis_counts=hysteresis)
    places = [0.0, *sorted(percents), 100.0]
    said = [pot.counts_at(percent, last_turn, 0.0) for percent in places]
    assert said == sorted(said, reverse=reversed_)
    assert {said[0], said[-1]} == {60, 960}


def test_pot_noise_is_as_large_as_its_option() -> None:
    pot, ride = Pot(PotOptions(noise_counts=3)), Ride(1, "steady", 300)
    noise = [ride.state_at(ms).sensor_noise for ms in range(0, 300_000, 100)]
    said = [pot.counts_at(50, 1.0, one) for one in noise]
    assert mean(said) == pytest.approx(510, abs=0.3)
    assert stdev(said) == pytest.approx(3, rel=0.05)


def test_pot_counts_are_never_below_zero() -> None:
    pot = Pot(PotOptions(raw_min=0, noise_counts=5))
    assert pot.counts_at(0, 1.0, -3.0) == 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"curve": "log"}, "curve"),
        ({"raw_min": 960}, "raw_min 960: expected a number below raw_max, 960"),
        ({"raw_min": -1}, "raw_min"),
        ({"raw_max": 70_000}, "raw_max"),
        ({"noise_counts": -1}, "noise_counts"),
        ({"hysteresis_counts": -1}, "hysteresis_counts"),
        ({"hysteresis_counts": 451}, "hysteresis_counts 451: expected at most 450, half the range"),
        ({"hysteresis": 1}, "hysteresis"),
    ],
)
def test_wrong_pot_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PotOptions.model_validate(options)
