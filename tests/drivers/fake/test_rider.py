"""Riders differ, waver, tire and sweat; and a seed is always the same rider."""

from dataclasses import astuple
from itertools import combinations, islice, pairwise
from random import Random
from statistics import mean, stdev

import pytest

from drivers.fake.physics import Knob
from drivers.fake.rider import (
    STEP_S,
    BikeState,
    Heart,
    Legs,
    Reserve,
    RiderProfile,
    RiderTarget,
    Wander,
    adjust,
    simulate,
)
from drivers.magnetic_brake import power_w, speed_kmh

STEPS_PER_MINUTE = round(60 / STEP_S)


def ride(seed: int, target: RiderTarget, minutes: int = 5) -> list[BikeState]:
    states = simulate(RiderProfile.from_seed(seed), lambda second: target, seed)
    return list(islice(states, minutes * STEPS_PER_MINUTE))


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_rider_is_plausible(seed: int) -> None:
    rider = RiderProfile.from_seed(seed)
    steady_w = power_w(rider.cadence_rpm, rider.resistance_percent)
    assert 70 <= rider.cadence_rpm <= 98
    assert 30 <= rider.resistance_percent <= 65
    assert 0.7 <= steady_w / rider.critical_w <= 1.15


def test_eight_seeds_are_eight_riders() -> None:
    riders = [RiderProfile.from_seed(seed) for seed in range(1, 9)]
    for one, other in combinations(riders, 2):
        cadence_rpm = abs(one.cadence_rpm - other.cadence_rpm)
        resistance_percent = abs(one.resistance_percent - other.resistance_percent)
        assert max(cadence_rpm, resistance_percent) > 1


def test_a_seed_is_the_same_rider_on_every_machine() -> None:
    expected = (82.48, 49.57, 231.59, 16818.02, 60.65)
    assert astuple(RiderProfile.from_seed(1)) == pytest.approx(expected, abs=0.01)


def test_simulated_ride_is_the_same_for_the_same_seed_alone() -> None:
    target = RiderTarget(85, 45)
    assert ride(3, target, minutes=1) == ride(3, target, minutes=1)
    assert ride(3, target, minutes=1) != ride(4, target, minutes=1)


@pytest.mark.slow
def test_wander_has_the_spread_and_the_memory_it_was_given() -> None:
    wander = Wander(Random(1), sd=1.2, return_s=5)
    values = [wander.step() for _ in range(200_000)]
    assert stdev(values) == pytest.approx(1.2, rel=0.1)
    lag = round(5 / STEP_S)
    memory = mean(a * b for a, b in zip(values, values[lag:], strict=False)) / stdev(values) ** 2
    assert memory == pytest.approx(0.37, abs=0.1)


def test_steady_legs_stay_near_their_target_and_power_follows() -> None:
    states = ride(1, RiderTarget(80, 40))[STEPS_PER_MINUTE // 6 :]
    assert mean(state.cadence_rpm for state in states) == pytest.approx(80, abs=4)
    assert 1 <= stdev(state.cadence_rpm for state in states) <= 5
    errors = [state.power_w - power_w(state.cadence_rpm, 40) for state in states]
    assert mean(errors) == pytest.approx(0, abs=0.3)
    assert 1 <= stdev(errors) <= 2


def test_the_heart_of_a_ride_goes_up() -> None:
    states = ride(1, RiderTarget(80, 45))
    assert states[-1].heart_rate_bpm - states[0].heart_rate_bpm > 40


def test_the_resistance_sensor_is_off_by_a_tenth_of_a_percent() -> None:
    percents = [state.resistance_percent for state in ride(1, RiderTarget(80, 40), minutes=1)]
    assert mean(percents) == pytest.approx(40, abs=0.02)
    assert stdev(percents) == pytest.approx(0.1, abs=0.02)


def test_a_hand_takes_seconds_to_turn_the_knob() -> None:
    rider = RiderProfile.from_seed(1)
    states = simulate(rider, lambda second: RiderTarget(80, 30 if second < 10 else 60), seed=1)
    percents = [state.resistance_percent for state in islice(states, 300)]
    reached = next(step for step, percent in enumerate(percents) if percent > 58)
    assert 4 <= reached * STEP_S - 10 <= 12


def test_rider_who_does_not_pedal_gives_no_power_or_speed() -> None:
    states = ride(1, RiderTarget(0, 40), minutes=1)
    assert {(state.cadence_rpm, state.power_w, state.speed_kmh) for state in states} == {(0, 0, 0)}


def test_the_reserve_is_spent_above_critical_power_and_refilled_below() -> None:
    reserve = Reserve(critical_w=200, most_j=15_000)
    for _ in range(STEPS_PER_MINUTE):
        reserve.step(300)
    assert reserve.left_j == pytest.approx(15_000 - 100 * 60)
    spent = reserve.left_j
    for _ in range(STEPS_PER_MINUTE):
        reserve.step(100)
    assert reserve.left_j - spent == pytest.approx((15_000 - spent) * 0.125, rel=0.01)


@pytest.mark.parametrize(("left_j", "tiredness"), [(15_000, 0), (3_000, 0), (1_500, 0.5), (0, 1)])
def test_rider_tires_below_a_fifth_of_the_reserve(left_j: float, tiredness: float) -> None:
    reserve = Reserve(critical_w=200, most_j=15_000)
    reserve.left_j = left_j
    assert reserve.tiredness == pytest.approx(tiredness)


def test_tired_legs_sag_by_fifteen_percent() -> None:
    fresh, tired = Legs(Random(1)), Legs(Random(1))
    target = RiderTarget(100, 40)
    assert fresh.step(target, 0) - tired.step(target, 1) == pytest.approx(15)


def test_legs_keep_to_a_beat_however_tired_they_are() -> None:
    legs = Legs(Random(1))
    beat = RiderTarget(90, 40, has_beat=True)
    assert mean(legs.step(beat, tiredness=1) for _ in range(6000)) == pytest.approx(90, abs=0.03)


def test_rider_far_above_critical_power_wears_out() -> None:
    states = ride(1, RiderTarget(95, 65))
    early = mean(state.power_w for state in states[100:300])
    late = mean(state.power_w for state in states[-200:])
    assert late < 0.75 * early
    assert states[-1].resistance_percent < 63


@pytest.mark.parametrize(("power_w", "bpm"), [(0, 60), (200, 150), (800, 190)])
def test_the_heart_settles_by_power_and_has_a_limit(power_w: float, bpm: float) -> None:
    heart = Heart(resting_bpm=60)
    for _ in range(10 * STEPS_PER_MINUTE):
        heart.step(power_w)
    assert heart.rate_bpm == pytest.approx(bpm, abs=0.1)


def test_the_heart_rises_in_half_a_minute_and_calms_down_in_a_whole() -> None:
    heart = Heart(resting_bpm=60)
    for _ in range(STEPS_PER_MINUTE // 2):
        heart.step(200)
    assert heart.rate_bpm == pytest.approx(60 + 90 * 0.632, abs=0.5)
    risen = heart.rate_bpm
    for _ in range(STEPS_PER_MINUTE):
        heart.step(0)
    assert heart.rate_bpm - 60 == pytest.approx((risen - 60) * 0.368, abs=0.5)


def test_the_knob_goes_in_steps_of_one_to_three_percent_and_stays() -> None:
    knob = Knob(Random(1), percent=40)
    values = [40.0]
    for _ in range(20):
        adjust(knob, 50, tiredness=0)
        values.append(knob.percent)
    moves = [after - before for before, after in pairwise(values)]
    assert all(move == 0 or 1 <= move <= 3 for move in moves)
    assert 49 < values[-1] <= 50
    assert moves[-5:] == [0] * 5


@pytest.mark.parametrize(("asked", "end"), [(140, 100), (-30, 0)])
def test_knob_stays_between_its_ends(asked: float, end: float) -> None:
    knob = Knob(Random(1), percent=50)
    for _ in range(200):
        adjust(knob, asked, tiredness=0)
    assert 0 <= knob.percent <= 100
    assert knob.percent == pytest.approx(end, abs=1)


def test_a_tired_rider_eases_the_knob_by_six_percent() -> None:
    knob = Knob(Random(1), percent=50)
    for _ in range(20):
        adjust(knob, 50, tiredness=1)
    assert knob.percent == 44


def test_a_ride_knows_which_way_the_knob_was_turned() -> None:
    up = ride(1, RiderTarget(85, 60), minutes=1)
    down = simulate(
        RiderProfile.from_seed(1), lambda second: RiderTarget(85, 60 if second < 20 else 30), seed=1
    )
    states = list(islice(down, 40 * round(1 / STEP_S)))
    assert {state.last_turn for state in up} == {1.0}
    assert (states[199].last_turn, states[-1].last_turn) == (1.0, -1.0)
    assert states[-1].knob_percent == pytest.approx(30, abs=1)


def test_the_sensor_wavers_by_a_tenth_of_a_percent_about_the_knob() -> None:
    states = ride(1, RiderTarget(85, 45))
    noise = [state.sensor_noise for state in states]
    assert mean(noise) == pytest.approx(0, abs=0.05)
    assert stdev(noise) == pytest.approx(1, rel=0.05)
    for state in states:
        assert state.resistance_percent == pytest.approx(
            state.knob_percent + 0.1 * state.sensor_noise
        )


@pytest.mark.parametrize(("knob_percent", "noise"), [(0, -3), (100, 3)])
def test_resistance_sensor_stays_on_its_scale(knob_percent: float, noise: float) -> None:
    assert BikeState(80, knob_percent, 0, 0, 60, 1, noise).resistance_percent == knob_percent


def test_moved_knob_changes_power_and_speed_at_the_same_cadence() -> None:
    state = BikeState(80, 40, 112, 27, 140, 1.0, 0.5).with_knob(70, -1.0)
    power = power_w(80, 70)
    assert state == BikeState(80, 70, power, speed_kmh(power), 140, -1.0, 0.5)


def test_the_bikes_values_stay_on_their_scales_in_the_hardest_of_rides() -> None:
    for state in ride(2, RiderTarget(130, 100)):
        assert 0 <= state.cadence_rpm < 200
        assert 0 <= state.power_w < 2_500
        assert 50 <= state.heart_rate_bpm <= 190
