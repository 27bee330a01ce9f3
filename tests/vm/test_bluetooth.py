"""A bike on Bluetooth: the real bluetoothd, with a radio on a UART as a Raspberry Pi has it."""

import subprocess
import time
from collections.abc import Iterator
from functools import partial

import pytest

from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from gateway.telemetry.message import Telemetry
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber
from tests.vm.conftest import RADIO, ROOT
from tests.vm.gateway import START_TIMEOUT_S, Gateway, bike
from tests.vm.machine import Machine

pytestmark = pytest.mark.timeout(2400)

PYTHON = ROOT / ".venv-vm" / "bin" / "python"
ADDRESS = "C0:FF:EE:12:34:56"
RIDE = IndoorBikeData(speed_kmh=30.0, cadence_rpm=87.0, power_w=180)
#: Longer than the gateway believes a silent bike.
AWAY_S = 12.0


@pytest.fixture
def virtual_bike(machine: Machine) -> Iterator[None]:
    """In reach of the machine's radio, which is attached to its UART."""
    script = ROOT / "tests" / "vm" / "bumble_bike.py"
    said = encode_indoor_bike_data(RIDE).hex()
    line = machine.directory / RADIO
    with (machine.directory / "bumble.log").open("wb") as log:
        bumble = subprocess.Popen([PYTHON, script, line, ADDRESS, said], stdout=log, stderr=log)
    try:
        machine.run("systemd-run --quiet --unit=radio btattach -B /dev/ttyS1 -P h4")
        machine.wait_for("busctl tree org.bluez", "hci0")
        yield
        assert bumble.poll() is None, (machine.directory / "bumble.log").read_text()
    finally:
        bumble.kill()
        bumble.wait()


def ridden(after_s: float, messages: list[Telemetry]) -> bool:
    """Is there what the bike says, of three seconds after this one?"""
    found = [m for m in messages if m.bike_id == "virtual" and m.cadence == RIDE.cadence_rpm]
    return sum(m.device_timestamp / 1000 > after_s for m in found) >= 3


@pytest.mark.usefixtures("virtual_bike")
def test_readings_come_back_when_bluetoothd_was_away(
    machine: Machine, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway = Gateway(machine)
    gateway.ride(bike("virtual", "ble", f'address = "{ADDRESS}"'))
    gateway.restart()
    gateway.connect(broker.port)
    subscriber.wait_for(partial(ridden, 0), START_TIMEOUT_S)
    before = gateway.property("NRestarts")

    machine.run("systemctl mask --runtime --quiet bluetooth")  # D-Bus would start it again
    machine.run("systemctl kill --signal=KILL bluetooth")
    time.sleep(AWAY_S)
    assert machine.run("pgrep bluetoothd", check=False) == ""
    machine.run("systemctl unmask --runtime --quiet bluetooth && systemctl start bluetooth")
    back_s = machine.now_s()
    subscriber.wait_for(partial(ridden, back_s), START_TIMEOUT_S)
    gateway.wait_for_log("bike lost .*bike=virtual")
    assert gateway.property("NRestarts") == before
