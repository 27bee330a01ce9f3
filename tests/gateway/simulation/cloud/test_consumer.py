"""Scoreboard: the backend's arithmetic, and what at-least-once delivery does to it."""

import json
from typing import Any

import pytest

from gateway.simulation.cloud.consumer import RaceReport, Scoreboard, Standing, score

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


def scoreboard(*records: bytes) -> Scoreboard:
    board = Scoreboard()
    for each in records:
        board.add(SHARD, each)
    return board


@pytest.mark.parametrize(
    ("cadence_rpm", "resistance_percent", "output"),
    [(0, 0, 22.75), (65, 35, 100.0), (79.8, 54.2, 136.8416), (110, 100, 239.25)],
)
def test_the_score_is_the_backends(
    cadence_rpm: float, resistance_percent: float, output: float
) -> None:
    assert score(cadence_rpm, resistance_percent) == pytest.approx(output)


def test_the_best_second_wins_and_the_first_of_equals() -> None:
    board = scoreboard(
        record(1), record(2, cadence=90), record(3, cadence=90), record(4, cadence=70)
    )
    assert board.leaderboard(5400763) == [
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


def test_the_leaderboard_has_the_best_first_and_the_earlier_of_equals() -> None:
    board = scoreboard(
        record(1, racerId=1, cadence=70),
        record(2, racerId=2, cadence=90),
        record(1, racerId=3, cadence=90),
        record(1, racerId=4, raceId=5400764, cadence=99),
    )
    assert [standing.racer_id for standing in board.leaderboard(5400763)] == [3, 2, 1]
    assert [standing.racer_id for standing in board.leaderboard(5400764)] == [4]
    assert board.leaderboard(5400765) == []


def test_a_resent_second_counts_once() -> None:
    board = scoreboard(record(1), record(2), record(1), record(2), record(2))
    [report] = board.reports()
    assert report.duplicates == 3
    [standing] = board.leaderboard(5400763)
    assert standing.seconds_received == 2


def test_final_is_scored_and_closes_the_race() -> None:
    board = scoreboard(
        record(299),
        record(300, event="final", cadence=90),
        record(298, cadence=120),
    )
    [standing] = board.leaderboard(5400763)
    assert standing.is_final
    assert (standing.best_second, standing.best_output) == (300, score(90, 50))
    [report] = board.reports()
    # Late for the score, yet not lost.
    assert (report.late, report.gaps, standing.seconds_received) == (1, 0, 3)


def test_final_closes_the_race_of_its_racer_alone() -> None:
    board = scoreboard(record(300, event="final"), record(300, racerId=8, cadence=90))
    assert [(s.racer_id, s.is_final) for s in board.leaderboard(5400763)] == [(8, False), (7, True)]


def test_gaps_are_the_seconds_missing_inside_a_racers_race() -> None:
    board = scoreboard(
        # Joined at 37, without 40 and 41.
        *(record(second) for second in (37, 38, 39, 42, 43)),
        *(record(second, racerId=8) for second in (1, 3)),
    )
    [report] = board.reports()
    assert report.gaps == 3


def test_a_race_knows_its_shards() -> None:
    board = Scoreboard()
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
def test_what_breaks_the_contract_is_counted_and_changes_nothing(garbage: bytes) -> None:
    board = scoreboard(garbage, record(1))
    assert board.unreadable == 1
    [standing] = board.leaderboard(5400763)
    assert standing.seconds_received == 1
