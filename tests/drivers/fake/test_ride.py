"""A ride is remembered, and asking in another order gives the same answers."""

from drivers.fake.ride import Ride


def test_asking_late_is_asking_from_the_start() -> None:
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
