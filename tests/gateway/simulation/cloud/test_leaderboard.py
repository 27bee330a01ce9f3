"""Leaderboard: the backend's arithmetic, and what at-least-once delivery does to it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.simulation.cloud.leaderboard import (
    Leaderboard,
    Movement,
    RaceReport,
    Standing,
    differences,
    ranked,
    score,
)

SHARD = "shardId-000000000000"


def record(at: int, **changes: Any) -> bytes:
    message: dict[str, Any] = {
        "event": "update",
        "second": at,
        "raceId": 5400763,
        "name": "Hayden",
        "racerId": 7,
        "cadence": 80.0,
        "resistance": 50.0,
    }
    message |= changes
    message.setdefault("uuid", f"{message['raceId']}/{message['racerId']}/{at}")
    return json.dumps(message).encode()


def leaderboard(*records: bytes) -> Leaderboard:
    board = Leaderboard()
    for each in records:
        board.add(SHARD, each)
    return board


@pytest.mark.parametrize(
    ("cadence_rpm", "resistance_percent", "output"),
    [(0, 0, 22.75), (65, 35, 100.0), (79.8, 54.2, 136.8416), (110, 100, 239.25)],
)
def test_score_is_the_backends(
    cadence_rpm: float, resistance_percent: float, output: float
) -> None:
    assert score(cadence_rpm, resistance_percent) == pytest.approx(output)


def test_leaderboard_scores_the_best_second_and_the_first_of_equals() -> None:
    board = leaderboard(
        record(1), record(2, cadence=90), record(3, cadence=90), record(4, cadence=70)
    )
    assert board.standings() == [
        Standing(
            race_id=5400763,
            racer_id=7,
            name="Hayden",
            best_output=score(90, 50),
            best_second=2,
            seconds_received=4,
            is_final=False,
        )
    ]


def test_leaderboard_ranks_the_best_first_and_the_earlier_of_equals() -> None:
    board = leaderboard(
        record(1, racerId=1, cadence=70),
        record(2, racerId=2, cadence=90),
        record(1, racerId=3, cadence=90),
        record(1, racerId=4, raceId=5400764, cadence=99),
    )
    assert [(one.race_id, one.racer_id) for one in board.standings()] == [
        (5400764, 4),
        (5400763, 3),
        (5400763, 2),
        (5400763, 1),
    ]


def test_leaderboard_counts_a_resent_second_once() -> None:
    board = leaderboard(record(1), record(2), record(1), record(2), record(2))
    [report] = board.reports()
    assert report.duplicates == 3
    [standing] = board.standings()
    assert standing.seconds_received == 2


def test_leaderboard_scores_a_final_and_nothing_after_it() -> None:
    board = leaderboard(
        record(299),
        record(300, event="final", cadence=90),
        record(298, cadence=120),
    )
    [standing] = board.standings()
    assert standing.is_final
    assert (standing.best_second, standing.best_output) == (300, score(90, 50))
    [report] = board.reports()
    # Late for the score, yet not lost.
    assert (report.late, report.gaps, standing.seconds_received) == (1, 0, 3)


def test_leaderboard_final_closes_the_race_of_its_racer_alone() -> None:
    board = leaderboard(record(300, event="final"), record(300, racerId=8, cadence=90))
    assert [(s.racer_id, s.is_final) for s in board.standings()] == [(8, False), (7, True)]


def test_race_report_gaps_are_the_seconds_missing_inside_a_racers_race() -> None:
    board = leaderboard(
        # Joined at 37, without 40 and 41.
        *(record(second) for second in (37, 38, 39, 42, 43)),
        *(record(second, racerId=8) for second in (1, 3)),
    )
    [report] = board.reports()
    assert report.gaps == 3


def test_race_report_names_the_shards_of_each_race() -> None:
    board = Leaderboard()
    board.add("shardId-000000000001", record(1))
    board.add("shardId-000000000002", record(2))
    board.add("shardId-000000000002", record(1, raceId=5400764))
    assert board.reports() == [
        RaceReport(
            race_id=5400763,
            shard_ids=frozenset({"shardId-000000000001", "shardId-000000000002"}),
            duplicates=0,
            gaps=0,
            late=0,
        ),
        RaceReport(
            race_id=5400764,
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
    ],
)
def test_leaderboard_counts_and_ignores_records_that_break_the_contract(garbage: bytes) -> None:
    board = leaderboard(garbage, record(1))
    assert board.unreadable == 1
    [standing] = board.standings()
    assert standing.seconds_received == 1


def standing(racer_id: int, best: float = 100.0, second: int = 5, race_id: int = 1) -> Standing:
    return Standing(race_id, racer_id, f"R{racer_id}", best, second, 10, is_final=True)


def test_ranked_puts_the_best_output_first_and_of_equals_the_earlier() -> None:
    one, two, three = standing(1, 120.0, 9), standing(2, 130.0), standing(3, 120.0, 4)
    assert ranked([one, two, three]) == [two, three, one]


def test_differences_ignore_the_order_of_standings() -> None:
    board = [standing(1), standing(2), standing(2, race_id=2)]
    assert differences(board, board[::-1]) == []


def test_differences_name_each_racer_and_what_differs() -> None:
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
