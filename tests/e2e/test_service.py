"""The real daemon under a service manager: what it hears, when it is asked to reload, and when not.

systemd is played by a datagram socket; what is told to it, and when it would restart us, is real.
"""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.simulation.demo.network import Network
from tests.e2e.test_race import seconds_by_bike
from tests.support.bad_disk import BadDisk
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

WATCHDOG_S = 1.5
#: Python runs this at its start. The signal makes something hang, as a bug would.
WEDGE = """
import signal, time

def hang_loop(*_):
    time.sleep(1000)

def lose_answers(*_):
    from gateway.cloud.iot_core import IotCore
    IotCore._on_published = lambda *_: None

def arm():
    import gateway.cloud.publisher
    gateway.cloud.publisher.ANSWER_BY_NS = 1_000_000_000

signal.signal(signal.SIGUSR1, hang_loop)
signal.signal(signal.SIGUSR2, lambda *_: (arm(), lose_answers()))
"""


class Systemd:
    """Hears what the daemon tells."""

    def __init__(self, path: Path, gateway: GatewayProcess) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self.told: list[dict[str, str]] = []
        self._gateway = gateway
        gateway.environment["NOTIFY_SOCKET"] = str(path)
        self.grant(WATCHDOG_S)

    def grant(self, watchdog_s: float) -> None:
        """Set the watchdog's time for the next start."""
        self.watchdog_s = watchdog_s
        self._gateway.environment["WATCHDOG_USEC"] = str(round(watchdog_s * 1_000_000))

    def hear(self, field: str, within_s: float) -> str | None:
        """The next value of the field; None if it is not told in time."""
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                datagram = self._socket.recv(4096).decode()
            except TimeoutError:
                return None
            self.told.append(dict(line.split("=", 1) for line in datagram.split("\n")))
            if field in self.told[-1]:
                return self.told[-1][field]
        return None

    def would_restart(self, within_s: float) -> bool:
        """It has not heard that all is well for as long as it grants."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.hear("WATCHDOG", self.watchdog_s) is None:
                return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, gateway: GatewayProcess) -> Iterator[Systemd]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WEDGE, encoding="utf-8")
    gateway.environment["PYTHONPATH"] = str(tmp_path / "site")
    systemd = Systemd(tmp_path / "notify", gateway)
    yield systemd
    systemd.close()


def test_service_without_a_broker_is_ready_and_pings_the_watchdog(
    gateway: GatewayProcess, systemd: Systemd
) -> None:
    gateway.cloud["port"] = 1
    gateway.start()
    assert systemd.hear("READY", within_s=5) == "1"
    assert not systemd.would_restart(within_s=4 * WATCHDOG_S)
    status = systemd.told[-1]["STATUS"]
    assert status.startswith("race ")
    assert "cloud offline" in status
    gateway.terminate()


def test_watchdog_restarts_a_wedged_event_loop(gateway: GatewayProcess, systemd: Systemd) -> None:
    gateway.cloud["port"] = 1
    gateway.start()
    assert systemd.hear("WATCHDOG", within_s=5) == "1"
    os.kill(gateway.pid, signal.SIGUSR1)
    assert systemd.would_restart(within_s=3 * WATCHDOG_S)


def test_watchdog_does_not_restart_a_process_that_was_stopped_for_most_of_its_time(
    gateway: GatewayProcess, systemd: Systemd, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    systemd.grant(6)
    gateway.start()
    subscriber.wait_for(lambda messages: len(messages) > 2)
    for _ in range(2):
        assert systemd.hear("WATCHDOG", within_s=5) == "1"
        os.kill(gateway.pid, signal.SIGSTOP)
        going_on = threading.Timer(
            0.75 * systemd.watchdog_s, os.kill, (gateway.pid, signal.SIGCONT)
        )
        going_on.start()
        assert not systemd.would_restart(within_s=1.5 * systemd.watchdog_s)
    before = len(subscriber.messages)
    subscriber.wait_for(lambda messages: len(messages) > before + 2)
    assert "have hung" not in gateway.log
    gateway.terminate()


def test_watchdog_restarts_a_wedged_commit_thread_but_not_a_slow_one(
    gateway: GatewayProcess, systemd: Systemd, tmp_path: Path
) -> None:
    disk = BadDisk(tmp_path, tmp_path / "state")
    gateway.environment |= disk.environment
    gateway.cloud["port"] = 1
    gateway.start()
    assert systemd.hear("WATCHDOG", within_s=5) == "1"
    disk.set("fsync-stalls")
    assert not systemd.would_restart(within_s=2 * WATCHDOG_S), "a card that is busy with itself"
    assert systemd.would_restart(within_s=10 * WATCHDOG_S)
    assert systemd.told[-1] == {"STATUS": "hung: buffer"}
    disk.set("ok")


def test_watchdog_restarts_a_wedged_publisher(
    gateway: GatewayProcess, systemd: Systemd, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    subscriber.wait_for(lambda messages: len(messages) > 2)
    assert systemd.hear("WATCHDOG", within_s=5) == "1"
    os.kill(gateway.pid, signal.SIGUSR2)
    assert systemd.would_restart(within_s=10 * WATCHDOG_S)
    assert systemd.told[-1] == {"STATUS": "hung: publisher"}


async def test_reload_changes_a_racer_and_loses_no_second(
    gateway: GatewayProcess, systemd: Systemd, network: Network, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = network.port
    gateway.race_length_s = 5
    systemd.grant(60)  # pings that nobody reads would leave no room for what is heard below
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(subscriber.wait_for, lambda messages: len(messages) > 4)
    gateway.bikes[0] = gateway.bikes[0].replace('"Rider1"', '"Ann"')
    gateway.write_config()
    os.kill(gateway.pid, signal.SIGHUP)
    assert await asyncio.to_thread(systemd.hear, "RELOADING", 5) == "1"
    assert await asyncio.to_thread(systemd.hear, "READY", 5) == "1"
    await asyncio.to_thread(
        subscriber.wait_for, lambda messages: sum(one.name == "Ann" for one in messages) >= 5
    )
    for seconds in seconds_by_bike(subscriber.messages).values():
        assert sorted(seconds) == list(range(min(seconds), max(seconds) + 1))
    gateway.bikes[0] = gateway.bikes[0].replace("class_id = 1", "class_id = 9")
    gateway.write_config()
    os.kill(gateway.pid, signal.SIGHUP)
    await asyncio.to_thread(gateway.wait_for_log, "config not reloaded.*class_id")
    gateway.terminate()
