"""Whether a connection ended because of a start command, and whether a bike needs one."""

import pytest

from drivers.ble.start import AT_ONCE_NS, LOCKED_UP_NS, UNMOVED_NS, StartTrial
from drivers.reading import Reading

S = 1_000_000_000
START = b"\x07"
ZEROS = [Reading(0, cadence_rpm=0, power_w=0, speed_kmh=0)]


def started() -> StartTrial:
    trial = StartTrial(0)
    trial.heard(4 * S, ZEROS)
    trial.sent(5 * S, START)
    return trial


@pytest.mark.parametrize("later_s", [0.02, 1, 4, 10])
def test_connection_without_data_after_a_start_ended_because_of_it(later_s: float) -> None:
    assert started().was_the_end(5 * S + round(later_s * S))


def test_notification_that_was_on_its_way_proves_nothing() -> None:
    trial = started()
    trial.heard(5 * S + AT_ONCE_NS, ZEROS)
    assert trial.was_the_end(9 * S)


@pytest.mark.parametrize(
    "moving",
    [
        pytest.param(Reading(0, cadence_rpm=1), id="cadence"),
        pytest.param(Reading(0, power_w=1), id="power"),
        pytest.param(Reading(0, speed_kmh=1), id="speed"),
    ],
)
def test_link_of_a_bike_that_moves_after_its_start_was_lost_by_chance(moving: Reading) -> None:
    trial = started()
    trial.heard(5 * S + 1, [moving])
    assert not trial.was_the_end(5 * S + 2)


def test_link_of_a_bike_that_sends_zeros_after_its_start_was_lost_by_chance() -> None:
    trial = started()
    trial.heard(6 * S, ZEROS)
    assert not trial.was_the_end(6 * S)


def test_link_of_a_bike_that_accepted_its_start_was_lost_by_chance_unless_at_once() -> None:
    trial = started()
    trial.accepted()
    assert trial.was_the_end(5 * S + AT_ONCE_NS)
    assert not trial.was_the_end(5 * S + AT_ONCE_NS + 1)


def test_bike_that_accepts_its_start_and_is_silent_from_then_on_has_locked_up() -> None:
    trial = started()
    trial.accepted()
    assert not trial.was_the_end(5 * S + LOCKED_UP_NS)
    assert trial.was_the_end(5 * S + LOCKED_UP_NS + 1)


def test_command_that_a_bike_has_survived_is_harmless_when_it_is_repeated() -> None:
    """A console at rest gets its start every minute, and switches itself off some time."""
    trial = started()
    trial.heard(6 * S, ZEROS)
    trial.sent(60 * S, START)
    assert not trial.was_the_end(60 * S + 1)


def test_each_command_has_to_be_survived() -> None:
    trial = started()
    trial.accepted()
    trial.heard(6 * S, ZEROS)
    trial.sent(7 * S, b"\x08\x01")
    assert trial.was_the_end(9 * S)


def test_connection_without_a_start_did_not_end_because_of_one() -> None:
    assert not StartTrial(0).was_the_end(1)


def test_bike_that_stood_still_on_a_whole_connection_needs_a_start() -> None:
    trial = StartTrial(S)
    assert trial.is_needed(S + UNMOVED_NS), "it was silent"
    trial.heard(2 * S, ZEROS)
    assert trial.is_needed(S + UNMOVED_NS), "it sent only zeros"
    assert not trial.is_needed(S + UNMOVED_NS - 1), "a start might have come later"
    assert not started().is_needed(60 * S), "it was started"
    trial.heard(2 * S, [Reading(0, cadence_rpm=60)])
    assert not trial.is_needed(60 * S)
