"""Bikes behind real interfaces: they can go away and come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.protocols.ant.fitness_equipment import EffortPage, encode_fitness_page
from drivers.protocols.serial.lines import encode_pairs
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from drivers.testing import BikeUnderTest
from tests.support.ant_stick import AntStick, open_bus, transmitting
from tests.support.bluez import Bluez, bikes
from tests.support.pty_bike import PtyBike
from tests.support.serial_bikes import PelotonBike

NOTIFY_EVERY_S = 0.1


@asynccontextmanager
async def lines_bike(directory: Path, _: Bluez) -> AsyncIterator[BikeUnderTest]:
    port = directory / "usb-rig"
    lines = [encode_pairs(rpm=70, res=417)]
    pty = PtyBike(port, says=lambda: lines[0]).plug_in()

    def babble() -> None:
        lines[0] = b"guru meditation\n"

    async with _plugged(pty, "lines") as bike:
        yield replace(bike, babble=babble)


@asynccontextmanager
async def peloton_bike(directory: Path, _: Bluez) -> AsyncIterator[BikeUnderTest]:
    pty = PtyBike(directory / "usb-peloton", PelotonBike().answer).plug_in()
    async with _plugged(pty, "peloton") as bike:
        yield bike


@asynccontextmanager
async def _plugged(pty: PtyBike, protocol: str) -> AsyncIterator[BikeUnderTest]:
    async def come_back() -> None:
        pty.plug_in()

    options: dict[str, object] = {"port": str(pty.port), "protocol": protocol}
    yield BikeUnderTest("serial", options, pty.unplug, come_back)
    pty.unplug()


@asynccontextmanager
async def ftms_bike(_: Path, bluez: Bluez) -> AsyncIterator[BikeUnderTest]:
    device = bikes.ftms_bike(bluez)
    data = IndoorBikeData(speed_kmh=30, cadence_rpm=80, resistance_level=40, power_w=150)

    async def ride() -> None:
        while True:
            device.notify(bikes.INDOOR_BIKE_DATA, encode_indoor_bike_data(data))
            await asyncio.sleep(NOTIFY_EVERY_S)

    def vanish() -> None:
        device.leave()
        device.drop_link()

    async def come_back() -> None:
        device.come_back()

    riding = asyncio.create_task(ride())
    yield BikeUnderTest("ble", {"address": device.address}, vanish, come_back)
    riding.cancel()
    with suppress(asyncio.CancelledError):
        await riding


@asynccontextmanager
async def keiser_bike(_: Path, bluez: Bluez) -> AsyncIterator[BikeUnderTest]:
    frame = bytes.fromhex("063000383803460573000d00042701000a")
    device = bikes.keiser_m3i(bluez, frame)

    async def come_back() -> None:
        device.come_back()

    yield BikeUnderTest("ble", {"equipment_id": 56}, device.leave, come_back)


@asynccontextmanager
async def ant_trainer(directory: Path, _: Bluez) -> AsyncIterator[BikeUnderTest]:
    pages = [encode_fitness_page(EffortPage(90, 200))]

    def vanish() -> None:
        pages.clear()

    async def come_back() -> None:
        pages[:] = [encode_fitness_page(EffortPage(90, 200))]

    def babble() -> None:
        pages[:] = [b"guru med"]

    with pytest.MonkeyPatch.context() as patch, open_bus(directory, patch) as bus:
        stick = bus.plug_in(AntStick())
        async with transmitting(stick, 17, 11565, lambda: pages):
            options = {"device_number": 11565}
            yield BikeUnderTest("ant", options, vanish, come_back, babble)


FAKES = {
    "ant": ant_trainer,
    "lines": lines_bike,
    "peloton": peloton_bike,
    "ftms": ftms_bike,
    "keiser": keiser_bike,
}
