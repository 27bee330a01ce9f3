"""The demo as a person runs it: the whole cloud, an outage, an account of every message."""

import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.gateway_process import COMMAND, alleycat_gateway

pytestmark = pytest.mark.xdist_group("demos")  # one worker makes the fixtures of the module

BIKES = 3
RACE_S = 12


def demo(outage_s: int) -> subprocess.CompletedProcess[str]:
    sizes = ("--bikes", str(BIKES), "--race", str(RACE_S), "--outage", str(outage_s))
    return alleycat_gateway("demo", *sizes, "--seed", "3", "--json", timeout_s=100)


def summary_of(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode == 0, ended.stderr
    summary: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return summary


#: One worker runs those that share the fixture, or each would run three demos of its own.
with_demos = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def demos() -> list[subprocess.CompletedProcess[str]]:
    """Twice the same, and one whose network is still down when the race is over; at once."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(demo, (4, 4, RACE_S)))


@with_demos
def test_demo_loses_nothing_and_its_summary_tells_so(
    demos: list[subprocess.CompletedProcess[str]],
) -> None:
    summary = summary_of(demos[0])
    assert summary["racers"] == BIKES
    assert summary["produced"] == summary["in_kinesis"] == BIKES * RACE_S
    assert (summary["lost"], summary["rule_failures"]) == (0, 0)
    [(race_id, shards)] = summary["shards"].items()
    assert int(race_id) > 0
    assert len(shards) == 1
    assert summary["most_buffered"] >= BIKES * 3, "the outage was real"
    board = summary["leaderboard"]
    assert all(one["final_result"] == one["personal_record"] is not None for one in board)
    assert {one["class_id"] for one in board} == {1}
    assert [one["racer_id"] for one in summary["class_board"]] == [one["racer_id"] for one in board]
    assert "network cut" in demos[0].stderr
    assert "network restored" in demos[0].stderr


@with_demos
def test_demo_of_the_same_seed_has_the_same_results(
    demos: list[subprocess.CompletedProcess[str]],
) -> None:
    one, other = (
        {
            # Here now depends on which seconds arrive together.
            standing["racer_id"]: {**standing, "race_id": None, "here_now": None}
            for standing in summary_of(ended)["leaderboard"]
        }
        for ended in demos[:2]
    )
    # A machine that stands still for a second loses it.
    whole = [
        id_
        for id_ in one
        if one[id_]["seconds_received"] == RACE_S == other[id_]["seconds_received"]
    ]
    assert whole
    assert [one[id_] for id_ in whole] == [other[id_] for id_ in whole]


@with_demos
def test_demo_outage_beyond_the_end_of_the_race_loses_nothing(
    demos: list[subprocess.CompletedProcess[str]],
) -> None:
    summary = summary_of(demos[2])
    assert (summary["lost"], summary["in_kinesis"]) == (0, BIKES * RACE_S)


def demo_at(text: str) -> subprocess.Popen[str]:
    """Start a demo of two bikes, and return it once it has printed a text."""
    process = subprocess.Popen(
        [*COMMAND, "demo", "--bikes", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while text not in process.stdout.readline():
        assert process.poll() is None
    return process


def test_demo_ends_cleanly_on_ctrl_c() -> None:
    process = demo_at("second   1 of")
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == "interrupted"


def test_demo_ends_cleanly_on_two_ctrl_c_while_it_starts() -> None:
    process = demo_at("starting broker")
    for _ in range(2):
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)  # also waits for all children
    assert process.returncode in (130, -signal.SIGINT)
    assert errors.strip() == "interrupted"
