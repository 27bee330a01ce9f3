"""A real daemon, asked how it is: while it races, through an outage, and beside its metrics."""

import asyncio
import json
import os
import signal
import socket
import stat
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from gateway.simulation.demo.network import Network
from gateway.status.report import status_schema
from tests.support.gateway_process import COMMAND, GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.terminal import Terminal


def asked(gateway: GatewayProcess) -> tuple[int, dict[str, Any]]:
    """The exit code of `status --json`, and what it printed."""
    ended = alleycat_gateway("status", "--config", str(gateway.config_file), "--json")
    assert ended.stderr == ""
    report = json.loads(ended.stdout)
    Draft202012Validator(status_schema()).validate(report)
    return ended.returncode, report


def metrics(port: int) -> dict[str, float]:
    """By name and bike; without labels by name alone."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as page:
        families = list(text_string_to_metric_families(page.read().decode()))
    return {
        " ".join([sample.name, *filter(None, [sample.labels.get("bike_id")])]): sample.value
        for family in families
        for sample in family.samples
    }


async def test_status_shows_an_outage_while_there_is_one(
    gateway: GatewayProcess, network: Network
) -> None:
    gateway.cloud["port"] = network.port
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(gateway.wait_for_log, "cloud connected")
    await asyncio.sleep(2)
    code, racing = await asyncio.to_thread(asked, gateway)
    assert (code, racing["attention"]) == (0, [])
    assert racing["line"].startswith("race ")
    assert racing["line"].endswith(" · 2 bikes · cloud connected")
    seen = racing["gateway"]
    assert seen["accepted"] >= 2
    assert [bike["racer_name"] for bike in seen["bikes"]] == ["Rider1", "Rider2"]
    # Their rides begin anew every ten seconds, from standstill: 0 rpm is no fault.
    assert all(bike["sample"]["present"] for bike in seen["bikes"])
    assert all(bike["sample"]["cadence"] == "live" for bike in seen["bikes"])
    assert seen["buffer"]["on_disk"] == 0

    await network.cut()
    await asyncio.to_thread(gateway.wait_for_log, "cloud not connected")
    await asyncio.sleep(3)
    code, offline = await asyncio.to_thread(asked, gateway)
    assert code == 1
    (concern,) = offline["attention"]
    assert concern.startswith("cloud offline for ")
    assert "cloud offline" in offline["line"]
    assert offline["gateway"]["buffer"]["on_disk"] >= 2
    assert offline["hours_left"] > 100
    assert 2 <= offline["gateway"]["cloud"]["state_s"] < 20
    assert offline["gateway"]["produced"] > seen["produced"]

    await network.restore()
    await asyncio.to_thread(gateway.wait_for_log, "cloud connected", times=2)
    await asyncio.sleep(2)
    code, again = await asyncio.to_thread(asked, gateway)
    assert (code, again["attention"]) == (0, [])


def test_status_of_a_stopped_gateway_exits_3(gateway: GatewayProcess, broker: Mosquitto) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    socket = gateway.config_file.parent / "state" / "status.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o666
    gateway.terminate()
    assert not socket.exists()
    ended = alleycat_gateway("status", "--config", str(gateway.config_file))
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "no gateway answers" in ended.stderr


def test_status_is_answered_after_a_kill_and_restart(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.kill()
    assert (gateway.config_file.parent / "state" / "status.sock").is_socket()
    gateway.start()
    gateway.wait_for_log("cloud connected")
    assert asked(gateway)[1]["gateway"]["thing_name"] == "gateway-1"


def test_status_of_a_daemon_that_hangs_tells_so(gateway: GatewayProcess, broker: Mosquitto) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    os.kill(gateway.pid, signal.SIGSTOP)
    ended = alleycat_gateway("status", "--config", str(gateway.config_file))
    os.kill(gateway.pid, signal.SIGCONT)
    assert ended.returncode == 3
    assert "no answer within 5 s; the gateway has hung: restart it" in ended.stderr


def test_status_socket_is_in_the_runtime_directory_of_a_service(
    gateway: GatewayProcess, broker: Mosquitto, tmp_path: Path
) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    gateway.environment["RUNTIME_DIRECTORY"] = str(runtime)
    gateway.cloud["port"] = broker.port
    gateway.start()
    assert (runtime / "status.sock").is_socket()
    gateway.terminate()
    assert not list(runtime.iterdir())


def test_metrics_have_the_numbers_of_the_status(gateway: GatewayProcess, broker: Mosquitto) -> None:
    port = free_port()
    gateway.cloud["port"] = broker.port
    gateway.further = f"[metrics]\nport = {port}\n"
    gateway.start()
    gateway.wait_for_log("cloud connected")
    before = metrics(port)
    _, report = asked(gateway)
    after = metrics(port)
    for name in ("produced", "accepted"):
        total = f"alleycat_gateway_messages_{name}_total"
        assert before[total] <= report["gateway"][name] <= after[total]
    assert after["alleycat_gateway_cloud_connected"] == 1
    assert after["alleycat_gateway_bike_connected bike-2"] == 1


def test_metrics_port_in_use_is_a_note_in_the_status(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.further = f"[metrics]\nport = {broker.port}\n"
    gateway.start()
    gateway.wait_for_log("cloud connected")
    code, report = asked(gateway)
    assert code == 1
    assert report["attention"] == report["gateway"]["notes"]
    assert report["attention"][0].startswith(f"metrics.port {broker.port}: ")


def test_status_of_four_bikes_fits_a_terminal_of_80_by_24(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.bikes += [bike.replace("bike-", "fast-") for bike in gateway.bikes]
    gateway.start()
    gateway.wait_for_log("cloud connected")
    config = str(gateway.config_file)
    with Terminal([*COMMAND, "status", "--config", config]) as terminal:
        assert terminal.exit_code() == 0
    lines = terminal.text.replace("\r", "").rstrip().split("\n")
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "all well" in lines
    assert sum("  simulated  " in line for line in lines) == 4


def test_status_clients_that_never_read_make_a_race_lose_no_second(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    """Hundreds that never read, and those who are in a hurry."""
    gateway.cloud["port"] = broker.port
    gateway.start()
    path = gateway.config_file.parent / "state" / "status.sock"
    deadline, clients = time.monotonic() + 4, list[socket.socket]()
    while time.monotonic() < deadline:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(1)
        clients.append(client)
        with suppress(OSError):  # sent away
            client.connect(str(path))
            client.send(b"GET / HTTP/1.1\r\n\r\n" * 100)
        if len(clients) > 300:
            clients.pop(0).close()
    _, report = asked(gateway)
    assert report["gateway"]["lost_seconds"] == 0
    assert report["gateway"]["produced"] >= 2 * 3
    for client in clients:
        client.close()


def test_status_has_no_secret(gateway: GatewayProcess, broker: Mosquitto) -> None:
    """Nothing of the key or the certificates, and not even where they lie."""
    gateway.cloud["port"] = broker.port
    gateway.start()
    text = json.dumps(asked(gateway)[1])
    assert "PRIVATE" not in text
    assert ".pem" not in text
