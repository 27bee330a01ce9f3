"""A message is only blamed while the broker is well: it takes others."""

from gateway.buffer.send_order import Entry
from gateway.cloud.trials import STRIKES, Trials
from tests.support.telemetry import message


def entry(race_id: int, bike: str = "") -> Entry:
    return Entry(
        id=race_id, race_id=race_id, payload=message(1, race_id, bike or f"{race_id}").to_json()
    )


def accuse(trials: Trials, accused: Entry) -> None:
    trials.fail(accused)
    assert trials.accused is accused


def strike(trials: Trials, accused: Entry, times: int = 1) -> None:
    """Let a witness be accepted and the accused fail, as often as asked."""
    for _ in range(times):
        accuse(trials, accused)
        trials.accept(entry(race_id=2))


def test_message_that_fails_is_on_trial() -> None:
    trials, failing = Trials(), entry(1)
    trials.fail(failing)
    assert trials.accused is failing
    assert trials.has_blamed
    assert not trials.is_blamed(failing), "nothing speaks against it yet"


def test_message_is_proven_after_five_strikes_and_not_after_four() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, 4)
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
        assert not trials.is_blamed(failing)
    assert not trials.is_proven(failing)


def test_strikes_are_forgotten_when_the_broker_is_at_fault() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.acquit()
    assert not trials.is_proven(failing)


def test_strikes_are_forgotten_when_two_messages_fail_and_one_is_new() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES - 1)
    trials.fail(failing)
    trials.fail(entry(race_id=3))
    strike(trials, failing)
    assert not trials.is_proven(failing)


def test_strikes_are_forgotten_when_the_new_one_of_two_messages_fails_first() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.fail(entry(race_id=3))
    trials.fail(failing)
    assert not trials.is_proven(failing)


def test_strikes_outlast_a_failure_between_acceptances() -> None:
    """Otherwise each new message of a second bad bike would acquit the first bike's."""
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.fail(entry(race_id=3))
    assert trials.is_proven(failing)


def test_strikes_are_forgotten_when_a_message_that_failed_is_accepted() -> None:
    trials, failing, other = Trials(), entry(1), entry(3)
    strike(trials, failing, STRIKES)
    trials.fail(other)
    trials.accept(other)
    assert not trials.is_proven(failing)


def test_message_of_a_bad_bike_is_proven_after_one_strike_until_one_is_accepted() -> None:
    trials, bad, following = Trials(), entry(1, bike="bad"), entry(3, bike="bad")
    strike(trials, bad, STRIKES)
    trials.convict(bad)
    trials.fail(following)
    assert trials.accused is following
    assert trials.is_blamed(following)
    assert not trials.is_proven(following)
    trials.accept(entry(2))
    assert trials.is_proven(following)
    trials.accept(entry(4, bike="bad"))
    assert not trials.is_blamed(entry(5, bike="bad"))


def test_strikes_outlast_the_failure_of_another_bad_message() -> None:
    """Otherwise two bad messages would acquit each other forever."""
    trials, failing, other = Trials(), entry(1), entry(3)
    strike(trials, other)
    strike(trials, failing, STRIKES)
    trials.fail(other)
    assert trials.is_proven(failing)


def test_witness_that_fails_for_the_first_time_shows_that_the_broker_is_at_fault() -> None:
    trials, failing, witness = Trials(), entry(1), entry(2)
    assert not trials.fail(failing)
    assert not trials.fail(failing), "it is no witness"
    assert trials.fail(witness)
    assert trials.accused is witness
    assert not trials.fail(failing), "it has failed before"


def test_trial_lacks_a_witness_when_the_accused_was_sent_itself() -> None:
    trials, failing = Trials(), entry(1)
    accuse(trials, failing)
    assert not trials.lacks_witness
    trials.fail(failing)
    assert trials.lacks_witness
    trials.accept(entry(race_id=2))
    assert not trials.lacks_witness


def test_strikes_of_a_message_that_was_set_aside_are_forgotten() -> None:
    trials, failing = Trials(), entry(1)
    strike(trials, failing, STRIKES)
    trials.convict(failing)
    assert failing not in trials._strikes


def test_message_that_was_set_aside_is_on_trial_no_longer_and_its_bike_is_blamed() -> None:
    trials, failing = Trials(), entry(1)
    trials.accept(entry(2))
    assert not trials.has_blamed
    strike(trials, failing, STRIKES)
    assert trials.has_blamed
    trials.fail(failing)
    trials.convict(failing)
    assert trials.accused is None
    assert trials.has_blamed, "of its bike"
    trials.acquit()
    assert not trials.has_blamed


def test_message_that_was_set_aside_is_no_reason_to_doubt_the_broker() -> None:
    trials, failing = Trials(), entry(1, bike="bad")
    strike(trials, failing, STRIKES)
    trials.fail(failing)
    trials.convict(failing)
    trials.fail(entry(3))
    assert trials.is_blamed(entry(4, bike="bad"))


def test_strikes_outlast_the_failures_of_two_messages_that_have_failed_before() -> None:
    trials, failing, other = Trials(), entry(1), entry(3)
    accuse(trials, other)
    strike(trials, failing, STRIKES)
    trials.fail(failing)
    trials.fail(other)
    assert trials.is_proven(failing)


def test_bike_is_bad_only_itself() -> None:
    trials, failing = Trials(), entry(1, bike="bad")
    strike(trials, failing, STRIKES)
    trials.convict(failing)
    assert not trials.is_blamed(entry(3, bike="good"))


def test_trial_has_a_witness_until_the_accused_was_sent_without_one() -> None:
    assert not Trials().lacks_witness
