"""A bike is found on the air and locked; what is missing is named."""

import pytest

from drivers import BikeLost
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


@pytest.mark.slow
async def test_bike_that_is_not_there_is_absent(bluez: Bluez) -> None:
    assert bluez
    options = BleBike.Options(address="C0:00:00:00:00:00")
    with pytest.raises(BikeAbsent, match="was not found within 30 s: pedal to wake it up"):
        async with find_bike(options, Radio("hci0", FastClock(50))):
            pass
