"""Bluetooth bikes of all kinds, on the real bleak: chosen, started, silent, gone and back."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
from bleak.uuids import normalize_uuid_str

from drivers import BikeLost, Clock, Frame, RadioDriver, Reading, Reception, ignore_frame
from drivers.ble.driver import UNDERSTAND_S, BleBike
from drivers.ble.radio import Radio
from drivers.clock import MachineClock, sleep_for
from drivers.profiles import profile_of
from drivers.protocols import PROTOCOLS
from drivers.protocols.bluetooth.echelon import EchelonResistance, encode_message
from drivers.protocols.standard.crank import Revolutions
from drivers.protocols.standard.cross_trainer import CrossTrainerData, encode_cross_trainer_data
from drivers.protocols.standard.cycling_power import PowerMeasurement, encode_power
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from drivers.protocols.standard.ftms_control import ControlRange
from drivers.protocols.standard.heart_rate import HeartRateMeasurement, encode_heart_rate
from drivers.protocols.standard.speed_cadence import SpeedCadenceMeasurement, encode_speed_cadence
from drivers.testing import FastClock
from tests.support.bluez import ATT_ERROR, HANG, Bluez, DBusDaemon, Device, Fault, bikes, open_fds
from tests.support.bluez.device import Services
from tests.support.ftms_peer import encode_features, encode_range

DATA = IndoorBikeData(speed_kmh=30, cadence_rpm=80, resistance_level=40, power_w=150)
FTMS = encode_indoor_bike_data(DATA)
KEISER = bytes.fromhex("063000383803460573000d00042701000a")


REAL = MachineClock()
#: For bikes that are waited for in vain: what takes seconds beside a bike takes tenths here.
FAST = FastClock(10)


def turns() -> Iterator[Revolutions]:
    """A crank at 64 rpm: a turn every 960 ticks of 1/1024 s."""
    number = 0
    while True:
        yield Revolutions(number & 0xFFFF, number * 960 & 0xFFFF)
        number += 1


@asynccontextmanager
async def saying(
    device: Device, uuid: str, frame: Callable[[], bytes], every_s: float = 0.05
) -> AsyncIterator[None]:
    """Notified again and again to whoever listens."""

    async def say() -> None:
        while True:
            device.notify(uuid, frame())
            await asyncio.sleep(every_s)

    talking = asyncio.create_task(say())
    try:
        yield
    finally:
        talking.cancel()
        with suppress(asyncio.CancelledError):
            await talking


def driver(clock: Clock = REAL, **options: object) -> BleBike:
    return BleBike(BleBike.Options.model_validate(options), clock)


async def said(readings: AsyncIterator[Reading], *names: str) -> dict[str, float]:
    """The first value of each of these fields."""
    values: dict[str, float] = {}
    async with asyncio.timeout(20):
        while set(values) < set(names):
            reading = await anext(readings)
            values |= {one: value for one in names if (value := getattr(reading, one)) is not None}
    return values


async def until(readings: AsyncIterator[Reading], wanted: Callable[[Reading], bool]) -> None:
    async with asyncio.timeout(20):
        async for reading in readings:
            if wanted(reading):
                return


async def first(bike: BleBike) -> Reading:
    async with asyncio.timeout(20), bike.open_bike() as readings:
        return await anext(readings)


async def drop_after(bike: Device, seconds: float) -> None:
    """Drop the link of a bike after seconds of the fast clock."""
    await sleep_for(FAST, seconds)
    bike.drop_link()


async def hear_to_the_end(readings: AsyncIterator[Reading]) -> None:
    async with asyncio.timeout(20):
        async for _ in readings:
            pass


class TestProtocols:
    async def test_ftms_bike_gives_cadence_resistance_and_power(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            reading = await first(driver(address=bike.address))
        assert (reading.cadence_rpm, reading.resistance_raw, reading.power_w) == (80, 40, 150)
        assert reading.source == "ftms"

    @pytest.mark.slow
    async def test_cycling_power_bike_gives_power_and_cadence(self, bluez: Bluez) -> None:
        bike = bikes.power_meter(bluez)
        crank = turns()

        def frame() -> bytes:
            return encode_power(PowerMeasurement(power_w=120, crank=next(crank)))

        async with (
            saying(bike, bikes.CYCLING_POWER_MEASUREMENT, frame, every_s=0.3),
            driver(address=bike.address).open_bike() as readings,
        ):
            assert await said(readings, "power_w", "cadence_rpm") == {
                "power_w": 120,
                "cadence_rpm": 64,
            }

    @pytest.mark.slow
    async def test_speed_and_cadence_bike_gives_cadence(self, bluez: Bluez) -> None:
        bike = bikes.csc_sensor(bluez)
        crank = turns()

        def frame() -> bytes:
            return encode_speed_cadence(SpeedCadenceMeasurement(crank=next(crank)))

        async with saying(bike, bikes.CSC_MEASUREMENT, frame, every_s=0.3):
            assert (await first(driver(address=bike.address))).cadence_rpm == 64

    @pytest.mark.slow
    async def test_echelon_streams_after_its_greeting(self, bluez: Bluez) -> None:
        bike = bikes.echelon_bike(bluez)
        async with saying(
            bike,
            bikes.ECHELON_DATA,
            lambda: bytes.fromhex("f0d109000000000001005f002a") if bike.written[3:] else b"",
        ):
            reading = await first(driver(address=bike.address))
        assert reading.cadence_rpm == 95
        assert bike.written[0] == (bikes.ECHELON_WRITE, bytes.fromhex("f0a10091"))

    async def test_flywheel_bike_gives_cadence_and_power(self, bluez: Bluez) -> None:
        bike = bikes.flywheel_bike(bluez)
        frame = bytes.fromhex(
            "ff1f0c0122000000000000005a00000000000000000000000000000a000000016155"
        )
        async with saying(bike, bikes.FLYWHEEL_DATA, lambda: frame):
            reading = await first(driver(address=bike.address))
        assert (reading.cadence_rpm, reading.power_w) == (90, 290)

    async def test_tacx_trainer_gives_speed_and_power_of_fec(self, bluez: Bluez) -> None:
        bike = bikes.tacx_trainer(bluez)
        frames = itertools.cycle(["a4094e051019f62e7a0cff348a", "a4094e011945ff2acf6d0020e9"])
        async with (
            saying(bike, bikes.FEC_DATA, lambda: bytes.fromhex(next(frames))),
            driver(address=bike.address).open_bike() as readings,
        ):
            assert await said(readings, "speed_kmh", "power_w") == {
                "speed_kmh": pytest.approx(11.498, abs=0.001),
                "power_w": 109,
            }
        assert bike.written == [], "writing sets the brake"

    async def test_tacx_neo_gives_the_cadence_of_its_other_service(self, bluez: Bluez) -> None:
        bike, crank = bikes.tacx_trainer(bluez), turns()

        def cadence() -> bytes:
            return encode_speed_cadence(SpeedCadenceMeasurement(crank=next(crank)))

        async with (
            saying(bike, bikes.FEC_DATA, lambda: bytes.fromhex("a4094e011945ff2acf6d0020e9")),
            saying(bike, bikes.CSC_MEASUREMENT, cadence, every_s=0.3),
            driver(address=bike.address).open_bike() as readings,
        ):
            assert await said(readings, "cadence_rpm", "power_w") == {
                "cadence_rpm": 64,
                "power_w": 109,
            }

    async def test_ftms_is_preferred_to_fec(self, bluez: Bluez) -> None:
        bike = bluez.add_device(
            name="Tacx Flux 2",
            services={
                bikes.FEC: {bikes.FEC_DATA: ("notify",)},
                bikes.FITNESS_MACHINE: {bikes.INDOOR_BIKE_DATA: ("notify",)},
            },
        )
        async with (
            saying(bike, bikes.FEC_DATA, lambda: bytes.fromhex("a4094e0519015a1027fa003059")),
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
        ):
            assert (await first(driver(address=bike.address))).source == "ftms"

    @pytest.mark.slow
    async def test_flywheel_without_hcitool_warns_of_dropped_links(
        self, bluez: Bluez, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")
        bike = bikes.flywheel_bike(bluez)
        with pytest.raises(BikeLost, match="no data was received"):
            await first(driver(FAST, address=bike.address))
        assert "will disconnect every 30 s" in caplog.text

    async def test_keiser_is_overheard_and_never_connected(self, bluez: Bluez) -> None:
        bikes.keiser_m3i(bluez, KEISER)
        bike = driver(equipment_id=56)
        reading = await first(bike)
        assert (reading.cadence_rpm, reading.resistance_raw) == (82.4, 10)
        assert reading.resistance_percent == pytest.approx(41.7, abs=0.1), "by its profile"
        assert bike.stale_after_s == 1
        assert "Connect" not in bluez.members()

    @pytest.mark.parametrize("name", [None, "M3i#0123"])
    async def test_broadcast_of_a_keiser_has_the_profile_of_its_protocol(
        self, bluez: Bluez, name: str | None
    ) -> None:
        bikes.keiser_m3i(bluez, KEISER, name)
        reading = await first(driver(FAST, equipment_id=56))
        assert reading.resistance_percent == pytest.approx(41.7, abs=0.1)

    @pytest.mark.parametrize("name", [None, "Spin bike 7"])
    async def test_bike_of_no_known_name_has_the_profile_of_its_protocol(
        self, bluez: Bluez, name: str | None
    ) -> None:
        bike = bikes.echelon_bike(bluez, name)
        async with (
            saying(bike, bikes.ECHELON_DATA, lambda: encode_message(EchelonResistance(16))),
            driver(address=bike.address).open_bike() as readings,
        ):
            assert (await said(readings, "resistance_percent")) == {"resistance_percent": 50}

    async def test_equipment_id_selects_one_keiser_among_many(self, bluez: Bluez) -> None:
        for number in (54, 55, 56, 57):
            frame = bytearray(KEISER)
            frame[3], frame[4:6] = number, (number * 10).to_bytes(2, "little")
            bikes.keiser_m3i(bluez, bytes(frame))
        async with driver(equipment_id=56).open_bike() as readings:
            async with asyncio.timeout(10):
                cadences = {(await anext(readings)).cadence_rpm for _ in range(5)}
        assert cadences == {56.0}


def combo(bluez: Bluez, *services: str) -> Device:
    """A bike with several services, each with its stream."""
    streams: Services = {
        bikes.FITNESS_MACHINE: {bikes.INDOOR_BIKE_DATA: ("notify",)},
        bikes.CYCLING_POWER: {bikes.CYCLING_POWER_MEASUREMENT: ("notify",)},
        bikes.SPEED_AND_CADENCE: {bikes.CSC_MEASUREMENT: ("notify",)},
        bikes.HEART_RATE: {bikes.HEART_RATE_MEASUREMENT: ("notify",)},
    }
    return bluez.add_device(name="combo", services={one: streams[one] for one in services})


class TestChoice:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("services", "chosen"),
        [
            ([bikes.CYCLING_POWER, bikes.FITNESS_MACHINE], bikes.INDOOR_BIKE_DATA),
            ([bikes.SPEED_AND_CADENCE, bikes.CYCLING_POWER], bikes.CYCLING_POWER_MEASUREMENT),
            ([bikes.HEART_RATE, bikes.SPEED_AND_CADENCE], bikes.CSC_MEASUREMENT),
        ],
    )
    async def test_best_protocol_is_the_only_one_subscribed(
        self, bluez: Bluez, services: list[str], chosen: str
    ) -> None:
        """Some bikes send nothing when more than one service is listened to."""
        bike = combo(bluez, *services)
        with suppress(BikeLost):
            await first(driver(FAST, address=bike.address))
        paths = [one.path for one in bluez.calls if one.member == "StartNotify"]
        assert paths == [bike.characteristic(chosen).path]

    async def test_protocol_option_overrides_the_best_protocol(self, bluez: Bluez) -> None:
        bike = combo(bluez, bikes.FITNESS_MACHINE, bikes.CYCLING_POWER)
        frame = encode_power(PowerMeasurement(power_w=120))
        async with saying(bike, bikes.CYCLING_POWER_MEASUREMENT, lambda: frame):
            reading = await first(driver(address=bike.address, protocol="cycling_power"))
        assert (reading.power_w, reading.source) == (120, "cycling_power")

    async def test_services_option_subscribes_to_further_services(self, bluez: Bluez) -> None:
        bike = combo(bluez, bikes.FITNESS_MACHINE, bikes.HEART_RATE)
        pulse = encode_heart_rate(HeartRateMeasurement(heart_rate_bpm=121))
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
            saying(bike, bikes.HEART_RATE_MEASUREMENT, lambda: pulse),
            driver(address=bike.address, services=["heart_rate"]).open_bike() as readings,
        ):
            assert await said(readings, "cadence_rpm", "heart_rate_bpm") == {
                "cadence_rpm": 80,
                "heart_rate_bpm": 121,
            }

    async def test_profile_of_a_bikes_name_subscribes_to_further_services(
        self, bluez: Bluez
    ) -> None:
        bike = combo(bluez, bikes.FITNESS_MACHINE, bikes.SPEED_AND_CADENCE)
        bike.name = "ICSE"
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            await first(driver(address=bike.address))
        paths = [one.path for one in bluez.calls if one.member == "StartNotify"]
        assert bike.characteristic(bikes.CSC_MEASUREMENT).path in paths

    async def test_unknown_device_is_a_lost_bike_with_its_services_named(
        self, bluez: Bluez
    ) -> None:
        bike = bluez.add_device(name="lamp", services={"180f": {"2a19": ("read",)}})
        with pytest.raises(BikeLost, match=r"does not support any protocol .*; .*found: 180f"):
            await first(driver(address=bike.address))

    async def test_heart_rate_strap_alone_is_a_lost_bike(self, bluez: Bluez) -> None:
        strap = bikes.heart_rate_strap(bluez)
        with pytest.raises(BikeLost, match="does not support any protocol that the gateway knows"):
            await first(driver(address=strap.address))

    async def test_bike_that_lacks_the_wanted_protocol_is_lost(self, bluez: Bluez) -> None:
        bike = bikes.csc_sensor(bluez)
        with pytest.raises(BikeLost, match="does not support ftms; services found: 1816"):
            await first(driver(address=bike.address, protocol="ftms"))


class TestCapture:
    @pytest.mark.slow
    async def test_listener_gets_all_that_is_written_and_answered(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        bike.on_write = lambda _uuid, data: bytes((0x80, data[0], 0x01))
        frames: list[tuple[str, Frame]] = []
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS if len(bike.written) > 1 else b""),
            driver(FAST, address=bike.address).open_bike(lambda *one: frames.append(one)) as got,
        ):
            await anext(got)
        owned = {normalize_uuid_str(one) for one in (bikes.CONTROL_POINT, bikes.INDOOR_BIKE_DATA)}
        features = normalize_uuid_str(bikes.FITNESS_MACHINE_FEATURE)
        assert {(protocol, frame.characteristic) for protocol, frame in frames} == {
            *(("ftms", name) for name in owned),
            ("", features),  # a value that was read, which is no part of the protocol's stream
        }
        written = [frame.data for _, frame in frames if frame.sent]
        assert written == [data for _, data in bike.written]
        assert written
        heard = [frame.data for _, frame in frames if not frame.sent]
        assert bytes((0x80, written[0][0], 0x01)) in heard, "the answer of the control point"

    async def test_listener_gets_the_frames_of_each_protocol_with_its_name(
        self, bluez: Bluez
    ) -> None:
        bike = combo(bluez, bikes.FITNESS_MACHINE, bikes.HEART_RATE)
        pulse = encode_heart_rate(HeartRateMeasurement(heart_rate_bpm=121))
        frames: list[tuple[str, Frame]] = []
        options = BleBike.Options(address=bike.address, services=("heart_rate",))
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
            saying(bike, bikes.HEART_RATE_MEASUREMENT, lambda: pulse),
            BleBike(options, REAL).open_bike(lambda *one: frames.append(one)) as readings,
        ):
            await said(readings, "cadence_rpm", "heart_rate_bpm")
        assert {(protocol, frame.data) for protocol, frame in frames} == {
            ("ftms", FTMS),
            ("heart_rate", pulse),
        }


class TestBinding:
    async def test_several_bikes_on_one_adapter_are_all_heard(self, bluez: Bluez) -> None:
        devices = [bikes.ftms_bike(bluez, name=f"bike {number}") for number in range(4)]

        async def heard(number: int) -> float | None:
            data = encode_indoor_bike_data(
                IndoorBikeData(speed_kmh=1, cadence_rpm=60 + number, power_w=1)
            )
            async with saying(devices[number], bikes.INDOOR_BIKE_DATA, lambda: data):
                return (await first(driver(address=devices[number].address))).cadence_rpm

        assert await asyncio.gather(*map(heard, range(4))) == [60, 61, 62, 63]
        assert bluez.connects_while_discovering == 0

    async def test_bike_is_found_by_its_name(self, bluez: Bluez) -> None:
        bikes.ftms_bike(bluez, name="other")
        bike = bikes.ftms_bike(bluez, name="mine")
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            assert (await first(driver(name="mine"))).cadence_rpm == 80

    @pytest.mark.slow
    async def test_an_absent_bike_does_not_keep_the_others_waiting(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        sleeping = driver(FAST, address="C0:00:00:00:00:00")
        absent = asyncio.create_task(first(sleeping))
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            assert await asyncio.wait_for(first(driver(FAST, address=bike.address)), 1.5)
        assert sleeping.waits_because.startswith("C0:00:00:00:00:00 has not been found yet")
        with pytest.raises(BikeLost, match="was not found within 30 s: pedal to wake it up"):
            await absent
        assert sleeping.waits_because == ""

    async def test_bike_by_name_is_heard_despite_a_link_left_by_another_process(
        self, bluez: Bluez
    ) -> None:
        """It does not advertise while it is linked, and would never be heard."""
        device = bikes.ftms_bike(bluez, name="mine")
        found = await Radio("hci0", REAL).find(lambda heard: heard.name == "mine", 5)
        assert found is not None
        async with AsyncExitStack() as process_before:
            await process_before.enter_async_context(Radio("hci0", REAL).connect(found))
            async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
                assert (await first(driver(name="mine"))).cadence_rpm == 80

    async def test_bike_in_use_is_refused_to_a_second_driver(self, bluez: Bluez) -> None:
        device = bikes.ftms_bike(bluez)
        async with (
            saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
            driver(address=device.address).open_bike() as readings,
        ):
            await anext(readings)
            with pytest.raises(BikeLost, match="is in use by another alleycat-gateway"):
                await first(driver(address=device.address))
            assert (await anext(readings)).cadence_rpm == 80


class TestProfiles:
    """What is known of a model applies to a bike with its name."""

    @pytest.mark.parametrize(
        ("frame", "options"),
        [("4400e803a0000000", {}), ("4400e80310000000", {"cadence_scale": 10})],
        ids=["cagnulein/qdomyos-zwift #4250", "cagnulein/qdomyos-zwift #477"],
    )
    async def test_horizon_gr7_is_scaled_only_by_its_owner(
        self, bluez: Bluez, frame: str, options: dict[str, object]
    ) -> None:
        bike = bikes.ftms_bike(bluez, "JFIC0001")
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bytes.fromhex(frame)):
            assert (await first(driver(REAL, address=bike.address, **options))).cadence_rpm == 80

    async def test_burever_be1_has_no_resistance(self, bluez: Bluez) -> None:
        """cagnulein/qdomyos-zwift #4566: it is always 40."""
        bike = bikes.ftms_bike(bluez, "BE1")
        frame = bytes.fromhex("6400b80ba00028006400")
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: frame):
            reading = await first(driver(address=bike.address))
        assert (reading.cadence_rpm, reading.power_w, reading.resistance_raw) == (80, 100, None)

    async def test_thinkrider_speaks_cycling_power_rather_than_ftms(self, bluez: Bluez) -> None:
        """cagnulein/qdomyos-zwift #3487: its FTMS gives zeros."""
        bike = combo(bluez, bikes.FITNESS_MACHINE, bikes.CYCLING_POWER)
        bike.name = "THINK X5"
        power = encode_power(PowerMeasurement(power_w=120))
        async with saying(bike, bikes.CYCLING_POWER_MEASUREMENT, lambda: power):
            assert (await first(driver(address=bike.address))).source == "cycling_power"

    async def test_bike_without_the_protocol_of_its_name_speaks_what_it_has(
        self, bluez: Bluez
    ) -> None:
        bike = bikes.ftms_bike(bluez, "THINK X5")
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            assert (await first(driver(address=bike.address))).source == "ftms"

    async def test_bike_that_sends_cross_trainer_data_is_found_and_heard(
        self, bluez: Bluez
    ) -> None:
        """duhow/ftms-bridge, the BH vertical bike. Its service data is a cross trainer's."""
        bike = bikes.cross_trainer(bluez, "C01_12345")
        (found,) = [one async for one in BleBike.discover(0.5)]
        assert found.why == "advertises itself as a cross trainer"
        steps = encode_cross_trainer_data(CrossTrainerData(speed_kmh=20, steps_per_minute=120))
        async with saying(bike, bikes.CROSS_TRAINER_DATA, lambda: steps):
            reading = await first(driver(REAL, **found.options))
        assert (reading.cadence_rpm, reading.source) == (60, "cross_trainer")


class TestName:
    """Elite Drivo 2: its profile scales the cadence by 2."""

    @staticmethod
    async def cadence_rpm(bike: Device, driven: BleBike) -> float | None:
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            return (await first(driven)).cadence_rpm

    async def test_name_may_come_in_a_later_advertisement(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez, "DRIVO 123")
        bike.name = None
        driven = driver(address=bike.address)
        riding = asyncio.create_task(self.cadence_rpm(bike, driven))
        async with asyncio.timeout(20):
            while not bike.exported:  # noqa: ASYNC110 the fake signals nothing
                await asyncio.sleep(0.01)
        bike.name = "DRIVO 123"
        assert await riding == 160

    async def test_name_may_be_read_only_once_connected(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        bike.name, bike.read_name = None, "DRIVO 123"
        assert await self.cadence_rpm(bike, driver(address=bike.address)) == 160

    async def test_start_commands_are_those_of_a_name_that_came_late(self, bluez: Bluez) -> None:
        bike = bikes.stopped_bike(bluez)
        bike.name, bike.read_name = None, "ICSE"
        assert profile_of("ICSE").start == ()
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)),
            driver(FAST, address=bike.address).open_bike() as readings,
        ):
            with suppress(TimeoutError):
                async with FAST.timeout(15):
                    await until(readings, lambda reading: reading.cadence_rpm == 80)
        assert bike.written == []

    async def test_name_is_remembered_from_an_earlier_connection(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez, "DRIVO 123")
        driven = driver(address=bike.address)
        assert await self.cadence_rpm(bike, driven) == 160
        bike.forget()
        bike.name = None
        assert await self.cadence_rpm(bike, driven) == 160

    async def test_bike_without_a_name_is_heard(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        bike.name = None
        driven = driver(address=bike.address)
        for _ in range(2):
            assert await self.cadence_rpm(bike, driven) == 80

    async def test_survey_has_the_name_that_came_late(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        bike.name, bike.read_name = None, "Novelty 9"
        named: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        survey = driver(address=bike.address).survey(
            lambda device: named.set_result(device.name), ignore_frame
        )
        task = asyncio.create_task(survey)
        assert await asyncio.wait_for(named, 10) == "Novelty 9"
        task.cancel()
        await asyncio.wait([task])


class TestStart:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "at", "data"),
        [
            pytest.param("FTMS bike", b"\x07", bikes.INDOOR_BIKE_DATA, id="default"),
            pytest.param("FTMS bike", b"\x00", bikes.INDOOR_BIKE_DATA, id="at the first"),
            pytest.param("Cross trainer", b"\x07", bikes.CROSS_TRAINER_DATA, id="cross trainer"),
        ],
    )
    async def test_bike_that_leaves_when_started_is_not_started_again(
        self,
        bluez: Bluez,
        caplog: pytest.LogCaptureFixture,
        name: str,
        at: bytes,
        data: str,
    ) -> None:
        bike = (bikes.ftms_bike if data == bikes.INDOOR_BIKE_DATA else bikes.cross_trainer)(
            bluez, name
        )

        def hear(_: str, command: bytes) -> bytes:
            if command == at:
                asyncio.get_running_loop().call_later(0.01, bike.drop_link)
            return bytes((0x80, command[0], 0x01))

        bike.on_write = hear
        # Half a second of the bike must not pass by unnoticed on a busy machine.
        clock = FastClock(3)
        driven = driver(clock, address=bike.address)
        zeros = bytes((0x64, *[0] * 9)) if data == bikes.INDOOR_BIKE_DATA else bytes(5)
        async with saying(bike, data, lambda: zeros):
            with pytest.raises(BikeLost):
                async with driven.open_bike() as readings:
                    await hear_to_the_end(readings)
            assert "when it was sent a command to start" in caplog.text
            bike.written.clear()
            async with driven.open_bike() as readings:
                with suppress(TimeoutError):
                    async with clock.timeout(20):
                        await hear_to_the_end(readings)
                assert bike.connected
        assert bike.written == []

    @pytest.mark.slow
    async def test_silent_bike_that_left_when_started_is_started_again_later(
        self, bluez: Bluez
    ) -> None:
        """It may have been the radio, and a bike that stays silent is of no use unstarted."""
        bike = bikes.ftms_bike(bluez)

        def leave(_: str, __: bytes) -> None:
            asyncio.get_running_loop().call_soon(bike.drop_link)

        bike.on_write = leave
        driven = driver(FAST, address=bike.address)
        for reason, is_started in (("link was lost", True), ("no data", False), ("link", True)):
            bike.written.clear()
            with pytest.raises(BikeLost, match=reason):
                await first(driven)
            assert bool(bike.written) is is_started

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("after_s", "accepts"),
        [(4, False), (None, False), (None, True)],
        ids=["disconnects later", "stays connected", "accepts and stays connected"],
    )
    async def test_bike_that_falls_dead_when_started_is_not_started_again(
        self, bluez: Bluez, caplog: pytest.LogCaptureFixture, after_s: float | None, accepts: bool
    ) -> None:
        bike = bikes.ftms_bike(bluez)
        dropping = []

        def die(_: str, command: bytes) -> bytes | None:
            if after_s is not None and len(bike.written) == 1:
                dropping.append(asyncio.create_task(drop_after(bike, after_s)))
            return bytes((0x80, command[0], 0x01)) if accepts else None

        bike.on_write = die
        driven = driver(FAST, address=bike.address)
        zeros = bytes((0x64, *[0] * 9))
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: b"" if bike.written else zeros):
            with pytest.raises(BikeLost):
                async with driven.open_bike() as readings:
                    await hear_to_the_end(readings)
            assert "fell silent when it was sent a command to start" in caplog.text
            bike.written.clear()
            async with driven.open_bike() as readings:
                with suppress(TimeoutError):
                    async with FAST.timeout(20):
                        await hear_to_the_end(readings)
        assert bike.written == []

    @pytest.mark.slow
    async def test_bike_that_runs_and_loses_its_link_soon_after_its_start_is_started_again(
        self, bluez: Bluez
    ) -> None:
        bike = bikes.stopped_bike(bluez)
        driven = driver(FAST, address=bike.address)
        for _ in range(2):
            bike.written.clear()
            async with (
                saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)),
                driven.open_bike() as readings,
            ):
                await until(readings, lambda reading: reading.cadence_rpm == 80)
                bike.drop_link()
                with pytest.raises(BikeLost):
                    await hear_to_the_end(readings)
            assert [data for _, data in bike.written] == [b"\x00", b"\x07"]

    @pytest.mark.slow
    async def test_bike_that_stands_still_on_a_whole_connection_is_started_again(
        self, bluez: Bluez
    ) -> None:
        """Its link was lost by chance, at the moment of its start."""
        bike = bikes.stopped_bike(bluez)
        answer = bike.on_write

        def leave(_: str, __: bytes) -> None:
            asyncio.get_running_loop().call_soon(bike.drop_link)

        bike.on_write = leave
        driven = driver(FAST, address=bike.address)
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)):
            for is_started in (True, False):
                bike.written.clear()
                async with driven.open_bike() as readings:
                    dropping = None if is_started else asyncio.create_task(drop_after(bike, 15))
                    with pytest.raises(BikeLost):
                        await hear_to_the_end(readings)
                    if dropping:
                        await dropping
                assert bool(bike.written) is is_started
            bike.on_write = answer
            async with driven.open_bike() as readings:
                await until(readings, lambda reading: reading.cadence_rpm == 80)

    @pytest.mark.slow
    async def test_bike_that_is_lost_long_after_its_start_is_started_again(
        self, bluez: Bluez
    ) -> None:
        bike = bikes.stopped_bike(bluez)
        driven = driver(FAST, address=bike.address)
        for _ in range(2):
            bike.written.clear()
            async with (
                saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)),
                driven.open_bike() as readings,
            ):
                await until(readings, lambda reading: reading.cadence_rpm == 80)
                await sleep_for(FAST, 4)
                bike.drop_link()
                with pytest.raises(BikeLost):
                    await hear_to_the_end(readings)
            assert [data for _, data in bike.written] == [b"\x00", b"\x07"]

    @pytest.mark.slow
    async def test_a_silent_bike_is_started(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)

        def streams() -> bytes:
            started = (normalize_uuid_str(bikes.CONTROL_POINT), b"\x07") in bike.written
            return FTMS if started else b""

        bike.on_write = lambda _uuid, data: bytes((0x80, data[0], 0x01))
        async with saying(bike, bikes.INDOOR_BIKE_DATA, streams):
            assert (await first(driver(FAST, address=bike.address))).cadence_rpm == 80
        assert [data for _, data in bike.written] == [b"\x00", b"\x07"]

    @pytest.mark.slow
    async def test_streaming_bike_is_sent_no_start_commands(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
            driver(FAST, address=bike.address).open_bike() as readings,
        ):
            for _ in range(12):
                await anext(readings)
        assert bike.written == []

    @pytest.mark.slow
    async def test_bike_that_refuses_the_start_commands_is_heard_all_the_same(
        self, bluez: Bluez
    ) -> None:
        bike = bikes.ftms_bike(bluez)
        bike.characteristic(bikes.CONTROL_POINT).fail("WriteValue", ATT_ERROR, ATT_ERROR)
        bike.characteristic(bikes.CONTROL_POINT).fail("StartNotify", ATT_ERROR)
        late = iter([b""] * 16)
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: next(late, FTMS)):
            assert (await first(driver(FAST, address=bike.address))).cadence_rpm == 80

    @pytest.mark.slow
    async def test_bike_that_does_not_answer_a_start_command_in_time_gets_the_next_one(
        self, bluez: Bluez
    ) -> None:
        bike = bikes.stopped_bike(bluez)
        bike.characteristic(bikes.CONTROL_POINT).fail("WriteValue", HANG)
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)),
            driver(FAST, address=bike.address).open_bike() as readings,
        ):
            await until(readings, lambda reading: reading.cadence_rpm == 80)

    @pytest.mark.slow
    async def test_a_bike_that_sends_only_zeros_is_started(self, bluez: Bluez) -> None:
        """cagnulein/qdomyos-zwift #5075, without the commands of that model."""
        bike = bikes.stopped_bike(bluez)
        features = bike.characteristic(bikes.FITNESS_MACHINE_FEATURE)
        features.value = encode_features(["cadence", "elapsed time"])
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)),
            driver(FAST, address=bike.address).open_bike() as readings,
        ):
            assert (await said(readings, "cadence_rpm")) == {"cadence_rpm": 0}
            await until(readings, lambda reading: reading.cadence_rpm == 80)
        assert [data for _, data in bike.written] == [b"\x00", b"\x07"]

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["WLT-BK-5310", "wlt-bk-1"])
    async def test_a_bike_gets_the_start_commands_of_its_profile(
        self, bluez: Bluez, name: str
    ) -> None:
        bike = bikes.stopped_bike(bluez, name)
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: bikes.stopped_or(bike, FTMS)),
            driver(FAST, address=bike.address).open_bike() as readings,
        ):
            await until(readings, lambda reading: reading.cadence_rpm == 80)
        assert [data.hex() for _, data in bike.written] == ["00", "0801", "07"]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "features"), [("ICSE", []), ("Unknown", ["cadence", "power"])]
    )
    async def test_a_bike_that_supports_no_start_never_sees_one(
        self, bluez: Bluez, name: str, features: list[str]
    ) -> None:
        """doudar/SmartSpin2k #605, #610: a command that it does not support silences it."""
        bike = bikes.ftms_bike(bluez, name)
        bike.characteristic(bikes.FITNESS_MACHINE_FEATURE).value = encode_features(features)
        late = iter([b""] * 14)
        async with (
            saying(
                bike,
                bikes.INDOOR_BIKE_DATA,
                lambda: b"" if bike.written else next(late, FTMS),
            ),
            driver(FAST, address=bike.address).open_bike() as readings,
        ):
            for _ in range(20):
                assert (await anext(readings)).cadence_rpm == 80

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "answer", [bytes((0x80, 0x00, 0x02)), ATT_ERROR], ids=["not supported", "not accepted"]
    )
    async def test_a_bike_that_refuses_a_command_gets_no_further_one(
        self, bluez: Bluez, answer: bytes | Fault
    ) -> None:
        bike = bikes.stopped_bike(bluez)
        bike.on_write = lambda _uuid, _data: answer
        with pytest.raises(BikeLost):
            await first(driver(FAST, address=bike.address))
        assert [data.hex() for _, data in bike.written] == ["00"]

    @pytest.mark.slow
    async def test_a_streaming_bike_is_not_asked_for_its_features(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        async with saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            await first(driver(FAST, address=bike.address))
        assert "ReadValue" not in bluez.members()

    @pytest.mark.slow
    async def test_start_option_replaces_the_start_commands(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        for start in (["00", "0801"], []):
            bike.written.clear()
            with pytest.raises(BikeLost):
                await first(driver(FAST, address=bike.address, start=start))
            assert [data.hex() for _, data in bike.written] == start

    @pytest.mark.slow
    async def test_readings_have_the_time_of_their_arrival_while_a_command_hangs(
        self, bluez: Bluez
    ) -> None:
        """Each frame has its own time in tenths of a second, as a level, which starts no bike."""
        clock = FastClock(2)
        bike = bikes.ftms_bike(bluez)
        bike.characteristic(bikes.FITNESS_MACHINE_FEATURE).value = encode_features(
            ["cadence", "elapsed time"]
        )
        bike.characteristic(bikes.CONTROL_POINT).fail("StartNotify", HANG)
        start_ns = clock.monotonic_ns()

        def frame() -> bytes:
            tenths = (clock.monotonic_ns() - start_ns) // 100_000_000
            return encode_indoor_bike_data(IndoorBikeData(speed_kmh=0, resistance_level=tenths))

        late_s = []
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, frame),
            driver(clock, address=bike.address).open_bike() as readings,
        ):
            async for reading in readings:
                assert reading.resistance_raw is not None
                late_s.append((reading.at_ns - start_ns) / 1e9 - reading.resistance_raw / 10)
                if len(bike.written) == 2:
                    break
        assert max(late_s) < 0.6
        assert min(late_s) >= 0

    @pytest.mark.slow
    @pytest.mark.parametrize("hangs", ["features", "subscription", "both"])
    async def test_silent_bike_is_started_although_it_does_not_answer(
        self, bluez: Bluez, hangs: str
    ) -> None:
        bike = bikes.ftms_bike(bluez)
        if hangs != "subscription":
            bike.characteristic(bikes.FITNESS_MACHINE_FEATURE).fail("ReadValue", HANG)
        if hangs != "features":
            bike.characteristic(bikes.CONTROL_POINT).fail("StartNotify", HANG, HANG)

        def frame() -> bytes:
            return FTMS if len(bike.written) == 2 else b""

        async with saying(bike, bikes.INDOOR_BIKE_DATA, frame):
            assert (await first(driver(FastClock(2), address=bike.address))).cadence_rpm == 80


class TestSilence:
    @pytest.mark.slow
    async def test_mute_bike_is_lost_with_its_services_and_features_named(
        self, bluez: Bluez
    ) -> None:
        bike = bikes.ftms_bike(bluez)
        features = bike.characteristic(bikes.FITNESS_MACHINE_FEATURE)
        features.value = encode_features(["cadence", "power"])
        bike.characteristic(bikes.RESISTANCE_RANGE).value = encode_range(ControlRange(0, 100, 1))
        with pytest.raises(
            BikeLost,
            match=r"is connected, but no data was received; if pedalling does not help, "
            r"set its option `services` or `start`; services found: 1826; "
            r"it reports: cadence, power; resistance 0 … 100 in steps of 1$",
        ):
            await first(driver(FAST, address=bike.address))
        assert not bike.connected

    @pytest.mark.slow
    async def test_service_without_data_is_not_tried_again(self, bluez: Bluez) -> None:
        device = combo(bluez, bikes.FITNESS_MACHINE, bikes.CYCLING_POWER)
        bike = driver(FAST, address=device.address)
        power = encode_power(PowerMeasurement(power_w=120))
        async with saying(device, bikes.CYCLING_POWER_MEASUREMENT, lambda: power):
            with pytest.raises(BikeLost, match="no data was received"):
                await first(bike)
            assert (await first(bike)).source == "cycling_power"

    @pytest.mark.slow
    async def test_additional_services_of_a_profile_do_not_become_the_main_one(
        self, bluez: Bluez
    ) -> None:
        """ICSE sends nothing before it is pedalled; its cadence alone would hide its power."""
        device = combo(bluez, bikes.FITNESS_MACHINE, bikes.SPEED_AND_CADENCE)
        device.name = "ICSE"
        bike = driver(FAST, address=device.address)
        with pytest.raises(BikeLost, match="no data was received"):
            await first(bike)
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            assert (await first(bike)).source == "ftms"

    @pytest.mark.slow
    async def test_a_companion_does_not_hide_that_the_bike_is_mute(self, bluez: Bluez) -> None:
        device = combo(bluez, bikes.FITNESS_MACHINE, bikes.HEART_RATE)
        pulse = encode_heart_rate(HeartRateMeasurement(heart_rate_bpm=121))
        async with saying(device, bikes.HEART_RATE_MEASUREMENT, lambda: pulse):
            with pytest.raises(BikeLost):
                await first(driver(FAST, address=device.address, services=["heart_rate"]))

    def test_mute_bike_is_lost_before_the_link_counts_as_silent(self) -> None:
        """Which would only say that the bike is silent, and not what it has."""
        assert all(made.lost_after_s > UNDERSTAND_S for made in PROTOCOLS.values())

    @pytest.mark.slow
    async def test_bike_that_falls_silent_is_lost(self, bluez: Bluez) -> None:
        device = bikes.ftms_bike(bluez)
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            opened = driver(FAST, address=device.address).open_bike()
            readings = await opened.__aenter__()
            await anext(readings)
        with pytest.raises(BikeLost, match="was silent"):
            await hear_to_the_end(readings)
        await opened.__aexit__(None, None, None)
        assert not device.connected


class TestLoss:
    @pytest.mark.slow
    async def test_bike_is_lost_and_heard_again_after_a_bluetoothd_restart(
        self, bluez: Bluez
    ) -> None:
        """After which bleak calls the link connected forever and delivers nothing."""
        device = bikes.ftms_bike(bluez)
        bike = driver(FAST, address=device.address)
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            async with bike.open_bike() as readings:
                await anext(readings)
                await bluez.kill()
                await asyncio.sleep(0.5)
                await bluez.restart()
                with pytest.raises(BikeLost, match="was silent"):
                    await hear_to_the_end(readings)
            assert (await first(bike)).cadence_rpm == 80

    @pytest.mark.slow
    async def test_broadcasting_bike_is_heard_through_a_bluetoothd_restart(
        self, bluez: Bluez
    ) -> None:
        bikes.keiser_m3i(bluez, KEISER)
        async with driver(FAST, equipment_id=56).open_bike() as readings:
            await anext(readings)
            await bluez.kill()
            await bluez.restart()
            async with asyncio.timeout(10):
                after = [await anext(readings) for _ in range(30)]
        assert {one.cadence_rpm for one in after} == {82.4}

    @pytest.mark.slow
    async def test_hundred_lost_links_leave_no_tasks_or_descriptors_behind(
        self, bluez: Bluez, dbus_daemon: DBusDaemon
    ) -> None:
        """Each with companions that are still looked for when the link is lost."""
        device, strap = bikes.ftms_bike(bluez), bikes.heart_rate_strap(bluez)
        meter = bikes.power_meter(bluez)
        bike = driver(
            address=device.address, heart_rate=strap.address, second_power_meter=meter.address
        )
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS, every_s=0.01):
            left = []
            for number in range(100):
                async with bike.open_bike() as readings:
                    await anext(readings)
                    device.drop_link()
                    with pytest.raises(BikeLost, match="link was lost"):
                        await hear_to_the_end(readings)
                if number in (9, 99):
                    await bluez.settle()
                    left.append((await dbus_daemon.stats(), open_fds(), len(asyncio.all_tasks())))
        assert left[0] == left[1]

    async def test_a_lost_link_is_a_loss_at_once(self, bluez: Bluez) -> None:
        device = bikes.ftms_bike(bluez)
        bike = driver(address=device.address)
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            async with bike.open_bike() as readings:
                await anext(readings)
                device.drop_link()
                with pytest.raises(BikeLost, match="link was lost"):
                    await asyncio.wait_for(hear_to_the_end(readings), 2)
            assert (await first(bike)).cadence_rpm == 80

    async def test_bike_is_heard_again_after_its_adapter_was_off(self, bluez: Bluez) -> None:
        device = bikes.ftms_bike(bluez)
        bike = driver(address=device.address)
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            async with bike.open_bike() as readings:
                await anext(readings)
                bluez.hci0.power(False)
                with pytest.raises(BikeLost, match="link was lost"):
                    await hear_to_the_end(readings)
            with pytest.raises(BikeLost, match="bluetoothctl power on"):
                await first(bike)
            bluez.hci0.power(True)
            await bluez.settle()
            assert (await first(bike)).cadence_rpm == 80


class TestReception:
    async def test_adapter_is_known_before_the_bike_is_heard(self, bluez: Bluez) -> None:
        bike = driver(FAST, address="C0:FF:EE:00:00:77")
        assert isinstance(bike, RadioDriver)
        assert bike.reception is None
        assert bluez.hci0.powered
        with pytest.raises(BikeLost, match="was not found"):
            await first(bike)
        assert bike.reception == Reception("hci0")

    async def test_connected_bike_keeps_the_signal_of_its_last_broadcast(
        self, bluez: Bluez
    ) -> None:
        device = bikes.ftms_bike(bluez)
        device.rssi = -75
        bike = driver(address=device.address)
        before_ns = REAL.monotonic_ns()
        async with saying(device, bikes.INDOOR_BIKE_DATA, lambda: FTMS):
            await first(bike)
        reception = bike.reception
        assert reception is not None
        assert reception.adapter == "hci0"
        assert reception.rssi_dbm in (-75, -76), "the fake one varies by 1 dB"
        assert reception.measured_ns is not None
        assert before_ns < reception.measured_ns < REAL.monotonic_ns()

    async def test_signal_of_a_broadcasting_bike_follows_each_broadcast(self, bluez: Bluez) -> None:
        device = bluez.add_device(name="M3", manufacturer_data={bikes.KEISER_COMPANY: KEISER})
        bike = driver(equipment_id=56)
        async with asyncio.timeout(10), bike.open_bike() as readings:
            await anext(readings)
            before = bike.reception
            assert before is not None
            device.rssi = -90
            async for _ in readings:
                reception = bike.reception
                if reception is not None and reception.rssi_dbm != before.rssi_dbm:
                    break
        assert reception is not None
        assert reception.rssi_dbm in (-90, -91), "the fake one varies by 1 dB"

    async def test_signal_at_another_adapter_is_forgotten(self, bluez: Bluez) -> None:
        device = bluez.add_device(name="M3", manufacturer_data={bikes.KEISER_COMPANY: KEISER})
        bluez.add_adapter()
        await bluez.settle()
        bike = driver(FAST, equipment_id=56)
        await first(bike)
        assert bike.reception is not None
        assert bike.reception.adapter == "hci0"
        bluez.hci0.power(False)
        await bluez.settle()
        with pytest.raises(BikeLost):
            await first(bike)
        assert device.rssi == -60
        assert bike.reception == Reception("hci1")


class TestStrap:
    async def test_strap_heart_rate_comes_with_the_bikes_readings(self, bluez: Bluez) -> None:
        bike, strap = bikes.ftms_bike(bluez), bikes.heart_rate_strap(bluez)
        pulse = encode_heart_rate(HeartRateMeasurement(heart_rate_bpm=121))
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
            saying(strap, bikes.HEART_RATE_MEASUREMENT, lambda: pulse),
            driver(address=bike.address, heart_rate=strap.address).open_bike() as readings,
        ):
            assert await said(readings, "cadence_rpm", "heart_rate_bpm") == {
                "cadence_rpm": 80,
                "heart_rate_bpm": 121,
            }
        await bluez.settle()
        assert not strap.connected

    async def test_strap_heart_rate_comes_with_broadcast_readings(
        self, bluez: Bluez, caplog: pytest.LogCaptureFixture
    ) -> None:
        bike, strap = bikes.keiser_m3i(bluez, KEISER), bikes.heart_rate_strap(bluez)
        pulse = encode_heart_rate(HeartRateMeasurement(heart_rate_bpm=121))
        options: dict[str, object] = {"address": bike.address, "heart_rate": strap.address}
        other = "C0:00:00:00:00:01"
        async with (
            saying(strap, bikes.HEART_RATE_MEASUREMENT, lambda: pulse),
            driver(REAL, second_power_meter=other, **options).open_bike() as readings,
        ):
            heard: list[Reading] = []
            async with asyncio.timeout(20):
                while len(heard) < 20 or heard[-1].heart_rate_bpm != 121:
                    heard.append(await anext(readings))
        assert {one.heart_rate_bpm for one in heard} == {121, 135}, "strap and bike"
        assert {one.power_w for one in heard} - {None} == {115}
        assert [one.at_ns for one in heard] == sorted(one.at_ns for one in heard)
        assert "second_power_meter is not used" in caplog.text
        await bluez.settle()
        assert not strap.connected
        assert not bike.connected

    @pytest.mark.slow
    async def test_absent_strap_does_not_stop_the_bikes_readings(self, bluez: Bluez) -> None:
        bike = bikes.ftms_bike(bluez)
        async with (
            saying(bike, bikes.INDOOR_BIKE_DATA, lambda: FTMS),
            driver(address=bike.address, heart_rate="C0:00:00:00:00:01").open_bike() as readings,
        ):
            async with asyncio.timeout(10):
                heard = [await anext(readings) for _ in range(60)]
        assert {one.source for one in heard} == {"ftms"}
