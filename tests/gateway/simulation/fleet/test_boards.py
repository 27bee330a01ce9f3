from dataclasses import replace

from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.fleet.boards import Movement, differences, ranked


def standing(racer_id: int, best: float = 100.0, second: int = 5, race_id: int = 1) -> Standing:
    return Standing(race_id, racer_id, f"R{racer_id}", best, second, 10, is_final=True)


def test_the_best_output_is_first_and_of_equals_whoever_reached_it_first() -> None:
    one, two, three = standing(1, 120.0, 9), standing(2, 130.0), standing(3, 120.0, 4)
    assert ranked([one, two, three]) == [two, three, one]


def test_two_boards_of_the_same_race_have_no_difference_in_any_order() -> None:
    board = [standing(1), standing(2), standing(2, race_id=2)]
    assert differences(board, board[::-1]) == []


def test_every_racer_who_differs_is_named_with_what_differs() -> None:
    ours = [standing(1), standing(2), standing(3), standing(4), standing(5)]
    theirs = [
        replace(ours[0], best_output=99.0),
        replace(ours[1], seconds_received=9),
        replace(ours[2], is_final=False, best_second=4),
        ours[3],
    ]
    told = [str(difference) for difference in differences(ours, theirs)]
    assert told == [
        "R1 (racer 1, race 1): best output 100.0 → 99.0",
        "R2 (racer 2, race 1): seconds received 10 → 9",
        "R3 (racer 3, race 1): best second 5 → 4, is final True → False",
        "R5 (racer 5, race 1) is missing in the stream",
    ]


def test_the_same_racer_in_another_race_is_another_standing() -> None:
    assert len(differences([standing(1)], [standing(1, race_id=2)])) == 1


def test_who_moves_up_has_gained_what_the_others_lost() -> None:
    movement = Movement()
    one, two, three = standing(1), standing(2), standing(3)
    assert movement.gained([one, two, three]) == {1: 0, 2: 0, 3: 0}
    assert movement.gained([three, one, two]) == {3: 2, 1: -1, 2: -1}
    assert movement.gained([three, one, two]) == {3: 0, 1: 0, 2: 0}
