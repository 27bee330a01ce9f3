"""Bikes on ANT+, on the real openant: found, waited for, silent, with a strap."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from pydantic import ValidationError

from drivers import BikeAbsent, BikeLost, Clock, Reading
from drivers.ant.driver import AntBike, AntOptions
from drivers.clock import MachineClock
from drivers.protocols.ant.fitness_equipment import EffortPage, GeneralPage, encode_fitness_page
from drivers.protocols.ant.power import PowerPage, encode_meter_page
from drivers.protocols.ant.pulse import encode_pulse_page
from drivers.testing import FastClock
from tests.support.ant_stick import AntBus, AntStick, transmitting

NUMBER = 11565
EFFORT = encode_fitness_page(EffortPage(90, 200))
REAL = MachineClock()


def driver(clock: Clock = REAL, **options: object) -> AntBike:
    return AntBike(AntOptions.model_validate({"device_number": NUMBER, **options}), clock)


async def first(bike: AntBike, count: int = 1) -> list[Reading]:
    async with asyncio.timeout(20), bike.open_bike() as readings:
        return [await anext(readings) for _ in range(count)]


async def test_trainer_gives_cadence_power_and_speed(stick: AntStick) -> None:
    pages = (EFFORT, encode_fitness_page(GeneralPage(36, 10)))
    async with transmitting(stick, 17, NUMBER, lambda: pages):
        [effort, general] = await first(driver(), 2)
    assert (effort.cadence_rpm, effort.power_w, effort.source) == (90, 200, "ant_fec")
    assert general.speed_kmh == pytest.approx(36)


async def test_power_meter_gives_power(stick: AntStick) -> None:
    page = encode_meter_page(PowerPage(1, 250, 95))
    async with transmitting(stick, 11, 77, lambda: (page,)):
        [reading] = await first(driver(protocol="ant_power", device_number=77))
    assert (reading.cadence_rpm, reading.power_w) == (95, 250)


async def test_neighbouring_trainer_is_not_received(stick: AntStick) -> None:
    async with transmitting(stick, 17, NUMBER + 1, lambda: (EFFORT,)):
        with pytest.raises(BikeAbsent, match=rf"ant_fec {NUMBER} was not received within 30 s"):
            await first(driver(FastClock(30)))


async def test_trainer_that_sends_no_values_is_explained(stick: AntStick) -> None:
    other = bytes.fromhex("50ffffff01000100")
    async with transmitting(stick, 17, NUMBER, lambda: (other,)):
        with pytest.raises(BikeLost, match="is received, but no reading was received"):
            await first(driver(FastClock(30)))


async def test_stick_that_is_plugged_in_later_is_used(bus: AntBus) -> None:
    bike = driver()
    opening = asyncio.create_task(first(bike))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert "no ANT stick is plugged in" in bike.waits_because
    stick = bus.plug_in(AntStick())
    async with transmitting(stick, 17, NUMBER, lambda: (EFFORT,)):
        assert (await opening)[0].power_w == 200
    assert bike.waits_because == ""


async def test_missing_stick_is_waited_for_and_reported(bus: AntBus) -> None:
    with pytest.raises(BikeAbsent, match="no ANT stick is plugged in"):
        await first(driver(FastClock(100)))


async def test_unplugged_stick_is_a_loss_and_the_bike_returns_with_it(
    bus: AntBus, stick: AntStick
) -> None:
    bike = driver()
    async with transmitting(stick, 17, NUMBER, lambda: (EFFORT,)):
        async with bike.open_bike() as readings:
            await anext(readings)
            bus.unplug()
            with pytest.raises(BikeLost, match="was unplugged"):
                [_ async for _ in readings]
        bus.plug_in(stick)
        assert (await first(bike))[0].power_w == 200


async def test_strap_adds_its_heart_rate(stick: AntStick) -> None:
    async with AsyncExitStack() as stack:
        for device_type, number, page in (
            (17, NUMBER, EFFORT),
            (120, 555, encode_pulse_page(142)),
        ):
            pages = (page,)
            await stack.enter_async_context(
                transmitting(stick, device_type, number, lambda pages=pages: pages)  # type: ignore[misc]
            )
        readings = await first(driver(heart_rate=555), 20)
    assert {one.heart_rate_bpm for one in readings} == {None, 142}
    assert {one.power_w for one in readings} == {None, 200}


async def test_missing_strap_does_not_affect_the_bike(stick: AntStick) -> None:
    async with transmitting(stick, 17, NUMBER, lambda: (EFFORT,)):
        assert len(await first(driver(heart_rate=555), 5)) == 5


async def test_hundred_losses_leak_nothing(stick: AntStick) -> None:
    async with transmitting(stick, 17, NUMBER, lambda: (EFFORT,)):
        bike = driver()
        for _ in range(100):
            await first(bike)
        assert len(asyncio.all_tasks()) == 2, "this test and the trainer"
    assert stick.openings == 100


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"device_number": 0}, "device_number"),
        ({"device_number": 65536}, "device_number"),
        ({"device_number": 1, "protocol": "ftms"}, "expected one of: ant_fec, ant_power"),
        ({"device_number": 1, "heart_rate": 0}, "heart_rate"),
        ({}, "device_number"),
    ],
)
def test_wrong_option_of_an_ant_bike_is_refused(options: dict[str, object], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        AntOptions.model_validate(options)


def test_ant_bike_is_identified_by_protocol_and_number() -> None:
    assert driver().Options.model_validate({"device_number": 7}).who == "ant_fec 7"
