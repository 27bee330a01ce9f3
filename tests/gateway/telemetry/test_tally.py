from gateway.telemetry.tally import RACES_MAX, Tally


def test_each_second_counts_once_however_often_it_is_told() -> None:
    tally = Tally()
    assert [tally.count(7, 7, second) for second in (1, 2, 2, 5)] == [1, 2, 2, 3]


def test_races_are_counted_apart() -> None:
    tally = Tally()
    tally.count(7, 7, 1)
    assert tally.count(8, 7, 1) == 1
    assert tally.count(7, 7, 2) == 2


def test_racers_of_one_race_are_counted_apart() -> None:
    tally = Tally()
    tally.count(7, 7, 1)
    assert tally.count(7, 8, 2) == 1
    assert tally.count(7, 7, 2) == 2


def test_the_race_longest_untouched_is_forgotten() -> None:
    tally = Tally()
    for race_id in range(RACES_MAX):
        tally.count(race_id, 7, 1)
    tally.count(0, 7, 2)
    tally.count(RACES_MAX, 7, 1)
    assert tally.count(0, 7, 3) == 3
    assert tally.count(1, 7, 2) == 1
