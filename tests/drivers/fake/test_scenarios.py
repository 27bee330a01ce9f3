"""Each scenario as it shows on the bike, five minutes long."""

from statistics import mean
from typing import get_args

import pytest

from drivers.fake.rider import BikeState, RiderProfile
from drivers.fake.scenarios import Ride, Scenario, switched_off_from_s, target_at

RIDE_S = 300
SEED = 1
RIDER = RiderProfile.from_seed(SEED)


def ridden(scenario: Scenario) -> list[BikeState]:
    """The bike's state at every second."""
    ride = Ride(SEED, scenario, RIDE_S)
    return [ride.state_at(second * 1000) for second in range(RIDE_S)]


def mean_power_w(states: list[BikeState]) -> float:
    return mean(state.power_w for state in states)


@pytest.mark.parametrize("scenario", get_args(Scenario))
def test_every_scenario_starts_from_standstill_and_stays_on_the_scale(scenario: Scenario) -> None:
    states = ridden(scenario)
    assert states[0].cadence_rpm == 0
    assert all(0 <= state.resistance_percent <= 100 for state in states)


def test_steady_scenario_keeps_the_riders_cadence_and_resistance() -> None:
    states = ridden("steady")[10:]
    assert all(abs(state.cadence_rpm - RIDER.cadence_rpm) < 12 for state in states)
    assert all(abs(state.resistance_percent - RIDER.resistance_percent) < 2 for state in states)


def test_warmup_intervals_cooldown_is_hard_only_in_its_intervals() -> None:
    states = ridden("warmup_intervals_cooldown")
    warmup, hard, easy = states[20:60], states[70:90], states[100:120]
    cooldown = states[-40:]
    assert mean_power_w(hard) > 2 * mean_power_w(easy)
    assert mean_power_w(hard) > 2 * mean_power_w(warmup)
    assert mean_power_w(cooldown) < mean_power_w(easy)


def test_sprint_is_ten_seconds_at_120_rpm_in_every_minute() -> None:
    states = ridden("sprint")
    for minute in range(5):
        sprint = states[minute * 60 + 49 : minute * 60 + 55]
        assert mean(state.cadence_rpm for state in sprint) == pytest.approx(120, abs=8)
        before = states[minute * 60 + 30 : minute * 60 + 45]
        assert mean(state.cadence_rpm for state in before) < 100


def test_climb_gets_two_percent_steeper_every_twenty_seconds() -> None:
    target = target_at("climb", RIDE_S, RIDER)
    gains = [
        target(second + 20).resistance_percent - target(second).resistance_percent
        for second in range(RIDE_S - 20)
    ]
    assert gains == pytest.approx([2] * len(gains))
    states = ridden("climb")
    assert states[200].resistance_percent - states[5].resistance_percent == pytest.approx(20, abs=2)


def test_stop_and_go_comes_to_a_stop_in_every_minute_and_starts_again() -> None:
    states = ridden("stop_and_go")
    for minute in range(5):
        going, stopped = states[minute * 60 + 10 : minute * 60 + 40], states[minute * 60 + 50]
        assert all(state.cadence_rpm > 60 for state in going)
        assert stopped.cadence_rpm == 0
        assert stopped.power_w == 0


def test_idle_scenario_never_moves() -> None:
    assert {state.cadence_rpm for state in ridden("idle")} == {0}


def test_walkaway_gets_off_and_the_bike_switches_itself_off() -> None:
    states = ridden("walkaway")
    assert states[179].cadence_rpm > 60
    assert {state.cadence_rpm for state in states[190:]} == {0}
    assert switched_off_from_s("walkaway", RIDE_S) == 195


@pytest.mark.parametrize("scenario", [name for name in get_args(Scenario) if name != "walkaway"])
def test_scenario_other_than_walkaway_never_switches_off(scenario: Scenario) -> None:
    assert switched_off_from_s(scenario, RIDE_S) is None


def test_ride_state_does_not_depend_on_the_order_of_asking() -> None:
    late, whole = Ride(1, "sprint", 60), Ride(1, "sprint", 60)
    instants_ms = range(0, 60_000, 250)
    states = {ms: whole.state_at(ms) for ms in instants_ms}
    assert {ms: late.state_at(ms) for ms in reversed(instants_ms)} == states


def test_a_state_lasts_for_a_tenth_of_a_second() -> None:
    ride = Ride(1, "steady", 60)
    assert ride.state_at(30_000) == ride.state_at(30_099)
    assert ride.state_at(30_000) != ride.state_at(30_100)


def test_only_the_bike_that_was_walked_away_from_switches_itself_off() -> None:
    assert not Ride(1, "steady", 60).is_switched_off(59_999)
    walkaway = Ride(1, "walkaway", 60)
    assert not walkaway.is_switched_off(50_999)
    assert walkaway.is_switched_off(51_000)
