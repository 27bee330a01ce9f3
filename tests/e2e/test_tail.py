"""A real daemon and its messages as they go out: in an outage, and with rude readers."""

import asyncio
import json
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.simulation.demo.network import Network
from gateway.tail.server import READERS_MAX
from tests.support.gateway_process import COMMAND, GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber


def tail(gateway: GatewayProcess, *arguments: str) -> str:
    ended = alleycat_gateway("tail", "--config", str(gateway.config_file), *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def events(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_tail_shows_what_a_subscriber_receives(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.wait_for_log("cloud connected")
    seen = events(tail(gateway, "--json", "--seconds", "3.5"))
    acknowledged = [event["message"] for event in seen if event["state"] == "acknowledged"]
    assert len(acknowledged) >= 2 * 2
    arrived = [json.loads(payload) for payload in subscriber.payloads]
    assert [message for message in acknowledged if message not in arrived] == []


async def test_tail_shows_an_outage_second_by_second(
    gateway: GatewayProcess, network: Network
) -> None:
    gateway.cloud["port"] = network.port
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(gateway.wait_for_log, "cloud connected")
    command = (*COMMAND, "tail", "--config", str(gateway.config_file))
    tailing = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            await shown(tailing, "acknowledged")
            await network.cut()
            await shown(tailing, "waiting")
            await network.restore()
            await shown(tailing, "acknowledged after ")
            tailing.send_signal(signal.SIGINT)
            assert await tailing.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            tailing.kill()


async def shown(tailing: asyncio.subprocess.Process, state: str) -> None:
    """Wait for a line of a message with this state."""
    assert tailing.stdout is not None
    async for line in tailing.stdout:
        if f"  {state}" in line.decode():
            return
    raise AssertionError(f"no message was shown as {state}")


def test_readers_that_never_read_make_a_race_lose_no_second(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.wait_for_log("cloud connected")
    path: Path = gateway.config_file.parent / "state" / "tail.sock"
    readers = [socket.socket(socket.AF_UNIX) for _ in range(2 * READERS_MAX)]
    for reader in readers:
        with suppress(OSError):  # the backlog is full
            reader.connect(str(path))
    ended = alleycat_gateway("status", "--config", str(gateway.config_file), "--json")
    for reader in readers:
        reader.close()
    seen = events(tail(gateway, "--json", "--seconds", "2.5"))
    assert json.loads(ended.stdout)["gateway"]["lost_seconds"] == 0
    assert {event["message"]["bikeId"] for event in seen} == {"bike-1", "bike-2"}
