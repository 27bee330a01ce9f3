"""The flywheel against a recorded coast-down; the knob as a hand turns it."""

from itertools import pairwise
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fake.physics import Knob, SimulatedFlywheel, slowdown_rpm_per_s

# A Peloton's cadence at the end of a ride, one value per 0.3 s, magnets out
# (ihaque/pelomon's recordings).
COAST_DOWN_RPM = [
    *(70, 68, 66, 65, 63, 61, 59, 57, 56, 51, 48, 45, 42, 37, 37, 31, 31, 27, 27, 18),
    *(18, 18, 14, 14, 14, 14, 13, 13, 13, 13, 11, 11, 11, 11, 11, 9, 9, 9, 9, 9),
]

STEP_S = 0.1


def shown(
    wheel: SimulatedFlywheel, seconds: float, legs_rpm: float = 0, resistance_percent: float = 0
) -> list[float]:
    """The cadence shown after each step of so many seconds."""
    values = []
    for _ in range(round(seconds / STEP_S)):
        wheel.step(legs_rpm, resistance_percent, STEP_S)
        values.append(wheel.shown_rpm)
    return values


def test_flywheel_coasts_like_the_recorded_wheel() -> None:
    wheel = SimulatedFlywheel(cadence_rpm=70)
    coast = [70.0, *shown(wheel, 11.7)[2::3]]
    errors = [ours - real for ours, real in zip(coast, COAST_DOWN_RPM, strict=True)]
    assert sqrt(sum(error**2 for error in errors) / len(errors)) <= 5


@pytest.mark.parametrize(("resistance_percent", "seconds"), [(40, 3.0), (70, 1.0)])
def test_brake_stops_the_flywheel_sooner(resistance_percent: float, seconds: float) -> None:
    coast = shown(SimulatedFlywheel(cadence_rpm=80), 10, resistance_percent=resistance_percent)
    assert coast.index(0) * STEP_S == pytest.approx(seconds, abs=0.5)


def test_flywheel_slows_more_when_faster_and_when_braked_harder() -> None:
    assert slowdown_rpm_per_s(40, 30) < slowdown_rpm_per_s(80, 30) < slowdown_rpm_per_s(80, 60)


def test_a_slow_wheel_repeats_its_value_and_then_snaps_to_zero() -> None:
    coast = shown(SimulatedFlywheel(cadence_rpm=20), 10)
    values = [value for value in coast if value]
    assert len(set(values)) < len(values) / 3
    assert min(values) >= 3.5
    assert coast[-1] == 0


def test_flywheel_at_rest_stays_at_zero() -> None:
    assert set(shown(SimulatedFlywheel(), 5, resistance_percent=50)) == {0}


def test_starting_is_seen_after_the_first_turn_of_the_wheel() -> None:
    start = shown(SimulatedFlywheel(), 3, legs_rpm=80, resistance_percent=40)
    assert min(value for value in start if value) > 20


def test_flywheel_reaches_its_target_in_seconds_without_overshoot() -> None:
    start = shown(SimulatedFlywheel(), 20, legs_rpm=90, resistance_percent=45)
    reached_s = next(step for step, value in enumerate(start) if value >= 0.97 * 90) * STEP_S
    assert 3 <= reached_s <= 6
    assert max(start) <= 95


def test_legs_cannot_slow_the_wheel_faster_than_its_brake() -> None:
    eased, coasting = SimulatedFlywheel(cadence_rpm=90), SimulatedFlywheel(cadence_rpm=90)
    eased.step(10, 30, STEP_S)
    coasting.step(0, 30, STEP_S)
    assert eased.cadence_rpm == coasting.cadence_rpm


@given(
    start=st.floats(0, 100),
    wanted=st.floats(0, 100),
    seed=st.integers(0, 100),
)
def test_knob_turns_by_one_to_three_percent_and_settles_exactly(
    start: float, wanted: float, seed: int
) -> None:
    knob = Knob(Random(seed), start)
    places = [start]
    while knob.percent != wanted:
        knob.turn(wanted)
        places.append(knob.percent)
    moves = [abs(after - before) for before, after in pairwise(places)]
    assert all(1 - 1e-9 <= move <= 3 + 1e-9 for move in moves[:-1])
    assert all(move <= 3 for move in moves[-1:])
    assert len(moves) <= abs(wanted - start) + 1
    assert places in (sorted(places), sorted(places, reverse=True))


@pytest.mark.parametrize(("wanted", "direction"), [(60.0, 1.0), (40.0, -1.0)])
def test_knob_remembers_which_way_it_was_last_turned(wanted: float, direction: float) -> None:
    knob = Knob(Random(1), 50)
    knob.last_turn = -direction
    knob.turn(50)
    assert knob.last_turn == -direction
    knob.turn(wanted)
    assert knob.last_turn == direction
