"""What transmits is listed once, under its best protocol."""

from contextlib import AsyncExitStack

import pytest

from drivers import BikeLost
from drivers.ant.driver import AntBike
from drivers.ant.scan import scan_ant
from drivers.clock import MachineClock
from drivers.discovery import FoundBike
from drivers.protocols.ant.fitness_equipment import EffortPage, encode_fitness_page
from drivers.protocols.ant.power import PowerPage, encode_meter_page
from drivers.protocols.ant.pulse import encode_pulse_page
from tests.support.ant_stick import AntBus, AntStick, transmitting

EFFORT = encode_fitness_page(EffortPage(90, 200))
POWER = encode_meter_page(PowerPage(1, 250, 95))
PULSE = encode_pulse_page(142)


async def scanned(stick: AntStick, *devices: tuple[int, int, bytes]) -> dict[str, FoundBike]:
    async with AsyncExitStack() as stack:
        for device_type, number, page in devices:
            pages = [page]
            await stack.enter_async_context(transmitting(stick, device_type, number, pages.copy))
        return {bike.why: bike async for bike in scan_ant(0.5, MachineClock())}


async def test_trainer_is_found_once_under_its_best_protocol(stick: AntStick) -> None:
    found = await scanned(stick, (11, 7, POWER), (17, 7, EFFORT), (121, 7, bytes(8)))
    [bike] = found.values()
    assert (bike.where, bike.why) == ("ant:7", "transmits ant_fec")
    assert bike.options == {"device_number": 7, "protocol": "ant_fec"}
    assert bike.reading is not None
    assert bike.reading.cadence_rpm == 90
    assert AntBike.Options.model_validate(bike.options)


async def test_strap_is_found_as_a_companion_even_with_the_number_of_a_bike(
    stick: AntStick,
) -> None:
    found = await scanned(stick, (11, 7, POWER), (120, 7, PULSE))
    assert not found["transmits ant_power"].is_companion
    strap = found["transmits ant_heart_rate; use it together with a bike"]
    assert strap.is_companion
    assert strap.options == {"heart_rate": 7}


async def test_device_of_another_type_is_not_listed(stick: AntStick) -> None:
    assert await scanned(stick, (124, 7, bytes(8))) == {}


async def test_scan_without_a_stick_finds_nothing(bus: AntBus) -> None:
    assert [bike async for bike in scan_ant(5, MachineClock())] == []


async def test_scan_with_a_stick_in_use_states_that(stick: AntStick) -> None:
    stick.refusal = 16
    with pytest.raises(BikeLost, match="in use by another program"):
        await scanned(stick)
