"""Fills template.md with what the backend makes of the records, for docs/scores.md."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from gateway.simulation.cloud.leaderboard import Leaderboard, Standing
from tests.bench.scores import records
from tests.bench.scores.records import Arrival

TEMPLATE = Path(__file__).with_name("template.md")


def page(arrived: Sequence[Arrival]) -> str:
    board = Leaderboard()
    for _, polled in groupby(arrived, key=attrgetter("poll")):
        board.add_poll("shard", [one.record for one in polled])
    races = [report.race_id for report in board.reports()]
    return TEMPLATE.read_text(encoding="utf-8").format(
        riders=records.RIDERS,
        race_s=records.RACE_S,
        class_id=records.CLASS_ID,
        seeds=records.SEEDS,
        races=races,
        offline=", ".join(map(str, records.OFFLINE_RIDERS)),
        offline_from=records.OFFLINE_FROM_S + 1,
        offline_until=records.OFFLINE_UNTIL_S - records.RACE_S,
        lost=records.LOST_RIDER,
        lost_at=records.LOST_AT_S - records.RACE_S,
        rows="\n".join(_rows(board.standings(), races)),
    )


def _rows(standings: Sequence[Standing], races: Sequence[int]) -> Iterator[str]:
    by_race = {(one.race_id, one.racer_id): one for one in standings}
    for rider in range(1, records.RIDERS + 1):
        rides = [by_race[race, rider] for race in races]
        numbers = [number for one in rides for number in (one.here_now, one.final_result)]
        cells = [str(rider), *map(_number, (*numbers, rides[-1].personal_record))]
        yield f"| {' | '.join(cells)} |"


def _number(number: float | None) -> str:
    return "none" if number is None else f"{number:.4f}"
