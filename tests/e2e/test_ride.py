"""Riders are chosen, join and leave: the real daemon, a real broker, the real command, kill -9."""

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.riding.requests import FILE_NAME
from gateway.telemetry.message import Telemetry
from tests.e2e.test_remote_race import soon
from tests.support.backend import Backend
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber

pytestmark = pytest.mark.slow

LENGTH_S = 15
RIDERS = """
[[riders]]
racer_id = 8
racer_name = "Ada"
class_ids = [1]
[[riders]]
racer_id = 9
racer_name = "Grace"
class_ids = [3, 1]
"""


@pytest.fixture
def riders(gateway: GatewayProcess, broker: Mosquitto) -> GatewayProcess:
    """A gateway of two bikes in races of fifteen seconds, whose riders may be chosen."""
    gateway.race_length_s = LENGTH_S
    gateway.cloud["port"] = broker.port
    gateway.bikes.append(RIDERS)
    gateway.start()
    gateway.wait_for_log("cloud connected")
    return gateway


def ride(gateway: GatewayProcess, *arguments: str) -> Any:
    """Return the answer to `ride …`."""
    config = str(gateway.config_file)
    ended = alleycat_gateway("ride", *arguments, "--json", "--config", config)
    assert ended.returncode == (1 if '"refused"' in ended.stdout else 0), ended.stderr
    return json.loads(ended.stdout)


def status(gateway: GatewayProcess) -> Any:
    shown = alleycat_gateway("status", "--json", "--config", str(gateway.config_file))
    return json.loads(shown.stdout)["gateway"]


def wait_for_second(number: int) -> None:
    """Wait until this second of a race begins."""
    into_s = time.time() % LENGTH_S
    time.sleep((number - 1 - into_s) % LENGTH_S)


def by_race(messages: list[Telemetry], bike_id: str = "bike-1") -> dict[int, set[int]]:
    """Return the racers of each race of a bike."""
    found: dict[int, set[int]] = {}
    for one in messages:
        if one.bike_id == bike_id:
            found.setdefault(one.race_id, set()).add(one.racer_id)
    return found


def test_choice_before_a_kill_is_ridden_from_the_next_race_on(
    riders: GatewayProcess, subscriber: Subscriber
) -> None:
    subscriber.wait_for(lambda messages: len(messages) >= 2)
    wait_for_second(4)
    answer = ride(riders, "choose", "bike-1", "9")
    assert (answer["result"], answer["racer_id"], answer["class_id"]) == ("accepted", 9, 3)
    assert "Rider1 finishes race" in answer["text"]
    riders.kill()
    riders.start()
    messages = subscriber.wait_for(
        lambda all_: any(one.is_final and one.racer_id == 9 for one in all_), 60
    )
    races = by_race(messages)
    assert all(len(racers) == 1 for racers in races.values()), races
    assert {tuple(racers) for racers in races.values()} == {(1,), (9,)}
    grace = [one for one in messages if one.racer_id == 9]
    assert [one.second for one in grace] == list(range(grace[0].second, LENGTH_S + 1))
    assert {(one.race_id % 10, one.class_id, one.name) for one in grace} == {(3, 3, "Grace")}
    [bike, _] = status(riders)["bikes"]
    assert (bike["is_rider_chosen"], bike["own_rider"]["racer_id"]) == (True, 1)


def test_race_that_was_left_ends_at_once_also_over_a_kill(
    riders: GatewayProcess, subscriber: Subscriber
) -> None:
    wait_for_second(3)
    answer = ride(riders, "leave", "bike-1")
    assert answer["result"] == "accepted"
    race_id = answer["race_id"]

    def final_of(messages: list[Telemetry], race: int) -> Telemetry | None:
        found = (m for m in messages if (m.race_id, m.bike_id) == (race, "bike-1") and m.is_final)
        return next(found, None)

    messages = subscriber.wait_for(lambda all_: final_of(all_, race_id) is not None)
    last = final_of(messages, race_id)
    assert last is not None
    assert last.second < LENGTH_S
    [bike, _] = status(riders)["bikes"]
    assert (bike["race_id"], bike["starts_in_s"] is None) == (race_id + 10, False)
    riders.kill()
    riders.start()
    following = subscriber.wait_for(lambda all_: final_of(all_, race_id + 10) is not None, 60)
    of_race = [m for m in following if (m.race_id, m.bike_id) == (race_id, "bike-1")]
    assert [m.second for m in of_race if m.is_final] == [last.second]
    assert max(m.second for m in of_race) == last.second


def test_two_requests_at_once_are_both_answered(
    riders: GatewayProcess, subscriber: Subscriber
) -> None:
    wait_for_second(3)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda racer: ride(riders, "choose", "bike-1", racer), ["8", "9"]))
    assert [one["result"] for one in answers] == ["accepted", "accepted"]
    chosen = status(riders)["bikes"][0]["next_racer_id"]
    saved = json.loads((riders.config_file.parent / "state" / "riders.json").read_bytes())
    assert saved["bike-1"]["racer_id"] == chosen in (8, 9)
    messages = subscriber.wait_for(lambda all_: any(m.racer_id == chosen for m in all_), 30)
    assert {m.racer_id for m in messages if m.bike_id == "bike-1"} == {1, chosen}


def test_refusal_names_what_is_expected(riders: GatewayProcess) -> None:
    config = str(riders.config_file)
    unknown = alleycat_gateway("ride", "choose", "bike-1", "7", "--config", config)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith("refused: the config allows no racer 7 on bike-1; expected")
    assert "8 (Ada, class 1), 9 (Grace, class 3)" in unknown.stderr
    assert ride(riders, "join", "bike-9")["result"] == "refused"


def test_hostile_clients_cost_no_second(riders: GatewayProcess, subscriber: Subscriber) -> None:
    path = str(socket_file(riders))
    idle = []
    for junk in (b"", b"\n", b"\x00" * 5000, b"[" * 1000 + b"\n", b'{"action":"choose"}\n') * 5:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        try:
            client.connect(path)
            client.sendall(junk)
        except OSError:  # it was one too many, or said too much
            client.close()
            continue
        idle.append(client)
    start = len(subscriber.messages)
    messages = subscriber.wait_for(lambda all_: len(all_) >= start + 24, 30)[start:]
    for bike_id in ("bike-1", "bike-2"):
        seconds = [m.race_id // 10 * LENGTH_S + m.second for m in messages if m.bike_id == bike_id]
        assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    for client in idle:
        client.close()
    assert "Traceback" not in riders.log


def socket_file(gateway: GatewayProcess) -> Path:
    directory = os.environ.get("RUNTIME_DIRECTORY")
    return Path(directory or gateway.config_file.parent / "state") / FILE_NAME


def test_rider_who_is_removed_by_a_reload_finishes_the_race(
    riders: GatewayProcess, subscriber: Subscriber
) -> None:
    wait_for_second(3)
    ride(riders, "choose", "bike-1", "8")
    subscriber.wait_for(lambda all_: any(m.racer_id == 8 for m in all_), 30)
    wait_for_second(4)
    riders.bikes.pop()
    riders.write_config()
    os.kill(riders.pid, signal.SIGHUP)
    riders.wait_for_log("chosen rider no longer allowed by the config")
    messages = subscriber.wait_for(
        lambda all_: (
            any(m.racer_id == 8 and m.is_final for m in all_)
            and all_[-1].racer_id in (1, 2)
            and sum(m.racer_id == 1 and m.is_final for m in all_) >= 2
        ),
        60,
    )
    races = by_race(messages)
    assert all(len(racers) == 1 for racers in races.values()), races


def test_remote_race_is_the_backends_and_shown(
    gateway: GatewayProcess, broker: Mosquitto, authority: Authority
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.race_mode = "remote"
    gateway.start()
    gateway.wait_for_log("cloud connected")
    backend = Backend(broker.port, authority.issue("backend"), "gateway-1")
    start_ms = time.time_ns() // 1_000_000 + 60_000
    assert backend.ask(soon(startMs=start_ms, race_id=12, racer_id=7))["result"] == "accepted"
    for arguments in (["choose", "bike-1", "2"], ["join", "bike-1"], ["leave", "bike-1"]):
        answer = ride(gateway, *arguments)
        assert answer["result"] == "refused"
        assert "the backend commands who rides" in answer["text"]
    shown = status(gateway)
    assert shown["race_mode"] == "remote"
    bike = shown["bikes"][0]
    assert 0 < bike["starts_in_s"] < 60
    [race] = bike["commanded"]
    assert 0 < race.pop("starts_in_s") < 60
    assert race == {
        "race_id": 12,
        "racer_id": 7,
        "name": "Hayden",
        "class_id": 1,
        "start_ms": start_ms,
        "length_s": 3,
    }
    backend.stop()
