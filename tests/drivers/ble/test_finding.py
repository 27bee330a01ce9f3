"""A bike is found on the air and locked; what is missing is named."""

import asyncio

import pytest

from drivers import BikeLost
from drivers.bike_lock import bike_lock
from drivers.ble.driver import BleBike
from drivers.ble.finding import find_bike
from drivers.ble.radio import Radio
from drivers.clock import MachineClock
from drivers.contract import BikeAbsent
from drivers.testing import FastClock
from tests.support.bluez import Bluez, bikes


async def test_found_bike_is_locked_until_it_is_left(bluez: Bluez) -> None:
    device = bikes.ftms_bike(bluez)
    options, adapter = BleBike.Options(address=device.address), Radio("hci0", MachineClock())
    async with find_bike(options, adapter) as found:
        assert found.address == device.address
        with pytest.raises(BikeLost, match="is in use by another alleycat-gateway"):
            async with find_bike(options, adapter):
                pass
    async with find_bike(options, adapter) as found:
        assert found.address == device.address


async def test_bike_that_is_found_by_its_name_is_locked_by_its_address_too(bluez: Bluez) -> None:
    device = bikes.ftms_bike(bluez, "IC Bike")
    options, adapter = BleBike.Options(name="IC Bike"), Radio("hci0", MachineClock())
    async with find_bike(options, adapter):
        with (
            pytest.raises(BikeLost, match=f"{device.address} is in use by"),
            bike_lock(device.address),
        ):
            pass
    with bike_lock(device.address), pytest.raises(BikeLost, match=f"{device.address} is in use"):
        async with find_bike(options, adapter):
            pass


async def test_link_of_a_bike_of_the_same_name_in_use_is_not_ended(bluez: Bluez) -> None:
    device = bikes.ftms_bike(bluez, "IC Bike")
    adapter, other = Radio("hci0", MachineClock()), Radio("hci0", FastClock(20))
    options = BleBike.Options(address=device.address)
    async with find_bike(options, adapter) as found, adapter.connect(found):
        with pytest.raises(BikeAbsent):
            async with find_bike(BleBike.Options(name="IC Bike"), other):
                pass
        assert device.connected


@pytest.mark.slow
async def test_bike_that_is_not_there_is_absent(bluez: Bluez) -> None:
    assert bluez
    options = BleBike.Options(address="C0:00:00:00:00:00")
    with pytest.raises(BikeAbsent, match="was not found within 30 s: pedal to wake it up"):
        async with find_bike(options, Radio("hci0", FastClock(50))):
            pass


@pytest.mark.parametrize(("name", "name_s"), [("Bike", 60.0), (None, 0.0)])
async def test_bike_is_found_at_once_unless_its_name_is_waited_for(
    bluez: Bluez, name: str | None, name_s: float
) -> None:
    device = bikes.ftms_bike(bluez)
    device.name = name
    options, adapter = BleBike.Options(address=device.address), Radio("hci0", MachineClock())
    async with asyncio.timeout(10), find_bike(options, adapter, name_s) as found:
        assert found.name == (name or "")
