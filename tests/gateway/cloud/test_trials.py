"""A message is only blamed while the broker is well: it takes others."""

from gateway.buffer.send_order import Entry
from gateway.cloud.trials import LONE_TRIES, STRIKES, Trials


def entry(race_id: int) -> Entry:
    return Entry(id=race_id, race_id=race_id, payload=b"{}")


def accuse(trials: Trials, accused: Entry) -> None:
    while trials.accused is not accused:
        trials.fail(accused)


def strike(trials: Trials, accused: Entry, times: int = 1) -> None:
    """Let a witness be accepted and the accused fail, as often as asked."""
    for _ in range(times):
        accuse(trials, accused)
        trials.accept(entry(race_id=2))


def test_message_is_put_on_trial_after_three_failures() -> None:
    trials, failing = Trials(), entry(1)
    for _ in range(LONE_TRIES - 1):
        trials.fail(failing)
        assert trials.accused is None
    trials.fail(failing)
    assert trials.accused is failing


def test_message_is_proven_after_three_strikes_and_not_after_two() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES - 1)
    assert not trials.is_proven(failing)
    strike(trials, failing)
    assert trials.is_proven(failing)


def test_accepted_message_has_no_strikes_any_more() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.accept(failing)
    assert not trials.is_proven(failing)
    assert trials.accused is None


def test_message_that_is_accepted_as_its_own_witness_gets_no_strike() -> None:
    trials, failing = Trials(), entry(1)
    for _ in range(STRIKES):
        accuse(trials, failing)
        trials.accept(failing)
    assert not trials.is_proven(failing)


def test_strikes_are_forgotten_when_the_broker_is_at_fault() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.acquit()
    assert not trials.is_proven(failing)


def test_strikes_are_forgotten_when_a_message_fails_that_nothing_speaks_against() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.fail(entry(race_id=3))
    assert not trials.is_proven(failing)


def test_strikes_outlast_the_failure_of_another_bad_message() -> None:
    """Otherwise two bad messages would acquit each other for ever."""
    trials, failing, other = Trials(), entry(1), entry(3)
    accuse(trials, other)
    strike(trials, failing, STRIKES)
    trials.fail(other)
    assert trials.is_proven(failing)


def test_witness_that_fails_ends_the_trial() -> None:
    trials, failing = Trials(), entry(1)
    accuse(trials, failing)
    trials.fail(entry(race_id=2))
    assert trials.accused is None


def test_trial_lacks_a_witness_when_the_accused_was_sent_itself() -> None:
    trials, failing = Trials(), entry(1)
    accuse(trials, failing)
    assert not trials.lacks_witness
    trials.fail(failing)
    assert trials.lacks_witness
    trials.accept(entry(race_id=2))
    assert not trials.lacks_witness


def test_message_that_was_set_aside_is_forgotten() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.forget(failing)
    assert not trials.is_proven(failing)
