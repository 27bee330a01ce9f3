"""An adapter is switched off and on again, and what keeps it from that is said."""

import asyncio

import pytest

from drivers import BikeLost
from drivers.ble import radio
from drivers.ble.bluez import ANSWER_S, BlueZ
from drivers.ble.radio import Radio
from drivers.ble.recovery import POWER_CYCLE_AFTER
from drivers.testing import FastClock
from tests.support.bluez import FAILED, HANG, Bluez, Fault, bikes
from tests.support.virtual_clock import VirtualClock

FAST = FastClock(10)


def watched(bluez: Bluez, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Every switching of hci0 from now on."""
    switched: list[bool] = []
    power = bluez.hci0.power

    def watch(on: bool) -> None:
        switched.append(on)
        power(on)

    monkeypatch.setattr(bluez.hci0, "power", watch)
    return switched


async def test_power_cycle_switches_an_adapter_off_and_on(
    bluez: Bluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched = watched(bluez, monkeypatch)
    await BlueZ(FAST).power_cycle("hci0")
    assert switched == [False, True]


async def test_cancelled_power_cycle_leaves_the_adapter_on(bluez: Bluez) -> None:
    cycling = asyncio.create_task(BlueZ(FAST).power_cycle("hci0"))
    await bluez.wait_for(lambda: not bluez.hci0.powered)
    cycling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cycling
    assert bluez.hci0.powered


async def test_bluez_lists_a_link_and_disconnects_it(bluez: Bluez) -> None:
    bike, other = bikes.ftms_bike(bluez, name="mine"), bikes.csc_sensor(bluez)
    found = await Radio("hci0", FAST).find(lambda heard: heard.name == "mine", 5)
    assert found is not None
    async with Radio("hci0", FAST).connect(found):
        (link,) = await BlueZ(FAST).links()
        assert (link.address, link.name) == (bike.address, "mine")
        await BlueZ(FAST).disconnect(link.path)
        assert await BlueZ(FAST).links() == []
    assert not other.connected


async def test_disconnect_that_bluez_does_not_answer_is_an_error(bluez: Bluez) -> None:
    clock = VirtualClock()
    bike = bikes.ftms_bike(bluez)
    assert await Radio("hci0", FAST).find(lambda heard: heard.address == bike.address, 5)
    bike.fail("Disconnect", HANG)
    disconnecting = asyncio.create_task(BlueZ(clock).disconnect(bike.path))
    await bluez.called("Disconnect")
    await clock.run_for(ANSWER_S)
    with pytest.raises(OSError, match="does not answer"):
        await disconnecting


async def test_power_cycle_of_a_missing_adapter_is_an_error(bluez: Bluez) -> None:
    with pytest.raises(OSError, match="Set of /org/bluez/hci7"):
        await BlueZ(FAST).power_cycle("hci7")


@pytest.mark.slow
async def test_radio_power_cycles_its_adapter_only_after_many_failures(
    bluez: Bluez, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radio, "CONNECT_TRIES", 1)
    switched = watched(bluez, monkeypatch)
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", *[Fault(FAILED, "Host is down")] * 100)
    hci = Radio("hci0", FAST)
    for _ in range(POWER_CYCLE_AFTER):
        assert switched == []
        found = await hci.find(lambda heard: heard.address == bike.address, 5)
        assert found is not None
        with pytest.raises(BikeLost):
            await hci.connect(found).__aenter__()
    assert switched == [False, True]
