"""The real bleak against the small org.bluez: the fake's behaviour, and bleak's reaction."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)
from bleak.uuids import normalize_uuid_str
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

from tests.support.bluez import (
    ABORT_BY_LOCAL,
    ATT_ERROR,
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


class Link:
    """A BleakClient that records its notifications."""

    def __init__(self, found: BLEDevice) -> None:
        self.frames: list[bytes] = []
        self.lost = asyncio.Event()
        self.client = BleakClient(
            found, disconnected_callback=lambda _: self.lost.set(), timeout=20
        )
        self._arrived = asyncio.Event()

    def on_frame(self, _: object, frame: bytearray) -> None:
        self.frames.append(bytes(frame))
        self._arrived.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.frames) < count:
                self._arrived.clear()
                await self._arrived.wait()


async def find(device: Device) -> BLEDevice:
    found = await BleakScanner.find_device_by_address(device.address, timeout=20)
    assert found is not None
    return found


async def connected(device: Device) -> Link:
    link = Link(await find(device))
    await link.client.connect()
    return link


async def heard(event: asyncio.Event) -> None:
    async with asyncio.timeout(20):
        await event.wait()


async def seconds(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


# Scanning


async def test_scan_finds_name_rssi_and_data(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bikes.keiser_m3i(bluez, b"\x06\x30")
    seen: dict[str | None, AdvertisementData] = {}
    both = asyncio.Event()

    def on_advertisement(_: BLEDevice, advertisement: AdvertisementData) -> None:
        seen.setdefault(advertisement.local_name, advertisement)
        if len(seen) == 2:
            both.set()

    async with BleakScanner(on_advertisement):
        await heard(both)
    ftms, keiser = seen["FTMS bike"], seen["M3"]
    assert ftms.rssi == bike.rssi
    assert ftms.service_uuids == ["00001826-0000-1000-8000-00805f9b34fb"]
    assert ftms.service_data == {"00001826-0000-1000-8000-00805f9b34fb": b"\x01\x20\x00"}
    assert keiser.manufacturer_data == {bikes.KEISER_COMPANY: b"\x06\x30"}
    assert bluez.members()[-5:] == [
        "GetManagedObjects",
        "SetDiscoveryFilter",
        "StartDiscovery",
        "StopDiscovery",
        "SetDiscoveryFilter",
    ]


async def test_device_is_not_exported_without_a_scan(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.advertise()
    assert not bike.exported
    found = await find(bike)
    assert bike.exported
    bike.forget()
    with pytest.raises(BleakError, match="not found"):
        await BleakClient(found).connect()


async def test_advertisements_repeat_and_can_change(bluez: Bluez) -> None:
    bike = bikes.keiser_m3i(bluez, b"\x00")
    bike.advertising_interval_s = 0.01
    told: asyncio.Queue[bytes] = asyncio.Queue()

    def on_advertisement(_: BLEDevice, advertisement: AdvertisementData) -> None:
        told.put_nowait(advertisement.manufacturer_data[bikes.KEISER_COMPANY])

    async with BleakScanner(on_advertisement), asyncio.timeout(20):
        assert [await told.get() for _ in range(5)] == [b"\x00"] * 5
        bike.advertise(manufacturer_data={bikes.KEISER_COMPANY: b"\x01"}, rssi=-80)
        while await told.get() != b"\x01":
            pass


async def test_service_filter_hides_devices_that_advertise_no_service(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    keiser = bikes.keiser_m3i(bluez, b"\x00")
    # Full length: given "1826", bleak has BlueZ find the bike and then drops it itself.
    async with BleakScanner(service_uuids=[normalize_uuid_str(bikes.FITNESS_MACHINE)]):
        await bluez.wait_for(lambda: bike.exported)
        keiser.advertise()
        assert not keiser.exported


async def test_second_scan_of_the_same_process_is_in_progress(bluez: Bluez) -> None:
    async with BleakScanner():
        with pytest.raises(BleakDBusError, match="InProgress"):
            await BleakScanner().start()


async def test_scripted_scan_faults_are_raised_before_a_scan_succeeds(bluez: Bluez) -> None:
    bluez.hci0.fail("StartDiscovery", IN_PROGRESS, IN_PROGRESS)
    scanner = BleakScanner()
    for _ in range(2):
        with pytest.raises(BleakDBusError, match="InProgress"):
            await scanner.start()
    await scanner.start()
    assert bluez.hci0.discovering
    await scanner.stop()
    assert not bluez.hci0.discovering


async def test_bleak_retries_a_stop_that_is_in_progress(bluez: Bluez) -> None:
    scanner = BleakScanner()
    await scanner.start()
    bluez.hci0.fail("StopDiscovery", IN_PROGRESS)
    await scanner.stop()
    assert bluez.members().count("StopDiscovery") == 2
    assert not bluez.hci0.discovering


async def test_scan_works_from_another_process(bluez: Bluez) -> None:
    bikes.ftms_bike(bluez)
    find_it = "bleak.BleakScanner.find_device_by_name('FTMS bike')"
    scan = f"import asyncio, bleak; print(asyncio.run({find_it}))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", scan, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    assert printed.decode().strip() == "C0:FF:EE:00:00:01: FTMS bike"
    await bluez.wait_for(lambda: not bluez.hci0.discovering)


# Connecting


async def test_connected_device_can_be_read_and_written(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.characteristic(bikes.RESISTANCE_RANGE).value = b"\x01\x02"
    link = await connected(bike)
    client = link.client
    assert bluez.connects_while_discovering == 0
    assert {c.uuid[4:8] for c in client.services.characteristics.values()} == {
        bikes.FITNESS_MACHINE_FEATURE,
        bikes.INDOOR_BIKE_DATA,
        bikes.RESISTANCE_RANGE,
        bikes.CONTROL_POINT,
        bikes.FITNESS_MACHINE_STATUS,
    }
    assert await client.read_gatt_char(bikes.RESISTANCE_RANGE) == b"\x01\x02"
    bike.on_write = lambda _uuid, data: b"\x80" + data
    await client.start_notify(bikes.CONTROL_POINT, link.on_frame)
    await client.write_gatt_char(bikes.CONTROL_POINT, b"\x00", response=True)
    await link.until(1)
    assert link.frames == [b"\x80\x00"]
    assert [data for _, data in bike.written] == [b"\x00"]
    bike.on_write = lambda _uuid, _data: ATT_ERROR
    with pytest.raises(BleakGATTProtocolError, match="0x80"):
        await client.write_gatt_char(bikes.CONTROL_POINT, b"\x00", response=True)
    await client.disconnect()
    assert not bike.connected
    assert link.lost.is_set()


@pytest.mark.parametrize(
    "make",
    [
        bikes.power_meter,
        bikes.csc_sensor,
        bikes.heart_rate_strap,
        bikes.echelon_bike,
        bikes.flywheel_bike,
        bikes.gymconnect_bike,
        bikes.schwinn_bike,
        bikes.pm5_bike,
    ],
)
async def test_peripheral_of_each_kind_notifies(
    bluez: Bluez, make: Callable[[Bluez], Device]
) -> None:
    device = make(bluez)
    link = await connected(device)
    characteristics = link.client.services.characteristics.values()
    first = next(c for c in characteristics if "notify" in c.properties)
    await link.client.start_notify(first, link.on_frame)
    assert device.notify(first.uuid, b"\x01")
    await link.until(1)
    await link.client.disconnect()


async def test_thousand_notifications_arrive_in_order(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    link = await connected(bike)
    assert not bike.notify(bikes.INDOOR_BIKE_DATA, b"nobody listens")
    await link.client.start_notify(bikes.INDOOR_BIKE_DATA, link.on_frame)
    sent = [number.to_bytes(2, "little") for number in range(1000)]
    for frame in sent:
        assert bike.notify(bikes.INDOOR_BIKE_DATA, frame)
    await link.until(1000)
    assert link.frames == sent
    await link.client.stop_notify(bikes.INDOOR_BIKE_DATA)
    assert not bike.notify(bikes.INDOOR_BIKE_DATA, b"nobody listens")
    await link.client.disconnect()


async def test_failed_start_notify_is_raised_and_can_be_tried_again(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.characteristic(bikes.INDOOR_BIKE_DATA).fail("StartNotify", ATT_ERROR)
    link = await connected(bike)
    with pytest.raises(BleakGATTProtocolError, match="0x80"):
        await link.client.start_notify(bikes.INDOOR_BIKE_DATA, link.on_frame)
    await link.client.start_notify(bikes.INDOOR_BIKE_DATA, link.on_frame)
    await link.client.disconnect()


async def test_failed_connect_is_raised(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", Fault(FAILED, "Host is down"), IN_PROGRESS)
    found = await find(bike)
    for text in ("Host is down", "InProgress"):
        with pytest.raises(BleakDBusError, match=text):
            await BleakClient(found).connect()
    async with BleakClient(found) as client:
        assert client.is_connected


async def test_bleak_retries_abort_by_local_and_calls_back_as_if_disconnected(
    bluez: Bluez,
) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", ABORT_BY_LOCAL, ABORT_BY_LOCAL)
    link = await connected(bike)
    assert bluez.members().count("Connect") == 3
    assert link.lost.is_set()
    assert link.client.is_connected
    await link.client.disconnect()


async def test_abort_by_local_without_a_flap_hangs_until_the_time_out(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", Fault(FAILED, "le-connection-abort-by-local"))
    client = BleakClient(await find(bike), timeout=0.2)
    with pytest.raises(TimeoutError):
        await client.connect()


async def test_connect_out_of_range_times_out_and_works_once_in_range(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    found = await find(bike)
    bike.leave()
    with pytest.raises(TimeoutError):
        await BleakClient(found, timeout=0.1).connect()
    bike.come_back()
    async with BleakClient(found) as client:
        assert client.is_connected


async def test_hanging_connect_times_out(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", HANG)
    client = BleakClient(await find(bike), timeout=1.0)
    with pytest.raises(TimeoutError):
        await client.connect()
    assert bluez.members()[-1] == "Disconnect"


async def test_late_services_are_waited_for(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.connect_delay_s = 0.05
    bike.resolve_delay_s = 0.1
    client = BleakClient(await find(bike))
    assert await seconds(client.connect()) > 0.14
    assert len(client.services.characteristics) == 5
    await client.disconnect()


async def test_connect_times_out_when_services_never_come(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.resolve_delay_s = None
    client = BleakClient(await find(bike), timeout=0.1)
    with pytest.raises(TimeoutError):
        await client.connect()
    await bluez.wait_for(lambda: not bike.connected)


async def test_connect_raises_when_the_link_drops_before_services_are_known(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.resolve_delay_s = None
    connecting = asyncio.create_task(BleakClient(await find(bike)).connect())
    await bluez.wait_for(lambda: bike.connected)
    bike.drop_link()
    with pytest.raises(BleakError, match="failed to discover services, device disconnected"):
        await connecting


async def test_connect_while_discovering_is_counted(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    found = await find(bike)
    async with BleakScanner(), BleakClient(found):
        assert bluez.connects_while_discovering == 1


@pytest.mark.slow
async def test_establish_connection_retries_failed_connects(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.fail("Connect", IN_PROGRESS, Fault(FAILED, "Host is down"))
    found = await find(bike)
    client = await establish_connection(BleakClientWithServiceCache, found, "bike")
    assert client.is_connected
    await client.disconnect()
    assert bluez.members().count("Connect") == 3


# Losing


@pytest.mark.parametrize("keeps_gatt", [True, False])
async def test_link_loss_calls_back_and_reconnects(bluez: Bluez, keeps_gatt: bool) -> None:
    bike = bikes.ftms_bike(bluez)
    bike.keeps_gatt = keeps_gatt
    link = await connected(bike)
    await link.client.start_notify(bikes.INDOOR_BIKE_DATA, link.on_frame)
    bike.drop_link()
    await heard(link.lost)
    assert not link.client.is_connected
    again = await connected(bike)
    await again.client.start_notify(bikes.INDOOR_BIKE_DATA, again.on_frame)
    assert bike.notify(bikes.INDOOR_BIKE_DATA, b"\x01")
    await again.until(1)
    await again.client.disconnect()


async def test_adapter_switched_off_ends_links_and_scans_until_switched_on(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    link = await connected(bike)
    scanner = BleakScanner()
    await scanner.start()
    bluez.hci0.power(on=False)
    await heard(link.lost)
    await bluez.settle()
    await scanner.stop()
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner().start()
    with pytest.raises(BleakDBusError, match="NotReady"):
        await BleakClient(await _as_known(bike)).connect()
    with pytest.raises(BleakDBusError, match="NotReady"):
        await BleakScanner(bluez={"adapter": "hci0"}).start()
    bluez.hci0.power(on=True)
    await bluez.settle()
    async with BleakClient(await find(bike)) as client:
        assert client.is_connected


async def _as_known(bike: Device) -> BLEDevice:
    return BLEDevice(bike.address, bike.name, {"path": bike.path, "props": {}})


async def test_unplugged_adapter_ends_links_and_another_can_be_added(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    link = await connected(bike)
    bluez.hci0.unplug()
    await heard(link.lost)
    await bluez.settle()
    with pytest.raises(BleakBluetoothNotAvailableError, match="No Bluetooth adapters found"):
        await BleakScanner().start()
    other = bluez.add_adapter()
    near = bluez.add_device(name="near hci1", adapter=other)
    await bluez.settle()
    assert (await find(near)).name == "near hci1"
    bluez.hci0.plug()
    await bluez.settle()
    found = await BleakScanner.find_device_by_address(bike.address, bluez={"adapter": "hci0"})
    assert found is not None


# bluetoothd gone and back. bleak 3.1 does not watch who owns org.bluez.


@pytest.mark.slow
@pytest.mark.parametrize("away_s", [0, 0.2])
async def test_bleak_does_not_notice_a_restart_of_bluetoothd(bluez: Bluez, away_s: float) -> None:
    bike = bikes.ftms_bike(bluez)
    link = await connected(bike)
    await link.client.start_notify(bikes.INDOOR_BIKE_DATA, link.on_frame)
    await bluez.kill()
    assert link.client.is_connected
    await asyncio.sleep(away_s)
    await bluez.restart()
    await find(bike)
    assert link.client.is_connected
    assert not link.lost.is_set()
    assert not bike.notify(bikes.INDOOR_BIKE_DATA, b"\x01")
    # BlueZ answers with success, as there is no link; bleak waits 10 s for a signal.
    with pytest.MonkeyPatch.context() as sooner:
        sooner.setattr(
            "bleak.backends.bluezdbus.client.async_timeout", lambda _: asyncio.timeout(0.3)
        )
        with pytest.raises(TimeoutError):
            await link.client.disconnect()
    assert link.lost.is_set()
    assert not link.client.is_connected
    again = await connected(bike)
    await again.client.start_notify(bikes.INDOOR_BIKE_DATA, again.on_frame)
    assert bike.notify(bikes.INDOOR_BIKE_DATA, b"\x01")
    await again.until(1)
    await again.client.disconnect()


async def test_calls_are_refused_while_bluetoothd_is_away(bluez: Bluez) -> None:
    link = await connected(bikes.ftms_bike(bluez))
    scanner = BleakScanner()
    await scanner.start()
    await bluez.kill()
    for refused in (scanner.stop, scanner.start, link.client.disconnect):
        with pytest.raises(BleakDBusError, match="ServiceUnknown"):
            await refused()
    assert link.lost.is_set()


async def test_bleak_takes_a_dead_link_for_connected_until_the_next_scan(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    found = await find(bike)
    first = Link(found)
    await first.client.connect()
    await bluez.kill()
    with pytest.raises(BleakDBusError, match="ServiceUnknown"):
        await first.client.disconnect()
    await bluez.restart()
    calls = len(bluez.calls)
    phantom = Link(found)
    await phantom.client.connect()
    assert phantom.client.is_connected
    assert len(bluez.calls) == calls, "bleak must not call bluetoothd"
    with pytest.raises(BleakDBusError, match="UnknownObject"):
        await phantom.client.start_notify(bikes.INDOOR_BIKE_DATA, phantom.on_frame)
    with pytest.raises(BleakDBusError, match="UnknownObject"):
        await phantom.client.disconnect()
    real = await connected(bike)
    assert bike.connected
    await real.client.disconnect()


async def test_scan_does_not_survive_a_restart_of_bluetoothd(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    scanner = BleakScanner()
    await scanner.start()
    await bluez.wait_for(lambda: bike.exported)
    await bluez.kill()
    await bluez.restart()
    assert not bluez.hci0.discovering
    with pytest.raises(BleakDBusError, match="No discovery started"):
        await scanner.stop()
    await find(bike)


async def test_bleak_does_not_notice_a_restart_that_remembers_the_device(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    link = await connected(bike)
    await bluez.kill()
    await bluez.restart(remembers=[bike])
    assert link.client.is_connected
    assert not link.lost.is_set()


async def test_bleak_notices_a_link_that_ends_after_a_restart_of_bluetoothd(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez)
    link = await connected(bike)
    await bluez.kill(links_stay=True)
    await bluez.restart()
    bike.drop_link()
    await heard(link.lost)
    assert not link.client.is_connected


async def test_bleak_notices_the_end_of_the_bus(bluez: Bluez, dbus_daemon: DBusDaemon) -> None:
    link = await connected(bikes.ftms_bike(bluez))
    dbus_daemon.stop()
    await heard(link.lost)
    assert not link.client.is_connected


# Leaks


@pytest.mark.slow
async def test_sessions_leave_no_dbus_state_and_no_descriptors(
    bluez: Bluez, dbus_daemon: DBusDaemon
) -> None:
    bike = bikes.ftms_bike(bluez)
    found = await find(bike)

    async def session() -> None:
        async with BleakClient(found) as client:
            await client.start_notify(bikes.INDOOR_BIKE_DATA, lambda _, __: None)

    await session()
    before = await dbus_daemon.stats(), open_fds()
    for _ in range(50):
        await session()
    assert (await dbus_daemon.stats(), open_fds()) == before
    assert not bike.characteristic(bikes.INDOOR_BIKE_DATA).notifying
