"""An adapter is switched off and on again, and what keeps it from that is said."""

import pytest

from drivers import BikeLost, ble, ble_power
from drivers.ble import Radio
from drivers.ble_power import power_cycle
from drivers.ble_recovery import POWER_CYCLE_AFTER
from tests.support.bluez import FAILED, Bluez, Fault, bikes


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ble_power, "OFF_S", 0.05)


def watched(bluez: Bluez, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Every switching of hci0 from now on."""
    switched: list[bool] = []
    power = bluez.hci0.power

    def watch(on: bool) -> None:
        switched.append(on)
        power(on)

    monkeypatch.setattr(bluez.hci0, "power", watch)
    return switched


async def test_off_and_on(bluez: Bluez, monkeypatch: pytest.MonkeyPatch) -> None:
    switched = watched(bluez, monkeypatch)
    await power_cycle("hci0")
    assert switched == [False, True]


async def test_an_adapter_that_is_not_there(bluez: Bluez) -> None:
    with pytest.raises(OSError, match="hci7 cannot be switched"):
        await power_cycle("hci7")


async def test_it_is_the_last_resort_of_a_radio(
    bluez: Bluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ble, "CONNECT_TRIES", 1)
    switched = watched(bluez, monkeypatch)
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", *[Fault(FAILED, "Host is down")] * 100)
    hci = Radio(None)
    for _ in range(POWER_CYCLE_AFTER):
        assert switched == []
        found = await hci.find(lambda heard: heard.address == bike.address, 5)
        assert found is not None
        with pytest.raises(BikeLost):
            await hci.connect(found).__aenter__()
    assert switched == [False, True]
