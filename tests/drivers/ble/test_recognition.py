"""Protocols that share a service are told apart by what the bike sends, on the real bleak."""

import asyncio

import pytest

from drivers import BikeLost, Reading
from drivers.ble.driver import BleBike
from drivers.ble.recognition import rivals_of
from drivers.protocols.base import Gatt
from drivers.protocols.bluetooth.domyos import GREETING, REST_OF_START
from drivers.protocols.bluetooth.fitshow import POLL, START
from drivers.protocols.bluetooth.iconsole import HELLO, READ, Iconsole
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from drivers.testing import FastClock
from tests.support.bluez import ATT_ERROR, Bluez, Device, bikes, consoles
from tests.support.bluez.device import Services

SHARED = Gatt("service", ("notify",), "command")
FTMS = encode_indoor_bike_data(IndoorBikeData(speed_kmh=30, cadence_rpm=80))
#: The requests that set a level: A6 of iConsole, 44 05 of FitShow.
SETTERS = (b"\xf0\xa6", b"\x02\x44\x05")
#: Recognition listens for a second at a time.
FAST = FastClock(4)


def test_rivals_are_the_protocols_with_a_characteristic_in_common() -> None:
    other = Gatt("service", ("another",), "command")
    assert rivals_of("a", {"a": SHARED, "b": other, "c": SHARED}) == {"a": SHARED, "c": SHARED}


def test_a_protocol_with_a_service_of_its_own_has_no_rival_but_itself() -> None:
    assert list(rivals_of("a", {"a": SHARED})) == ["a"]


def bike_of(device: Device, **options: object) -> BleBike:
    return BleBike(BleBike.Options.model_validate({"address": device.address} | options), FAST)


async def first(bike: BleBike) -> Reading:
    """Return the first Reading with a cadence above 0, as a console may report zeros before it."""
    async with asyncio.timeout(20), bike.open_bike() as readings:
        async for reading in readings:
            if reading.cadence_rpm:
                return reading
    raise AssertionError("the readings ended")


def assert_no_level_was_set(console: consoles.Console) -> None:
    assert not [data.hex() for data in console.heard if data.startswith(SETTERS)]


UARTS = pytest.mark.parametrize(
    "services",
    [
        pytest.param(consoles.FFF0, id="FFF0"),
        pytest.param(consoles.TRANSPARENT_UART, id="49535343", marks=pytest.mark.slow),
    ],
)


class TestIconsole:
    @UARTS
    async def test_iconsole_is_taken_over_and_ridden(
        self, bluez: Bluez, services: Services
    ) -> None:
        console = consoles.iconsole_bike(bluez, services=services)
        reading = await first(bike_of(console.device))
        assert reading == Reading(
            reading.at_ns,
            cadence_rpm=58,
            resistance_raw=8,
            power_w=145,
            speed_kmh=21.6,
            distance_m=600,
            heart_rate_bpm=97,
            source="iconsole",
        )
        assert_no_level_was_set(console)

    @pytest.mark.slow
    async def test_iconsole_with_other_ids_is_asked_again_with_its_own(self, bluez: Bluez) -> None:
        console = consoles.iconsole_bike(bluez)
        console.ids = (0x23, 0x01)
        reading = await first(bike_of(console.device))
        assert (reading.cadence_rpm, reading.source) == (58, "iconsole")
        reads = [data for data in console.heard if data[1] == READ]
        assert {data[2:4] for data in reads} == {bytes(console.ids)}

    @pytest.mark.slow
    async def test_iconsole_that_sleeps_through_the_first_probe_is_recognised(
        self, bluez: Bluez
    ) -> None:
        console = consoles.iconsole_bike(bluez)
        console.deaf_to = 2
        assert (await first(bike_of(console.device))).source == "iconsole"
        assert console.heard[:3] == [Iconsole.probe, POLL, Iconsole.probe]


class TestFitshow:
    @pytest.mark.slow
    async def test_fitshow_console_is_started_once_it_stays_idle(self, bluez: Bluez) -> None:
        console = consoles.fitshow_bike(bluez)
        reading = await first(bike_of(console.device))
        assert reading == Reading(
            reading.at_ns,
            cadence_rpm=81,
            resistance_raw=12,
            power_w=153.2,
            speed_kmh=24.5,
            source="fitshow",
        )
        assert [data for data in console.heard if data[1] == 0x44] == [*START]

    async def test_fitshow_console_that_runs_is_only_read(self, bluez: Bluez) -> None:
        console = consoles.fitshow_bike(bluez)
        console.state = 2
        assert (await first(bike_of(console.device))).source == "fitshow"
        assert not [data for data in console.heard if data[1] == 0x44]
        assert_no_level_was_set(console)


class TestDomyos:
    async def test_domyos_bike_is_greeted_and_asked(self, bluez: Bluez) -> None:
        console = consoles.domyos_bike(bluez)
        reading = await first(bike_of(console.device))
        assert reading == Reading(
            reading.at_ns,
            cadence_rpm=95,
            resistance_raw=3,
            speed_kmh=23.1,
            heart_rate_bpm=104,
            source="domyos",
        )
        assert REST_OF_START[0] not in console.heard

    @pytest.mark.slow
    async def test_domyos_bike_that_stays_silent_gets_the_whole_start(self, bluez: Bluez) -> None:
        console = consoles.domyos_bike(bluez)
        console.needs = (*GREETING, *REST_OF_START)
        reading = await first(bike_of(console.device))
        assert (reading.cadence_rpm, reading.source) == (95, "domyos")


class TestRecognition:
    @pytest.mark.slow
    async def test_device_that_answers_no_probe_is_no_bike(self, bluez: Bluez) -> None:
        lamp = bluez.add_device(name="lamp", services=consoles.FFF0)
        with pytest.raises(
            BikeLost, match=r"answered in none of these protocols: iconsole, fitshow; .*: fff0"
        ):
            await first(bike_of(lamp))
        assert [data for _, data in lamp.written] == [Iconsole.probe, POLL] * 2

    async def test_bike_whose_answers_are_split_is_recognised(self, bluez: Bluez) -> None:
        console = consoles.iconsole_bike(bluez)
        console.part_bytes = 4
        assert (await first(bike_of(console.device))).source == "iconsole"
        assert console.heard[1] != POLL

    @pytest.mark.slow
    async def test_bike_that_refuses_a_wrong_probe_is_recognised_by_the_next(
        self, bluez: Bluez
    ) -> None:
        console = consoles.fitshow_bike(bluez)
        console.state = 2
        answer = console.device.on_write
        assert answer is not None
        console.device.on_write = lambda uuid, data: (
            ATT_ERROR if data == Iconsole.probe else answer(uuid, data)
        )
        assert (await first(bike_of(console.device))).source == "fitshow"

    async def test_bike_that_was_recognised_is_not_probed_at_its_next_connection(
        self, bluez: Bluez
    ) -> None:
        console = consoles.fitshow_bike(bluez)
        console.state = 2
        bike = bike_of(console.device)
        await first(bike)
        console.device.written.clear()
        await first(bike)
        assert Iconsole.probe not in console.heard

    @pytest.mark.slow
    async def test_bike_that_falls_silent_is_recognised_from_the_beginning(
        self, bluez: Bluez
    ) -> None:
        console = consoles.fitshow_bike(bluez)
        console.state = 2
        bike = bike_of(console.device)
        await first(bike)
        console.deaf_to = 1000
        with pytest.raises(BikeLost):
            await first(bike)
        console.deaf_to = 0
        console.device.written.clear()
        assert (await first(bike)).source == "fitshow"
        assert console.heard[0] == Iconsole.probe

    @pytest.mark.slow
    async def test_protocol_option_needs_no_probe(self, bluez: Bluez) -> None:
        console = consoles.fitshow_bike(bluez)
        console.state = 2
        await first(bike_of(console.device, protocol="fitshow"))
        assert not [data for data in console.heard if data[:2] == bytes((0xF0, HELLO))]


class TestFtmsFirst:
    @staticmethod
    def both(bluez: Bluez) -> consoles.IconsoleConsole:
        ftms = {bikes.FITNESS_MACHINE: {bikes.INDOOR_BIKE_DATA: ("notify",)}}
        services: Services = {**ftms, **consoles.FFF0}
        return consoles.iconsole_bike(bluez, services=services)

    async def test_ftms_of_a_console_is_preferred_and_nothing_is_written(
        self, bluez: Bluez
    ) -> None:
        console = self.both(bluez)

        async def stream() -> None:
            while True:
                console.device.notify(bikes.INDOOR_BIKE_DATA, FTMS)
                await asyncio.sleep(0.05)

        streaming = asyncio.create_task(stream())
        reading = await first(bike_of(console.device))
        streaming.cancel()
        assert (reading.cadence_rpm, reading.source) == (80, "ftms")
        assert console.heard == []

    @pytest.mark.slow
    async def test_console_whose_ftms_is_silent_is_asked_in_its_own_protocol(
        self, bluez: Bluez
    ) -> None:
        console = self.both(bluez)
        bike = bike_of(console.device)
        with pytest.raises(BikeLost):
            await first(bike)
        assert (await first(bike)).source == "iconsole"
