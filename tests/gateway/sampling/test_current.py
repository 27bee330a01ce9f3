"""The newest values of a bike, as the running second will count them."""

from gateway.sampling.current import CurrentValue, CurrentValues
from tests.support.sampled_ride import SampledRide


def test_value_has_its_age_and_becomes_stale() -> None:
    ride = SampledRide().connect()
    ride.say(0.5, cadence_rpm=80, power_w=150, resistance_percent=40)
    fresh, old = ride.current(1), ride.current(5)
    assert fresh.cadence_rpm == CurrentValue(80, 0.5)
    assert fresh.resistance_percent == CurrentValue(40, 0.5)
    assert old.power_w == CurrentValue(150, 4.5, is_stale=True)
    assert old.resistance_percent == CurrentValue(40, 4.5)


def test_value_that_was_never_reported_is_unknown_and_zero_is_zero() -> None:
    ride = SampledRide().connect()
    assert ride.current(1) == CurrentValues()
    ride.say(1, cadence_rpm=0)
    assert ride.current(3) == CurrentValues(cadence_rpm=CurrentValue(0, 2.0))


def test_zero_that_may_be_a_drop_out_does_not_count_yet() -> None:
    ride = SampledRide().connect()
    ride.say(0.5, cadence_rpm=80)
    ride.say(1, cadence_rpm=0)
    assert [ride.current(at_s).cadence_rpm for at_s in (1.5, 3)] == [
        CurrentValue(80, 0.5),
        CurrentValue(0, 2.0),
    ]


def test_resistance_is_derived_if_the_bike_reports_none() -> None:
    ride = SampledRide().connect()
    for second in range(1, 6):
        ride.say(second - 0.5, cadence_rpm=80, power_w=150)
        sample = ride.close(second)
    found = ride.current(5).resistance_percent
    assert found == CurrentValue(sample.resistance_percent, 0.5)
    assert sample.resistance_percent > 0


def test_lost_bike_has_no_current_values() -> None:
    ride = SampledRide().connect()
    ride.say(0.5, cadence_rpm=80, power_w=150, resistance_percent=40)
    ride.lose(0.7)
    ride.close(1)
    assert ride.current(1) == CurrentValues()
