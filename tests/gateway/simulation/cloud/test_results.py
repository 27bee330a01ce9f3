"""The local cloud's messages about results: those of the original backend, after each change."""

from dataclasses import replace

from gateway.race.results import decode_results
from gateway.simulation.cloud.leaderboard import Leaderboard
from gateway.simulation.cloud.results import ResultsFeed
from tests.support.telemetry import message

TS_MS = 1_795_247_503_000


def sent(feed: ResultsFeed, board: Leaderboard) -> list[bytes]:
    return list(feed.messages(board.reports(), board.standings(), TS_MS))


def test_results_message_is_that_of_the_original_backend() -> None:
    board = Leaderboard()
    # (80 + 35) × (50 + 65) / 100 = 132.25
    second = replace(message(1, race_id=12), class_id=3, cadence=80.0, resistance=50.0)
    # (0 + 35) × (40 + 65) / 100 = 36.75
    slower = replace(second, racer_id=5, cadence=0.0, resistance=40.0)
    board.add_poll("s", [second.to_json(), slower.to_json()])
    assert sent(ResultsFeed(), board) == [
        b'{"msg":"results","classId":"3","raceId":"race-12","ts":"1795247503000",'
        b'"results":"{\\"5\\":36.75,\\"7\\":132.25}"}'
    ]


def test_results_have_the_best_output_of_the_last_batch() -> None:
    board = Leaderboard()
    for cadence in (100.0, 80.0):
        second = replace(message(1, race_id=12), cadence=cadence, resistance=50.0)
        board.add_poll("s", [second.to_json()])
    [results] = sent(ResultsFeed(), board)
    assert decode_results(results).outputs == {7: 132.25}


def test_results_of_a_race_are_sent_after_each_change() -> None:
    feed, board = ResultsFeed(), Leaderboard()
    assert sent(feed, board) == []
    for race_id in (12, 13):
        board.add_poll("s", [message(1, race_id=race_id).to_json()])
    assert [decode_results(one).race_id for one in sent(feed, board)] == [12, 13]
    assert sent(feed, board) == []
    eight = replace(message(2, race_id=13), racer_id=8)
    board.add_poll("s", [message(2, race_id=13).to_json(), eight.to_json()])
    [results] = sent(feed, board)
    assert decode_results(results).race_id == 13
    assert decode_results(results).outputs.keys() == {7, 8}
