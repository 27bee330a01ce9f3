"""The real daemon on a Pi whose kernel, boots and power the test controls.

The Pi is a mount namespace: its model and the id of its boot are mounted, and a shim answers
adjtimex(2). Its wall clock is right throughout; the question is when the gateway may believe so.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME
from tests.support.adjtimex import LIMIT_US, TIME_ERROR, UNSYNC, AdjtimexShim
from tests.support.bad_disk import BadDisk
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount"),
]

#: A python that runs on the Pi; arguments: the file with the boot's id, and python's own.
ON_A_PI = """#!/bin/sh
exec unshare --mount sh -ec '
    mount -t tmpfs none /sys/firmware
    mkdir -p /sys/firmware/devicetree/base
    printf "Raspberry Pi 5 Model B Rev 1.0" > /sys/firmware/devicetree/base/model
    mount --bind {boot_id} /proc/sys/kernel/random/boot_id
    exec {python} "$@"' sh "$@"
"""


class Pi:
    """A gateway on a Pi: the state of its kernel's clock, and its boots."""

    def __init__(self, directory: Path, gateway: GatewayProcess, port: int) -> None:
        self.gateway = gateway
        self.kernel = AdjtimexShim(directory)
        self._boot_id = directory / "boot_id"
        self.boot("boot-1")
        python = directory / "python"
        python.write_text(ON_A_PI.format(boot_id=self._boot_id, python=sys.executable))
        python.chmod(0o755)
        gateway.python = str(python)
        gateway.environment = self.kernel.environment
        gateway.cloud["port"] = port
        gateway.race_length_s = 86_400  # no race ends in a test
        gateway.bikes = gateway.bikes[:1]
        self.state_dir = directory / "state"

    def boot(self, boot_id: str) -> None:
        """Let the next start be in this boot, with a clock that nothing has set."""
        self._boot_id.write_text(f"{boot_id}\n")
        self.kernel.answer(TIME_ERROR, UNSYNC, LIMIT_US)

    def let_chrony_set_the_clock(self) -> None:
        """Answer as with chrony without `rtcsync`: the flag UNSYNC stays set forever."""
        self.kernel.answer(TIME_ERROR, UNSYNC, 9_776)

    def status(self) -> dict[str, Any]:
        file = str(self.gateway.config_file)
        printed = alleycat_gateway("status", "--json", "--config", file).stdout
        found: dict[str, Any] = json.loads(printed)["gateway"]
        return found

    def keep_seconds(self, count: int) -> None:
        """Wait until so many seconds without a race are on disk."""
        deadline = time.monotonic() + 60
        while self.status()["buffer"]["on_disk"] < count:
            assert time.monotonic() < deadline, self.gateway.log
            time.sleep(0.2)


@pytest.fixture
def pi(tmp_path: Path, gateway: GatewayProcess, broker: Mosquitto) -> Pi:
    return Pi(tmp_path, gateway, broker.port)


def ends_s(subscriber: Subscriber) -> list[int]:
    """Return the seconds since the epoch at which the messages end, which must have no gap."""
    ends = sorted({message.device_timestamp // 1000 for message in subscriber.messages})
    assert ends == list(range(ends[0], ends[0] + len(ends)))
    return ends


def test_clock_kept_by_chrony_without_rtcsync_is_set(pi: Pi, subscriber: Subscriber) -> None:
    pi.gateway.start()
    pi.keep_seconds(4)
    set_s = time.time()
    assert pi.status()["clock_source"] is None
    assert subscriber.messages == []
    pi.let_chrony_set_the_clock()
    subscriber.wait_for(lambda messages: len(messages) >= 8)
    assert ends_s(subscriber)[0] <= set_s - 3
    assert pi.status()["clock_source"] == "time_server"
    assert pi.status()["buffer"]["quarantined"] == 0


def test_clock_stays_set_in_a_boot_that_has_lost_its_time_server(
    pi: Pi, subscriber: Subscriber
) -> None:
    pi.let_chrony_set_the_clock()
    pi.gateway.start()
    subscriber.wait_for(lambda messages: len(messages) >= 2)
    pi.gateway.terminate()
    pi.kernel.answer(TIME_ERROR, UNSYNC, LIMIT_US)  # after nine hours
    seen = len(subscriber.messages)
    pi.gateway.start()
    subscriber.wait_for(lambda messages: len(messages) >= seen + 3)
    assert pi.status()["clock_source"] == "time_server"
    pi.gateway.kill()
    pi.boot("boot-2")
    pi.gateway.start()
    pi.keep_seconds(1)
    assert pi.status()["clock_source"] is None, "after a reboot"


def test_clock_that_the_config_trusts_is_set_from_the_start(pi: Pi, subscriber: Subscriber) -> None:
    pi.gateway.further = '[clock]\ntrust = "always"\n'
    pi.gateway.start()
    subscriber.wait_for(lambda messages: len(messages) >= 3)
    assert pi.status()["clock_source"] == "config"
    assert "the clock is not set" not in pi.gateway.log


def test_power_cut_between_setting_the_clock_and_naming_the_seconds_loses_none(
    pi: Pi, subscriber: Subscriber, tmp_path: Path
) -> None:
    disk = BadDisk(tmp_path, pi.state_dir / DIRECTORY_NAME)
    preload = f"{pi.kernel.environment['LD_PRELOAD']}:{disk.environment['LD_PRELOAD']}"
    pi.gateway.environment |= {**disk.environment, "LD_PRELOAD": preload}
    began_s = time.time()
    pi.gateway.start()
    pi.keep_seconds(5)
    disk.set("fsync-stalls")
    pi.let_chrony_set_the_clock()
    pi.gateway.wait_for_log("clock set")
    time.sleep(1)
    pi.gateway.kill()
    disk.set("ok")
    killed_s = time.time()
    assert subscriber.messages == []
    assert "boot-1" in json.loads((pi.state_dir / "boots.json").read_bytes())
    pi.boot("boot-2")
    pi.let_chrony_set_the_clock()
    pi.gateway.start()
    kept = subscriber.wait_for(lambda messages: len(messages) >= 5)[:5]
    ends = sorted(message.device_timestamp / 1000 for message in kept)
    assert began_s < ends[0] < ends[-1] < killed_s
    assert pi.status()["buffer"]["quarantined"] == 0


def test_seconds_of_a_boot_whose_clock_was_never_set_are_quarantined(pi: Pi) -> None:
    pi.gateway.start()
    pi.keep_seconds(3)
    pi.gateway.kill()
    pi.boot("boot-2")
    pi.let_chrony_set_the_clock()
    pi.gateway.start()
    deadline = time.monotonic() + 60
    while pi.status()["buffer"]["quarantined"] < 3:
        assert time.monotonic() < deadline, pi.gateway.log
        time.sleep(0.2)
