"""docs/scores.md is what tests/bench/scores makes of the records, and follows the formula."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.simulation.cloud.leaderboard import Leaderboard
from gateway.telemetry.message import telemetry_schema
from tests.bench.scores.page import page
from tests.bench.scores.records import Arrival, arrivals

TEXT = (Path(__file__).parents[2] / "docs" / "scores.md").read_text(encoding="utf-8")
#: The races of the table, in the order of its columns.
RACES = (299208131, 299208141)


@pytest.fixture(scope="module")
def arrived() -> list[Arrival]:
    return arrivals()


def rows(columns: int) -> list[list[str]]:
    """Return the cells of each row that begins with a racer's number."""
    found = [line.strip("| ").split(" | ") for line in TEXT.splitlines()]
    return [cells for cells in found if len(cells) == columns and cells[0].isdigit()]


@pytest.mark.slow  # 7,200 simulated seconds of riding
def test_scores_page_is_current(arrived: list[Arrival]) -> None:
    assert page(arrived) == TEXT, "make scores"


@pytest.mark.slow
def test_scores_page_has_the_results_that_follow_from_the_records(arrived: list[Arrival]) -> None:
    polls: dict[tuple[int, int, int], list[float]] = {}
    finals: dict[tuple[int, int], float] = {}
    for one in map(parsed, arrived):
        message = one["record"]
        output = round((message["cadence"] + 35) * (message["resistance"] + 65) / 100, 4)
        race, racer = message["raceId"], message["racerId"]
        polls.setdefault((one["poll"], race, racer), []).append(output)
        if message["event"] == "final":
            finals[race, racer] = output
    here_now = {(race, racer): max(outputs) for (_, race, racer), outputs in polls.items()}
    expected = [
        [number for race in RACES for number in (here_now[race, racer], finals.get((race, racer)))]
        + [max(finals[race, racer] for race in RACES if (race, racer) in finals)]
        for racer in range(1, 61)
    ]
    printed = [[None if cell == "none" else float(cell) for cell in row[1:]] for row in rows(6)]
    assert printed == expected


def parsed(arrival: Arrival) -> dict[str, Any]:
    one: dict[str, Any] = json.loads(arrival.to_json())
    return one


@pytest.mark.slow
def test_scores_records_are_messages_in_order_of_arrival(arrived: list[Arrival]) -> None:
    lines = [parsed(one) for one in arrived]
    assert [line["poll"] for line in lines] == sorted(line["poll"] for line in lines)
    schema = jsonschema.Draft202012Validator(telemetry_schema())
    for line in lines[::60]:
        schema.validate(line["record"])


def test_examples_on_the_scores_page_are_the_backends_results() -> None:
    examples = rows(5)
    assert len(examples) == 3
    for _, sent, *printed in examples:
        board = Leaderboard()
        for second, event, cadence, resistance in re.findall(
            r"(\d+)(, `final`)?: \((\d+), (\d+)\)", sent
        ):
            message = {
                "uuid": second,
                "event": "final" if event else "update",
                "second": int(second),
                "raceId": 1,
                "racerId": 7,
                "classId": 1,
                "name": "Hayden",
                "cadence": int(cadence),
                "resistance": int(resistance),
            }
            board.add_poll("shard", [json.dumps(message).encode()])
        [one] = board.standings()
        assert [one.here_now, one.final_result, one.best_output] == list(map(float, printed))
