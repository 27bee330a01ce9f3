import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.fleet.meter import Spread
from gateway.simulation.fleet.plan import FleetOptions, Plan
from gateway.simulation.fleet.scene import Line, Phase, Scene
from gateway.simulation.fleet.view import (
    live_view,
    open_view,
    print_bill,
    print_plan,
    print_summary,
    summary_json,
)
from tests.gateway.simulation.fleet.test_scene import STREAM, summary

SAMPLE = Sample(present=True, cadence_rpm=80.5, resistance_percent=41.0, power_w=112.0)


def line(racer_id: int, gained: int = 0) -> Line:
    standing = Standing(7, racer_id, f"Racer{racer_id}", 150 - racer_id, 9, 10, is_final=False)
    return Line(standing, 1 + racer_id % 6, SAMPLE, gained)


SCENE = Scene(
    target="127.0.0.1:8883",
    phase=Phase.RACING,
    second=37,
    race_s=300,
    racers=1000,
    races=1,
    connections=1000,
    connected=1000,
    produced=36_000,
    produced_per_s=999.6,
    acknowledged=35_990,
    acknowledged_per_s=998.0,
    in_stream=35_000,
    latency=Spread(61.0, 140.0, 171.0),
    reason="",
    board=tuple(line(number, gained=3 - number) for number in range(1, 101)),
)


def terminal(columns: int = 80, lines: int = 24) -> Console:
    return Console(
        file=io.StringIO(), width=columns, height=lines, force_terminal=True, color_system=None
    )


def drawn(scene: Scene, columns: int = 80, lines: int = 24) -> list[str]:
    console = terminal(columns, lines)
    console.print(live_view(scene, lines))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def said(printed: Console) -> str:
    assert isinstance(printed.file, io.StringIO)
    return printed.file.getvalue()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_a_thousand_racers_fit_on_the_terminal(columns: int, lines: int) -> None:
    rows = drawn(SCENE, columns, lines)
    assert len(rows) < lines
    assert max(len(row) for row in rows) <= columns
    assert "second  37 of 300" in rows[1]
    assert "acknowledged   35,990    998/s  p50 61 ms, p99 140 ms" in rows[3]
    table = "\n".join(rows)
    assert re.search(r"│ +1 │ +▲2 │ Racer1 +│ +2 │ 149\.0 │ +9 s │ 80\.5 │ 41\.0 │ 112 │", table)
    assert re.search(r"│ +4 │ +▼1 │ Racer4 ", table)


def test_with_several_races_each_line_says_which() -> None:
    rows = drawn(replace(SCENE, races=3), 120, 40)
    assert any(" race " in row for row in rows)
    assert not any(" race " in row for row in drawn(SCENE, 120, 40))


def test_connections_that_are_lost_are_seen_with_the_reason() -> None:
    rows = drawn(replace(SCENE, connected=990, reason="connection refused"))
    assert "10 offline: connection refused" in rows[1]


@pytest.mark.parametrize(
    ("phase", "second", "expected"),
    [
        (Phase.CONNECTING, 0, "connecting: 80 of 1,000 are up"),
        (Phase.COUNTDOWN, 3, "start in 3 s"),
        (Phase.ARRIVING, 300, "race over, waiting for the last acknowledgements"),
    ],
)
def test_before_and_after_the_race_it_says_what_it_waits_for(
    phase: Phase, second: int, expected: str
) -> None:
    rows = drawn(replace(SCENE, phase=phase, second=second, connected=80, board=()))
    assert expected in rows[1]


def test_elsewhere_than_on_a_terminal_it_is_a_line_every_five_seconds() -> None:
    console = Console(file=io.StringIO(), width=80)
    with open_view(console) as show:
        show(replace(SCENE, phase=Phase.COUNTDOWN, second=2, board=()))
        for second in range(1, 13):
            show(replace(SCENE, second=second))
    lines = said(console).splitlines()
    assert [one.partition(" ·")[0] for one in lines] == [
        "start in 2 s",
        "second   1 of 300",
        "second   5 of 300",
        "second  10 of 300",
    ]
    assert "35,990" in lines[-1]
    assert lines[-1].endswith("Racer1 leads with 149.0")


def test_the_plan_is_said_with_what_is_assumed_and_what_would_not_fit() -> None:
    console = terminal(columns=200)
    print_plan(console, Plan(FleetOptions(2000, 300)), "127.0.0.1:8883")
    assert "2,000 racers on 2,000 connections to 127.0.0.1:8883" in said(console)
    assert "600,000 messages" in said(console)
    assert "AWS allows an account 500 a second" in said(console)
    assert "AWS would throttle 1,000 a second" in said(console)


def test_the_bill_names_each_price_where_it_comes_from_and_the_sum() -> None:
    console = terminal(columns=200)
    print_bill(console, Plan(FleetOptions(1000, 300)))
    bill = said(console)
    assert "us-east-1" in bill
    assert "aws.amazon.com/iot-core/pricing" in bill
    [together] = [row for row in bill.splitlines() if row.strip().startswith("together")]
    assert together.split()[-1] == "0.40"


def test_a_race_without_loss_says_so() -> None:
    console = terminal(columns=200)
    print_summary(console, summary())
    assert "120 of 120 messages acknowledged\n" in said(console)
    assert "none missing, 0 duplicates, each race on one shard" in said(console)
    assert "the backend's leaderboard is the same for all 2 racers" in said(console)
    assert "1. Ada (racer 1): 148.8 in second 9" in said(console)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(summary(), interrupted=True), "interrupted"),
        (replace(summary(), acknowledged=118), "2 NOT ACKNOWLEDGED"),
        (replace(summary(), produced=110), "10 seconds were not ridden"),
        (replace(summary(), sent=125), "5 sent again"),
        (replace(summary(), set_aside=3, reason="too large"), "set aside: too large"),
        (replace(summary(), drops=4, reason="timeout"), "4 connections were lost meanwhile"),
        (replace(summary(), leftover=9), "9 more were acknowledged"),
        (summary(replace(STREAM, records=100)), "20 MISSING"),
        (summary(replace(STREAM, rule_failures=2)), "2 refused by the rule"),
        (summary(replace(STREAM, differences=["Ada: best"])), "differs for 1 racers"),
        (summary(replace(STREAM, shards={7: ["a", "b"]})), "RACES [7] ON SEVERAL SHARDS"),
    ],
)
def test_whatever_went_wrong_is_said(changed: object, expected: str) -> None:
    console = terminal(columns=200)
    print_summary(console, changed)  # type: ignore[arg-type]
    assert expected in said(console)


def test_for_a_program_it_is_one_line_with_every_racers_score() -> None:
    text = summary_json(summary())
    assert "\n" not in text
    told = json.loads(text)
    assert told["ok"] is True
    assert [(one["racer_id"], one["best_output"]) for one in told["leaderboard"]] == [
        (1, 148.75),
        (2, 140.0),
    ]
    assert told["stream"]["same_racers"] == 2
