"""A USB serial adapter that is unplugged in mid-race, and plugged in again."""

import socket
import threading
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from gateway.telemetry.message import Telemetry
from tests.support.mosquitto import Mosquitto
from tests.support.serial_bikes import PelotonBike
from tests.support.subscriber import Subscriber
from tests.vm.conftest import PEDALS
from tests.vm.gateway import START_TIMEOUT_S, Gateway, bike
from tests.vm.machine import Machine

pytestmark = pytest.mark.timeout(2400)

#: QEMU's adapter is an FTDI of this name; udev makes the link, and the gateway's rule the group.
PORT = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_1-if00-port0"
CADENCE_RPM = 90


def answer(line: Path, peloton: PelotonBike) -> None:
    """As long as QEMU has the other end."""
    with suppress(ConnectionError), closing(socket.socket(socket.AF_UNIX)) as bike:
        bike.connect(str(line))
        while data := bike.recv(4096):
            bike.sendall(peloton.answer(data))


@pytest.fixture
def peloton(machine: Machine) -> PelotonBike:
    """Ridden at the other end of the adapter, whether it is plugged in or not."""
    peloton = PelotonBike(CADENCE_RPM)
    line = machine.directory / PEDALS
    threading.Thread(target=answer, args=(line, peloton), daemon=True).start()
    return peloton


def ridden(after_s: float, messages: list[Telemetry]) -> bool:
    """Is there what the bike says, of three seconds after this one?"""
    found = [m for m in messages if m.bike_id == "peloton" and m.cadence == CADENCE_RPM]
    return sum(m.device_timestamp / 1000 > after_s for m in found) >= 3


class Adapter:
    def __init__(self, machine: Machine) -> None:
        self._qmp = machine.qmp

    def plug_in(self) -> None:
        self._qmp.ask("device_add", driver="usb-serial", chardev="pedals", id="adapter", serial="1")

    def unplug(self) -> None:
        self._qmp.ask("device_del", id="adapter")


def test_readings_come_back_when_a_usb_bike_is_plugged_in_again(
    machine: Machine, peloton: PelotonBike, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway, adapter = Gateway(machine), Adapter(machine)
    gateway.ride(bike("peloton", "serial", f'port = "{PORT}", protocol = "peloton"'))
    adapter.plug_in()
    gateway.restart()
    gateway.connect(broker.port)

    subscriber.wait_for(partial(ridden, 0), START_TIMEOUT_S)
    for time in (1, 2):
        adapter.unplug()
        machine.wait_for(f"test -e {PORT} || echo gone", "gone")
        gone_s = machine.now_s() + 1
        gateway.wait_for_log("bike lost .*bike=peloton", time)
        adapter.plug_in()
        subscriber.wait_for(partial(ridden, gone_s), START_TIMEOUT_S)
    assert peloton.asked
