"""A namesake is distinguished from outages, poison and connections that were not well."""

import pytest

from gateway.cloud.takeovers import SHORT_NS, Takeovers
from gateway.cloud.uplink import Ending
from gateway.timing.units import NS_PER_S

AT_NS = 1000 * NS_PER_S


def lose(
    takeovers: Takeovers, ending: Ending, *, lasted_ns: int = 20 * NS_PER_S, was_well: bool = True
) -> None:
    takeovers.lost(ending, AT_NS - lasted_ns, AT_NS, was_well=was_well)


@pytest.mark.parametrize("was_well", [True, False])
def test_takeover_that_the_broker_states_counts_at_once(was_well: bool) -> None:
    takeovers = Takeovers()
    lose(takeovers, Ending.TAKEN_OVER, was_well=was_well, lasted_ns=10 * SHORT_NS)
    assert takeovers.stated(AT_NS) == 1
    assert takeovers.hangups(AT_NS) == 0


def test_hangup_on_a_brief_and_well_connection_counts_after_the_next_connect() -> None:
    takeovers = Takeovers()
    lose(takeovers, Ending.HUNG_UP)
    assert takeovers.hangups(AT_NS) == 0
    takeovers.connected()
    assert takeovers.hangups(AT_NS) == 1
    takeovers.connected()
    assert takeovers.hangups(AT_NS) == 1


def test_hangup_that_an_outage_follows_does_not_count() -> None:
    takeovers = Takeovers()
    lose(takeovers, Ending.HUNG_UP)
    takeovers.failed()
    takeovers.connected()
    assert takeovers.hangups(AT_NS) == 0


@pytest.mark.parametrize(
    ("ending", "lasted_ns", "was_well", "count"),
    [
        (Ending.HUNG_UP, 300 * NS_PER_S, True, 1),
        (Ending.HUNG_UP, 300 * NS_PER_S + 1, True, 0),
        (Ending.HUNG_UP, NS_PER_S, False, 0),
        (Ending.BROKEN_OFF, NS_PER_S, True, 0),
        (Ending.OTHER, NS_PER_S, True, 0),
    ],
    ids=["brief", "long", "not well", "broken off", "lost line"],
)
def test_only_hangups_on_brief_and_well_connections_count(
    ending: Ending, lasted_ns: int, was_well: bool, count: int
) -> None:
    takeovers = Takeovers()
    lose(takeovers, ending, lasted_ns=lasted_ns, was_well=was_well)
    takeovers.connected()
    assert takeovers.hangups(AT_NS) == count


def test_signs_are_forgotten_after_ten_minutes() -> None:
    takeovers = Takeovers()
    lose(takeovers, Ending.TAKEN_OVER)
    lose(takeovers, Ending.HUNG_UP)
    takeovers.connected()
    later_ns = AT_NS + 600 * NS_PER_S
    assert (takeovers.stated(later_ns), takeovers.hangups(later_ns)) == (1, 1)
    assert (takeovers.stated(later_ns + 1), takeovers.hangups(later_ns + 1)) == (0, 0)


def test_signs_are_bounded() -> None:
    takeovers = Takeovers()
    for _ in range(101):
        lose(takeovers, Ending.TAKEN_OVER)
    assert takeovers.stated(AT_NS) == 100


def test_each_sign_is_forgotten_for_itself() -> None:
    takeovers = Takeovers()
    for at_s in (0, 500):
        takeovers.lost(Ending.TAKEN_OVER, 0, at_s * NS_PER_S, was_well=True)
    assert [takeovers.stated(at_s * NS_PER_S) for at_s in (500, 601, 1101)] == [2, 1, 0]
