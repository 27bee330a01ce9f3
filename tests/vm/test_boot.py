"""The service on a machine that is switched on."""

import json

import pytest

from gateway.sampling.calibration_record import record_to_json
from gateway.telemetry.message import Telemetry
from tests.e2e.test_race import BIKES, seconds_by_bike
from tests.support.calibrations import record
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.vm.conftest import Installed
from tests.vm.gateway import RACE_S, SERVICE, START_TIMEOUT_S, STATE_DIR, Gateway
from tests.vm.machine import Machine

pytestmark = pytest.mark.timeout(2400)

#: In the config that comes with the package.
FIRST_BIKE = "bike-001"
#: systemd's patience with a daemon that does not answer, and with one that does not end.
RESTART_TIMEOUT_S = 30 + 30 + START_TIMEOUT_S


def test_gateway_installed_without_a_network_waits_until_it_is_set_up(installed: Installed) -> None:
    assert "Alleycat Gateway is installed" in installed.said
    assert "bike connected" not in installed.first_log
    assert installed.first_status == "not set up yet: sudo alleycat-gateway setup"


def test_gateway_starts_at_boot_and_reaches_the_broker(
    booted: Machine, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway = Gateway(booted)
    gateway.wait_until_it_runs()
    gateway.connect(broker.port)

    def both_bikes_race(messages: list[Telemetry]) -> bool:
        """A race and more without a gap."""
        both = seconds_by_bike([m for m in messages if m.bike_id in BIKES])
        return all(unbroken_s(seconds) > RACE_S for seconds in both.values())

    messages = subscriber.wait_for(both_bikes_race, START_TIMEOUT_S)
    assert FIRST_BIKE not in {m.bike_id for m in messages}, "it was never ridden"
    assert gateway.property("NRestarts") == "0", gateway.log()
    assert booted.run("systemctl --failed --quiet --plain --no-legend") == ""


def unbroken_s(seconds: list[int]) -> int:
    """Seconds up to the last one that follow each other: a slow machine may miss some at boot."""
    arrived, last_s = set(seconds), max(seconds, default=0)
    return next(age for age in range(len(seconds) + 1) if last_s - age not in arrived)


def test_a_bike_that_is_raced_is_calibrated_through_the_service(
    booted: Machine, broker: Mosquitto, subscriber: Subscriber
) -> None:
    """As the unit confines it: root reaches its socket, and the file is the service's."""
    Gateway(booted).connect(broker.port)
    subscriber.wait_for(bool, START_TIMEOUT_S)
    booted.write("/root/calibration.json", record_to_json(record(cadence_scale=0.5)))
    said = booted.run("alleycat-gateway calibrate import bike-1 /root/calibration.json --yes")
    assert f"saved in {STATE_DIR}/calibration/bike-1.json and in use now" in said
    shown = json.loads(booted.run("alleycat-gateway calibrate show bike-1 --json"))
    assert (shown["origin"], shown["cadence_scale"]) == ("saved", 0.5)
    owner = booted.run(f"stat -c '%U %a' {STATE_DIR}/calibration/bike-1.json").strip()
    assert owner == "alleycat-gateway 600"
    nobody = "setpriv --reuid=65534 --clear-groups alleycat-gateway calibrate show bike-1"
    assert "run this command with sudo" in booted.run(nobody, check=False)
    booted.run("alleycat-gateway calibrate reset bike-1 --yes")


def test_a_wedged_daemon_is_restarted(
    booted: Machine, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway = Gateway(booted)
    gateway.connect(broker.port)
    subscriber.wait_for(bool, START_TIMEOUT_S)
    booted.run(f"systemctl kill --kill-whom=main --signal=STOP {SERVICE}")
    booted.wait_for(f"systemctl show -p NRestarts {SERVICE}", "NRestarts=1", RESTART_TIMEOUT_S)
    assert "Watchdog timeout" in gateway.log()
    gateway.wait_until_it_runs()
    before = len(subscriber.messages)
    subscriber.wait_for(lambda messages: len(messages) >= before + 4, START_TIMEOUT_S)
