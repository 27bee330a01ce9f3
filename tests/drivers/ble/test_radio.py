"""One radio: one scanner for all who look, one connection at a time, and every kind of failure."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest
from bleak.uuids import normalize_uuid_str

from drivers import BikeLost
from drivers.ble.radio import CONNECT_S, NO_RSSI, SCAN_S, Radio, open_radio
from drivers.ble.recovery import FORGET_AFTER
from drivers.clock import MachineClock
from drivers.testing import FastClock
from tests.support.bluez import (
    ABORT_BY_LOCAL,
    FAILED,
    HANG,
    IN_PROGRESS,
    Bluez,
    DBusDaemon,
    Device,
    Fault,
    bikes,
    open_fds,
)
from tests.support.radio import found
from tests.support.virtual_clock import VirtualClock

CLOCK = MachineClock()

INDOOR_BIKE_DATA = normalize_uuid_str(bikes.INDOOR_BIKE_DATA)


@pytest.fixture
async def hci(bluez: Bluez) -> Radio:
    return Radio("hci0", CLOCK)


@pytest.fixture
async def fast_hci(bluez: Bluez) -> Radio:
    return Radio("hci0", FastClock(10))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def timeless_hci(bluez: Bluez, clock: VirtualClock) -> Radio:
    """One whose time passes by `clock` alone."""
    return Radio("hci0", clock)


@pytest.fixture
async def bike(bluez: Bluez) -> Device:
    return bikes.ftms_bike(bluez)


class TestScan:
    async def test_advertisement_has_name_signal_and_services(
        self, hci: Radio, bluez: Bluez
    ) -> None:
        bike = bikes.ftms_bike(bluez, name="IC Bike")
        heard = await found(hci, bike)
        service = normalize_uuid_str(bikes.FITNESS_MACHINE)
        assert (heard.name, heard.rssi_dbm, heard.is_passing) == ("IC Bike", -60, False)
        assert heard.services == {service}
        assert heard.service_data == {service: b"\x01\x20\x00"}

    async def test_advertisement_without_a_signal_strength_has_none(
        self, hci: Radio, bluez: Bluez
    ) -> None:
        bike = bikes.ftms_bike(bluez)
        bike.rssi = NO_RSSI
        assert (await found(hci, bike)).rssi_dbm is None

    async def test_absent_device_is_not_found(self, hci: Radio, bluez: Bluez) -> None:
        bikes.ftms_bike(bluez)
        assert await hci.find(lambda heard: heard.name == "another", 0.3) is None

    async def test_two_listeners_share_one_scan(
        self, hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        async with hci.listen() as one, hci.listen() as other:
            assert await one.next(lambda _: True, 5)
            assert await other.next(lambda _: True, 5)
            assert bluez.members().count("StartDiscovery") == 1
        assert bluez.members().count("StopDiscovery") == 1
        assert not bluez.hci0.discovering

    async def test_a_busy_adapter_is_tried_again(
        self, fast_hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        bluez.hci0.fail("StartDiscovery", IN_PROGRESS, IN_PROGRESS)
        await found(fast_hci, bike)

    async def test_adapter_that_stays_busy_is_reported_as_busy(
        self, fast_hci: Radio, bluez: Bluez
    ) -> None:
        bluez.hci0.fail("StartDiscovery", *[IN_PROGRESS] * 10)
        with pytest.raises(BikeLost, match="busy with another program's scan"):
            await fast_hci.find(lambda _: True, 1)

    async def test_adapter_that_is_off_is_reported_with_its_remedy(
        self, hci: Radio, bluez: Bluez
    ) -> None:
        bluez.hci0.power(False)
        await bluez.settle()
        with pytest.raises(BikeLost, match="bluetoothctl power on"):
            await hci.find(lambda _: True, 1)

    async def test_missing_adapter_is_reported_by_a_scan(self, hci: Radio, bluez: Bluez) -> None:
        bluez.hci0.unplug()
        await bluez.settle()
        with pytest.raises(BikeLost, match="adapter 'hci0' not found"):
            await hci.find(lambda _: True, 1)

    async def test_missing_bluetoothd_is_reported_by_a_scan(
        self, hci: Radio, bluez: Bluez, bike: Device
    ) -> None:
        await found(hci, bike)
        await bluez.kill()
        with pytest.raises(BikeLost, match="systemctl enable --now bluetooth"):
            await hci.find(lambda _: True, 1)

    async def test_missing_dbus_is_reported_by_a_scan(
        self, hci: Radio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
        with pytest.raises(BikeLost, match="D-Bus, which BlueZ needs, is not running"):
            await hci.find(lambda _: True, 1)

    async def test_a_scan_that_died_with_its_bluetoothd_is_started_again(
        self, hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        async with hci.listen() as listener:
            assert await listener.next(lambda _: True, 5)
            await bluez.kill()
            await bluez.restart()
            assert await hci.find(lambda heard: heard.name == "another", 0.2) is None
            assert await listener.next(lambda _: True, 5)


class TestConnection:
    async def test_a_scan_ends_before_a_connection_and_goes_on_after_it(
        self, hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        async with hci.listen() as listener:
            heard = await listener.next(lambda _: True, 5)
            assert heard is not None
            async with hci.connect(heard):
                assert bluez.connects_while_discovering == 0
                assert bluez.hci0.discovering
                other = bikes.csc_sensor(bluez)
                assert await listener.next(lambda one: one.address == other.address, 5)

    async def test_connect_is_tried_again_after_radio_noise(self, hci: Radio, bike: Device) -> None:
        bike.fail("Connect", ABORT_BY_LOCAL)
        async with hci.connect(await found(hci, bike)) as connection:
            await connection.subscribe(INDOOR_BIKE_DATA)
            bike.notify(bikes.INDOOR_BIKE_DATA, b"here")
            heard = await connection.hear(5)
            assert heard is not None
            assert (heard.characteristic, heard.data) == (INDOOR_BIKE_DATA, b"here")

    @pytest.mark.slow
    async def test_bike_that_never_connects_is_lost_with_its_reason(
        self, hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        bike.fail("Connect", *[Fault(FAILED, "Host is down")] * 20)
        with pytest.raises(BikeLost, match=r"cannot connect to C0:FF:EE.*Host is down"):
            async with hci.connect(await found(hci, bike)):
                raise AssertionError("connected")

    @pytest.mark.slow
    async def test_bluez_is_made_to_forget_a_bike_after_failures(
        self, hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        bike.fail("Connect", *[Fault(FAILED, "Host is down")] * 100)
        for _ in range(FORGET_AFTER):
            assert "RemoveDevice" not in bluez.members()
            with pytest.raises(BikeLost):
                await self._connect(hci, bike)
        await bluez.called("RemoveDevice")

    async def test_a_connect_that_hangs_is_given_up(
        self, timeless_hci: Radio, bike: Device, bluez: Bluez, clock: VirtualClock
    ) -> None:
        bike.fail("Connect", HANG)
        connecting = asyncio.create_task(self._connect(timeless_hci, bike))
        await bluez.called("Connect")
        await clock.run_for(CONNECT_S)
        with pytest.raises(BikeLost, match="no answer in time"):
            await connecting
        await self._connect(timeless_hci, bike)

    async def test_a_scan_that_hangs_is_given_up_and_the_next_one_works(
        self, timeless_hci: Radio, bike: Device, bluez: Bluez, clock: VirtualClock
    ) -> None:
        bluez.hci0.fail("StartDiscovery", HANG)
        finding = asyncio.create_task(timeless_hci.find(lambda _: True, 1))
        await bluez.called("StartDiscovery")
        await clock.run_for(SCAN_S)
        with pytest.raises(BikeLost, match="no answer in time"):
            await finding
        await found(timeless_hci, bike)

    @pytest.mark.parametrize("turns", range(12))
    async def test_scan_cancelled_at_any_moment_is_not_left_running(
        self, hci: Radio, bike: Device, bluez: Bluez, turns: int
    ) -> None:
        """Which BlueZ would take for another program's, and refuse the next one forever."""
        await found(hci, bike)
        looking = asyncio.create_task(hci.find(lambda _: False, 5))
        for _ in range(turns):
            await asyncio.sleep(0)
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking
        await bluez.settle()
        assert not bluez.hci0.discovering
        await found(hci, bike)

    async def test_connection_ends_when_cancelled_just_after_the_connect(
        self, hci: Radio, bike: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heard = await found(hci, bike)
        restarting = asyncio.Event()

        async def hang() -> None:
            restarting.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(hci, "_scan_for_listeners", hang)
        connecting = asyncio.create_task(hci.connect(heard).__aenter__())
        await restarting.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert not bike.connected

    async def test_a_link_left_behind_is_ended(
        self, hci: Radio, bike: Device, bluez: Bluez
    ) -> None:
        """By a process before this one; until then the bike is silent."""
        async with AsyncExitStack() as other:
            await other.enter_async_context(Radio("hci0", CLOCK).connect(await found(hci, bike)))
            assert bike.connected
            await hci.let_go_of(lambda link: link.address == bike.address)
            assert not bike.connected
            await found(hci, bike)

    @pytest.mark.slow
    async def test_links_do_not_leak(
        self, hci: Radio, bike: Device, bluez: Bluez, dbus_daemon: DBusDaemon
    ) -> None:
        await self._connect(hci, bike)
        await bluez.settle()
        before = (await dbus_daemon.stats(), open_fds(), len(asyncio.all_tasks()))
        for _ in range(100):
            async with hci.connect(await found(hci, bike)) as connection:
                await connection.subscribe(INDOOR_BIKE_DATA)
                bike.drop_link()
                with pytest.raises(BikeLost):
                    await connection.hear(5)
        await bluez.settle()
        assert (await dbus_daemon.stats(), open_fds(), len(asyncio.all_tasks())) == before

    async def _connect(self, hci: Radio, bike: Device) -> None:
        async with hci.connect(await found(hci, bike)):
            pass


class TestOwner:
    async def test_open_radio_gives_one_radio_per_adapter(self, bluez: Bluez) -> None:
        bluez.add_adapter()
        await bluez.settle()
        assert await open_radio(None, CLOCK) is await open_radio("hci0", CLOCK)
        assert await open_radio("hci1", CLOCK) is not await open_radio("hci0", CLOCK)

    async def test_default_adapter_is_the_first_that_is_on(self, bluez: Bluez) -> None:
        bluez.add_adapter()
        bluez.hci0.power(False)
        await bluez.settle()
        assert await open_radio(None, CLOCK) is await open_radio("hci1", CLOCK)

    async def test_open_radio_without_an_adapter_is_a_lost_bike(self, bluez: Bluez) -> None:
        bluez.hci0.unplug()
        await bluez.settle()
        with pytest.raises(BikeLost, match="there is no Bluetooth adapter"):
            await open_radio(None, CLOCK)

    async def test_open_radio_of_a_missing_adapter_names_those_that_exist(
        self, bluez: Bluez
    ) -> None:
        bluez.add_adapter()
        await bluez.settle()
        with pytest.raises(
            BikeLost, match=r"no Bluetooth adapter hci7; expected one of: hci0, hci1$"
        ):
            await open_radio("hci7", CLOCK)

    async def test_open_radio_without_bluetoothd_is_a_lost_bike(self, bluez: Bluez) -> None:
        await bluez.kill()
        with pytest.raises(BikeLost, match="systemctl enable --now bluetooth"):
            await open_radio(None, CLOCK)
