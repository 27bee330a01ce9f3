from gateway.tally import RACES_MAX, Tally


def test_each_second_counts_once_however_often_it_is_told() -> None:
    tally = Tally()
    assert [tally.count(7, second) for second in (1, 2, 2, 5)] == [1, 2, 2, 3]


def test_races_are_counted_apart() -> None:
    tally = Tally()
    tally.count(7, 1)
    assert tally.count(8, 1) == 1
    assert tally.count(7, 2) == 2


def test_the_race_longest_untouched_is_forgotten() -> None:
    tally = Tally()
    for race_id in range(RACES_MAX):
        tally.count(race_id, 1)
    tally.count(0, 2)
    tally.count(RACES_MAX, 1)
    assert tally.count(0, 3) == 3
    assert tally.count(1, 2) == 1
