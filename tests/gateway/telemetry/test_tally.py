from gateway.race.joins import RACES_MAX
from gateway.telemetry.tally import Tally, Undated
from gateway.timing.units import NS_PER_S


def test_tally_counts_each_second_once() -> None:
    tally = Tally(0)
    assert [tally.count(7, 7, second) for second in (1, 2, 2, 5)] == [1, 2, 2, 3]


def test_tally_counts_races_apart() -> None:
    tally = Tally(0)
    tally.count(7, 7, 1)
    assert tally.count(8, 7, 1) == 1
    assert tally.count(7, 7, 2) == 2


def test_tally_counts_racers_of_one_race_apart() -> None:
    tally = Tally(0)
    tally.count(7, 7, 1)
    assert tally.count(7, 8, 2) == 1
    assert tally.count(7, 7, 2) == 2


def test_tally_forgets_the_race_longest_unchanged() -> None:
    tally = Tally(0)
    for race_id in range(RACES_MAX):
        tally.count(race_id, 7, 1)
    tally.count(0, 7, 2)
    tally.count(RACES_MAX, 7, 1)
    assert tally.count(0, 7, 3) == 3
    assert tally.count(1, 7, 2) == 1


def test_tally_gives_each_undated_second_once_in_order() -> None:
    tally = Tally(0)
    seconds = [Undated(1, is_pedalling=False), Undated(2, is_pedalling=True)]
    for second in seconds:
        tally.keep_undated(second)
    assert list(tally.take_undated()) == seconds
    assert list(tally.take_undated()) == []


def test_tally_keeps_the_undated_seconds_of_the_last_day() -> None:
    tally = Tally(0)
    for end_ns in range(24 * 60 * 60 + 1):
        tally.keep_undated(Undated(end_ns, is_pedalling=True))
    assert next(tally.take_undated()).end_ns == 1


def test_race_is_whole_if_it_began_in_the_second_before_the_count_or_later() -> None:
    tally = Tally(10 * NS_PER_S)
    assert tally.is_whole(10 * NS_PER_S)
    assert tally.is_whole(9 * NS_PER_S + 1)
    assert not tally.is_whole(9 * NS_PER_S)
