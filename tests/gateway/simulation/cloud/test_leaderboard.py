"""Leaderboard: what the original backend stores, and what at-least-once delivery does to it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.cloud.leaderboard import (
    Leaderboard,
    Movement,
    RaceReport,
    Standing,
    class_board,
    differences,
    ranked,
    score,
)

SHARD = "shardId-000000000000"

Ride = tuple[float, float]  # cadence in rpm, resistance in percent


def record(at: int, **changes: Any) -> bytes:
    message: dict[str, Any] = {
        "event": "update",
        "second": at,
        "raceId": 5400763,
        "name": "Hayden",
        "racerId": 7,
        "classId": 1,
        "cadence": 80.0,
        "resistance": 50.0,
    }
    message |= changes
    message.setdefault("uuid", f"{message['raceId']}/{message['racerId']}/{at}")
    return json.dumps(message).encode()


def final(at: int = 300, **changes: Any) -> bytes:
    return record(at, event="final", **changes)


def leaderboard(*polls: list[bytes]) -> Leaderboard:
    board = Leaderboard()
    for records in polls:
        board.add_poll(SHARD, records)
    return board


def one_by_one(*records: bytes) -> Leaderboard:
    return leaderboard(*([record] for record in records))


@pytest.mark.parametrize(
    ("cadence_rpm", "resistance_percent", "output"),
    [
        (0, 0, 22.75),
        (65, 35, 100.0),
        (79.8, 54.2, 136.8416),  # 114.8 × 119.2 / 100
        (21.9, 85.3, 85.5207),  # 56.9 × 150.3 / 100; floating point makes it 85.52069999999999
        (0.1, 1.45, 23.324),  # 35.1 × 66.45 / 100 = 23.32395, of which half is rounded up
        (110, 100, 239.25),
    ],
)
def test_score_is_the_backends_to_four_decimals(
    cadence_rpm: float, resistance_percent: float, output: float
) -> None:
    assert score(cadence_rpm, resistance_percent) == output


@pytest.mark.parametrize(
    ("rides", "here_now", "final_result", "best"),
    [
        # 125 × 125 / 100, then 135 × 135 / 100, then 115 × 115 / 100.
        pytest.param(
            {298: (90, 60), 299: (100, 70), 300: (80, 50)},
            *(132.25, 132.25, (182.25, 299)),
            id="slows-down",
        ),
        # 105 × 105 / 100, then 35 × 105 / 100.
        pytest.param(
            {299: (70, 40), 300: (0, 40)}, *(36.75, 36.75, (110.25, 299)), id="loses-the-bike"
        ),
        # 35 × 65 / 100.
        pytest.param({300: (0, 0)}, *(22.75, 22.75, (22.75, 300)), id="does-not-ride"),
    ],
)
def test_leaderboard_has_the_backends_numbers_after_polls_of_one_second(
    rides: dict[int, Ride], here_now: float, final_result: float, best: tuple[float, int]
) -> None:
    board = one_by_one(
        *(
            record(
                second,
                event="final" if second == 300 else "update",
                cadence=cadence,
                resistance=resistance,
            )
            for second, (cadence, resistance) in rides.items()
        )
    )
    assert board.standings() == [
        Standing(
            race_id=5400763,
            class_id=1,
            racer_id=7,
            name="Hayden",
            here_now=here_now,
            final_result=final_result,
            personal_record=final_result,
            best_output=best[0],
            best_second=best[1],
            seconds_received=len(rides),
        )
    ]


def here_now_of(board: Leaderboard) -> dict[int, float]:
    return {one.racer_id: one.here_now for one in board.standings()}


def test_here_now_is_the_best_of_the_racers_last_poll() -> None:
    fast, slow = {"cadence": 100, "resistance": 70}, {"cadence": 70, "resistance": 40}
    board = leaderboard(
        [record(297, cadence=120)],
        [record(298), record(299, **fast), final(**slow), record(298, racerId=8, **slow)],
        [record(299, racerId=8)],
    )
    # 135 × 135 / 100, and 115 × 115 / 100.
    assert here_now_of(board) == {7: 182.25, 8: 132.25}


def test_here_now_of_a_racer_is_kept_while_others_send() -> None:
    board = leaderboard([record(1)], [record(2, racerId=8)], [record(3, racerId=8, cadence=0)])
    assert here_now_of(board) == {7: 132.25, 8: 40.25}  # 35 × 115 / 100


def test_here_now_of_a_large_poll_is_the_best_of_its_last_thousand_records() -> None:
    poll = [record(second, cadence=85) for second in range(1, 3)]
    poll += [record(second) for second in range(3, 1002)]
    assert here_now_of(leaderboard(poll)) == {7: 132.25}
    assert here_now_of(leaderboard(poll[1:])) == {7: 138.0}  # 120 × 115 / 100


def test_here_now_is_overwritten_by_a_duplicate_and_the_final_result_is_not() -> None:
    board = one_by_one(record(299, cadence=100), final(), record(299, cadence=100))
    [standing] = board.standings()
    # 135 × 115 / 100, and 115 × 115 / 100.
    assert (standing.here_now, standing.final_result) == (155.25, 132.25)
    assert standing.seconds_received == 2
    assert board.reports()[0].duplicates == 1


def test_racer_without_a_final_has_neither_final_result_nor_personal_record() -> None:
    [standing] = one_by_one(record(298), record(299)).standings()
    assert (standing.final_result, standing.personal_record) == (None, None)


def test_personal_record_is_the_highest_final_of_a_racer_in_a_class() -> None:
    board = one_by_one(
        final(raceId=1, cadence=100),  # 135 × 115 / 100
        final(raceId=2),
        final(raceId=3, classId=2, cadence=70),  # 105 × 115 / 100
        record(4, raceId=4, cadence=120),
        final(raceId=4, racerId=8),
    )
    numbers = {(one.race_id, one.racer_id): one for one in board.standings()}
    assert {key: one.final_result for key, one in numbers.items()} == {
        (1, 7): 155.25,
        (2, 7): 132.25,
        (3, 7): 120.75,
        (4, 7): None,
        (4, 8): 132.25,
    }
    assert {key: one.personal_record for key, one in numbers.items()} == {
        (1, 7): 155.25,
        (2, 7): 155.25,
        (3, 7): 120.75,
        (4, 7): 155.25,
        (4, 8): 132.25,
    }
    records = [(one.class_id, one.racer_id, one.race_id) for one in class_board(board.standings())]
    assert records == [(1, 7, 1), (1, 8, 4), (2, 7, 3)]


def test_best_second_is_the_first_of_equals_in_any_order_of_arrival() -> None:
    board = one_by_one(record(3, cadence=90), record(1), record(2, cadence=90))
    [standing] = board.standings()
    assert (standing.best_second, standing.best_output) == (2, 143.75)  # 125 × 115 / 100


rides = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 100)), min_size=1, max_size=12)


@given(rides, st.data())
def test_numbers_other_than_here_now_depend_on_neither_polls_nor_duplicates(
    rides: list[Ride], data: st.DataObject
) -> None:
    sent = [record(n, cadence=c, resistance=r) for n, (c, r) in enumerate(rides, start=1)]
    sent.append(final(cadence=50))
    again = data.draw(st.lists(st.sampled_from(sent), max_size=8))
    arrived = data.draw(st.permutations([*sent, *again]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(arrived) - 1), max_size=5)))
    polls = [list(arrived[a:b]) for a, b in zip([0, *cuts], [*cuts, len(arrived)], strict=True)]
    theirs = leaderboard(*polls)
    assert differences(one_by_one(*sent).standings(), theirs.standings()) == []
    [report] = theirs.reports()
    assert report.duplicates == len(again)
    last = [json.loads(one) for one in polls[-1]]
    assert here_now_of(theirs) == {7: max(score(one["cadence"], one["resistance"]) for one in last)}


def test_leaderboard_ranks_by_here_now_during_the_race() -> None:
    board = leaderboard(
        [record(1, racerId=1), record(1, racerId=2, cadence=100), record(1, racerId=3)],
        [record(2, racerId=1, cadence=90), record(2, racerId=2, cadence=70)],
    )
    assert [one.racer_id for one in board.standings()] == [1, 3, 2]


def test_leaderboard_ranks_by_final_result_once_there_is_one() -> None:
    board = leaderboard(
        [record(299, racerId=1, cadence=120), record(299, racerId=2), record(299, racerId=3)],
        [final(racerId=2, cadence=70), final(racerId=3)],
    )
    assert [one.racer_id for one in board.standings()] == [3, 2, 1]


def test_race_report_counts_late_seconds_and_resent_ones_separately() -> None:
    board = one_by_one(record(299), final(), record(298), record(298), final())
    [report] = board.reports()
    assert (report.late, report.duplicates, report.gaps) == (1, 2, 0)


def test_race_report_gaps_are_the_seconds_missing_inside_a_racers_race() -> None:
    board = one_by_one(
        # Joined at 37, without 40 and 41.
        *(record(second) for second in (37, 38, 39, 42, 43)),
        *(record(second, racerId=8) for second in (1, 3)),
    )
    [report] = board.reports()
    assert report.gaps == 3


def test_race_report_has_the_shards_of_each_race_and_the_class_of_its_last_record() -> None:
    board = Leaderboard()
    board.add_poll("shardId-000000000001", [record(1)])
    board.add_poll("shardId-000000000002", [record(2, classId=3), record(1, raceId=5400764)])
    assert board.reports() == [
        RaceReport(
            race_id=5400763,
            class_id=3,
            shard_ids=frozenset({"shardId-000000000001", "shardId-000000000002"}),
            duplicates=0,
            gaps=0,
            late=0,
        ),
        RaceReport(
            race_id=5400764,
            class_id=1,
            shard_ids=frozenset({"shardId-000000000002"}),
            duplicates=0,
            gaps=0,
            late=0,
        ),
    ]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        record(1, event="finish"),
        record(1, cadence="80"),
        record(1, cadence=None),
        record(1, second="one"),
        record(1, racerId=None),
        record(1, classId="one"),
    ],
)
def test_leaderboard_counts_and_ignores_records_that_break_the_contract(garbage: bytes) -> None:
    board = leaderboard([garbage, record(1)])
    assert board.unreadable == 1
    [standing] = board.standings()
    assert standing.seconds_received == 1


def standing(racer_id: int, race_id: int = 1, **changes: Any) -> Standing:
    return replace(
        Standing(
            race_id=race_id,
            class_id=1,
            racer_id=racer_id,
            name=f"R{racer_id}",
            here_now=90.0,
            final_result=100.0,
            personal_record=110.0,
            best_output=120.0,
            best_second=5,
            seconds_received=10,
        ),
        **changes,
    )


def test_ranked_puts_the_lower_racer_id_first_among_equals() -> None:
    one, two = standing(1), standing(2)
    assert ranked([two, one]) == [one, two]


def test_class_board_has_one_entry_for_each_class_and_racer() -> None:
    worse, better = standing(1, race_id=1), standing(1, race_id=2, final_result=110.0)
    other = standing(2, race_id=2, final_result=130.0, personal_record=130.0)
    elsewhere = replace(better, race_id=3, class_id=2)
    unfinished = standing(3, final_result=None, personal_record=None)
    board = class_board([elsewhere, worse, better, unfinished, other])
    assert board == [other, better, elsewhere]


def test_differences_ignore_the_order_of_standings() -> None:
    board = [standing(1), standing(2), standing(2, race_id=2)]
    assert differences(board, board[::-1]) == []


def test_differences_ignore_here_now() -> None:
    assert differences([standing(1)], [standing(1, here_now=130.0)]) == []


def test_differences_name_each_racer_and_what_differs() -> None:
    ours = [standing(racer_id) for racer_id in range(1, 6)]
    theirs = [
        replace(ours[0], final_result=99.0),
        replace(ours[1], seconds_received=9),
        replace(ours[2], final_result=None, best_second=4),
        replace(ours[3], personal_record=111.0, class_id=2),
    ]
    told = [str(difference) for difference in differences(ours, theirs)]
    assert told == [
        "R1 (racer 1, race 1): final result 100.0 → 99.0",
        "R2 (racer 2, race 1): seconds received 10 → 9",
        "R3 (racer 3, race 1): final result 100.0 → none, best second 5 → 4",
        "R4 (racer 4, race 1): class id 1 → 2, personal record 110.0 → 111.0",
        "R5 (racer 5, race 1) is missing from the stream",
    ]


def test_differences_tell_races_apart() -> None:
    assert len(differences([standing(1)], [standing(1, race_id=2)])) == 1


def test_movement_gains_for_one_racer_what_others_lose() -> None:
    movement = Movement()
    one, two, three = standing(1), standing(2), standing(3)
    assert movement.gained([one, two, three]) == {1: 0, 2: 0, 3: 0}
    assert movement.gained([three, one, two]) == {3: 2, 1: -1, 2: -1}
    assert movement.gained([three, one, two]) == {3: 0, 1: 0, 2: 0}
