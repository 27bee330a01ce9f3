"""The fleet as a person runs it: through the cloud on this computer, and through mosquitto."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.simulation.cloud.leaderboard import Leaderboard, Standing
from gateway.telemetry.message import Telemetry
from tests.support.gateway_process import COMMAND, GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

RACERS, RACE_S = 20, 10
SIZE = ("--racers", str(RACERS), "--race", str(RACE_S))
#: A machine that stands still for a second loses it; most are there all the same.
MOST = 0.8


def summary_of(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ended.returncode in (0, 1), ended.stderr
    summary: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    assert summary["ok"] is (ended.returncode == 0)
    return summary


@pytest.fixture
def mutual_tls(gateway: GatewayProcess, broker: Mosquitto) -> tuple[str, str]:
    """The option that has the fleet race through mosquitto, with one certificate for all."""
    gateway.cloud["port"] = broker.port
    gateway.write_config()
    return "--config", str(gateway.config_file)


def test_fleet_messages_all_arrive_and_the_backends_results_match() -> None:
    ended = alleycat_gateway("fleet", *SIZE, "--races", "3", "--json", timeout_s=100)
    summary = summary_of(ended)
    assert summary["acknowledged"] == summary["produced"] >= MOST * RACERS * RACE_S
    stream = summary["stream"]
    assert stream["records"] - stream["duplicates"] == summary["produced"]
    assert (stream["differences"], stream["same_racers"]) == ([], RACERS)
    assert (stream["rule_failures"], stream["unreadable"]) == (0, 0)
    assert len(stream["shards"]) == 3
    assert all(len(shards) == 1 for shards in stream["shards"].values())
    board = summary["leaderboard"]
    assert sorted(one["racer_id"] for one in board) == list(range(1, RACERS + 1))
    assert all(one["final_result"] is not None for one in board)
    assert len({(one["race_id"], one["class_id"]) for one in board}) == 3
    assert "race starts in" in ended.stderr


@pytest.mark.parametrize("connections", [None, 3])
def test_fleet_races_over_mutual_tls(
    connections: int | None, mutual_tls: tuple[str, str], subscriber: Subscriber
) -> None:
    shared = () if connections is None else ("--connections", str(connections))
    ended = alleycat_gateway("fleet", *SIZE, *shared, *mutual_tls, "--json", timeout_s=100)
    summary = summary_of(ended)
    assert summary["stream"] is None
    assert summary["connections"] == (connections or RACERS)
    assert summary["acknowledged"] == summary["produced"] >= MOST * RACERS * RACE_S
    messages = subscriber.wait_for(lambda messages: len(messages) >= summary["acknowledged"])
    assert len({message.uuid for message in messages}) == summary["acknowledged"]
    assert standings(messages) == [Standing(**one) for one in summary["leaderboard"]]


def standings(messages: list[Telemetry]) -> list[Standing]:
    """What the backend would make of them."""
    backend = Leaderboard()
    for message in sorted(messages, key=lambda message: message.second):
        backend.add_poll("shard", [message.to_json()])
    return backend.standings()


def test_fleet_with_a_state_dir_sends_unacknowledged_messages_next_time(
    mutual_tls: tuple[str, str], broker: Mosquitto, subscriber: Subscriber, tmp_path: Path
) -> None:
    arguments = (
        "--racers",
        "4",
        "--race",
        "10",
        *mutual_tls,
        "--state-dir",
        str(tmp_path / "kept"),
    )
    process = subprocess.Popen(
        [*COMMAND, "fleet", *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    subscriber.wait_for(lambda messages: len(messages) >= 8)
    broker.pause()
    time.sleep(2.5)  # two seconds are ridden meanwhile
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    broker.resume()
    assert process.returncode == 130, errors
    first = json.loads(output.splitlines()[-1])
    kept = first["produced"] - first["acknowledged"]
    assert first["interrupted"]
    assert kept > 0
    second = summary_of(alleycat_gateway("fleet", *arguments, "--json", timeout_s=100))
    assert second["leftover"] == kept


def test_fleet_ends_cleanly_on_ctrl_c_with_a_summary() -> None:
    process = subprocess.Popen(
        [*COMMAND, "fleet", *SIZE, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "leads with" not in (line := process.stderr.readline()):
        assert line, "it ended by itself"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    summary = json.loads(output.splitlines()[-1])
    assert 0 < summary["produced"] < RACERS * RACE_S
    assert summary["acknowledged"] == summary["produced"]
    assert summary["stream"]["differences"] == []


def test_fleet_without_a_broker_ends_with_a_reason_and_no_traceback(
    mutual_tls: tuple[str, str], broker: Mosquitto
) -> None:
    broker.stop()
    ended = alleycat_gateway("fleet", *SIZE, *mutual_tls, timeout_s=100)
    assert ended.returncode == 1
    assert "20 of 20 connections to 127.0.0.1 are not up" in ended.stderr
    assert "Traceback" not in ended.stderr
