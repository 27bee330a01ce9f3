"""Certificates that are replaced while the gateway races."""

import json
import os
import re
import shutil
import signal
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber


@pytest.fixture
def passport(tmp_path: Path, gateway: GatewayProcess, broker: Mosquitto) -> GatewayProcess:
    """The gateway with certificate files of its own, as gateway-1."""
    gateway.cloud["port"] = broker.port
    for key in ("certificate_file", "private_key_file"):
        file = tmp_path / f"{key}.pem"
        shutil.copy(gateway.cloud[key], file)
        gateway.cloud[key] = file
    gateway.start()
    gateway.wait_for_log("cloud connected")
    return gateway


def replace_pair(gateway: GatewayProcess, authority: Authority) -> None:
    issued = authority.issue("gateway-2")
    shutil.copy(issued.certificate_file, gateway.cloud["certificate_file"])
    shutil.copy(issued.private_key_file, gateway.cloud["private_key_file"])


def test_reload_uses_the_replaced_pair_without_losing_a_second(
    tmp_path: Path,
    passport: GatewayProcess,
    authority: Authority,
    subscriber: Subscriber,
) -> None:
    subscriber.wait_for(lambda all_: len(all_) >= 4)
    replace_pair(passport, authority)
    os.kill(passport.pid, signal.SIGHUP)
    passport.wait_for_log("cloud connected", times=2)
    before = len(subscriber.messages)
    messages = subscriber.wait_for(lambda all_: len(all_) >= before + 10)
    log = (tmp_path / "mosquitto/mosquitto.log").read_text()
    assert re.findall(r"as gateway-1 \(.* u'(gateway-\d)'", log) == ["gateway-1", "gateway-2"]
    for bike in ("bike-1", "bike-2"):
        seconds = [(one.race_id, one.second) for one in messages if one.bike_id == bike]
        assert not [second for second, count in Counter(seconds).items() if count > 1]
        steps = pairwise(seconds)
        assert all(after == (race, second + 1) or after[1] == 1 for (race, second), after in steps)


def test_mismatched_pair_is_a_concern_until_it_matches(
    passport: GatewayProcess, authority: Authority
) -> None:
    other = authority.issue("gateway-2")
    shutil.copy(other.certificate_file, passport.cloud["certificate_file"])
    os.kill(passport.pid, signal.SIGHUP)
    passport.wait_for_log("config not reloaded")
    status = alleycat_gateway("status", "--json", "--config", str(passport.config_file))
    assert status.returncode == 1
    assert "does not match" in json.loads(status.stdout)["attention"][0]
    shutil.copy(other.private_key_file, passport.cloud["private_key_file"])
    os.kill(passport.pid, signal.SIGHUP)
    passport.wait_for_log("cloud connected", times=2)
    well = json.loads(
        alleycat_gateway("status", "--json", "--config", str(passport.config_file)).stdout
    )
    assert not [text for text in well["attention"] if "cert" in text]
    (own, ca) = well["gateway"]["cloud"]["certificates"]
    assert (own["key"], ca["key"]) == ("certificate_file", "ca_file")
    assert own["days_left"] > 7
