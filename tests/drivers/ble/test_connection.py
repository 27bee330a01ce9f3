"""A connected device: what it notifies, is written, refuses; and that closing always ends."""

import pytest
from bleak.uuids import normalize_uuid_str

from drivers import BikeLost
from drivers.ble.connection import Connection
from drivers.ble.radio import Radio
from drivers.clock import MachineClock, sleep_for
from drivers.testing import FastClock
from tests.support.bluez import FAILED, Bluez, Device, Fault, bikes
from tests.support.radio import found

INDOOR_BIKE_DATA = normalize_uuid_str(bikes.INDOOR_BIKE_DATA)


@pytest.fixture
async def hci(bluez: Bluez) -> Radio:
    return Radio("hci0", MachineClock())


@pytest.fixture
async def bike(bluez: Bluez) -> Device:
    return bikes.ftms_bike(bluez)


async def content(connection: Connection) -> tuple[str, bytes]:
    """The characteristic and the data of the next notification."""
    heard = await connection.hear(5)
    assert heard is not None
    return heard.characteristic, heard.data


async def test_closing_a_connection_that_was_never_opened_does_nothing() -> None:
    connection = Connection(MachineClock())
    await connection.close()
    assert connection.services == {}


async def test_notifications_come_with_their_characteristic_in_order(
    hci: Radio, bike: Device
) -> None:
    async with hci.connect(await found(hci, bike)) as connection:
        await connection.subscribe(INDOOR_BIKE_DATA)
        for number in range(20):
            assert bike.notify(bikes.INDOOR_BIKE_DATA, bytes([number]))
        heard = [await content(connection) for _ in range(20)]
    assert heard == [(INDOOR_BIKE_DATA, bytes([number])) for number in range(20)]
    assert not bike.connected


async def test_notification_that_waits_has_the_time_of_its_arrival(
    bike: Device, bluez: Bluez
) -> None:
    clock = FastClock(10)
    hci = Radio("hci0", clock)
    async with hci.connect(await found(hci, bike)) as connection:
        await connection.subscribe(INDOOR_BIKE_DATA)
        bike.notify(bikes.INDOOR_BIKE_DATA, b"early")
        await bluez.settle()
        arrived_ns = clock.monotonic_ns()
        await sleep_for(clock, 5)
        heard = await connection.hear(5)
        assert heard is not None
        assert heard.at_ns <= arrived_ns


async def test_service_that_is_there_twice_has_the_characteristics_of_both(bluez: Bluez) -> None:
    """hbldh/bleak #139."""
    data, control = map(normalize_uuid_str, (bikes.INDOOR_BIKE_DATA, bikes.CONTROL_POINT))
    service = normalize_uuid_str(bikes.FITNESS_MACHINE)
    device = bluez.add_device(
        name="Twins",
        services={
            bikes.FITNESS_MACHINE: {bikes.INDOOR_BIKE_DATA: ("notify",)},
            service: {bikes.CONTROL_POINT: ("write", "indicate")},
        },
    )
    hci = Radio("hci0", MachineClock())
    async with hci.connect(await found(hci, device)) as connection:
        assert connection.services == {
            service: {data: {"notify"}, control: {"write", "indicate"}},
        }


async def test_characteristic_that_is_there_twice_is_used_where_it_can_be(bluez: Bluez) -> None:
    device = bluez.add_device(
        name="Twins", services={"ff10": {"fff1": ("write",)}, "ff20": {"fff1": ("notify", "read")}}
    )
    uuid, hci = normalize_uuid_str("fff1"), Radio("hci0", MachineClock())
    async with hci.connect(await found(hci, device)) as connection:
        await connection.subscribe(uuid)
        await connection.write(uuid, b"\x01")
        assert await connection.read(uuid) == b""
        assert connection.answers_by_itself(uuid)
    assert device.written == [(uuid, b"\x01")]


async def test_characteristic_that_is_not_there_is_a_lost_bike(hci: Radio, bike: Device) -> None:
    missing = normalize_uuid_str("ae01")
    async with hci.connect(await found(hci, bike)) as connection:
        for use in (connection.subscribe, connection.read):
            with pytest.raises(BikeLost, match="0000ae01"):
                await use(missing)
        with pytest.raises(BikeLost, match="cannot write 0000ae01"):
            await connection.write(missing, b"\x01")


async def test_hear_returns_none_on_silence(hci: Radio, bike: Device) -> None:
    async with hci.connect(await found(hci, bike)) as connection:
        assert await connection.hear(0.05) is None


async def test_connection_has_the_services_of_the_bike(hci: Radio, bike: Device) -> None:
    bike.resolve_delay_s = 0.3
    async with hci.connect(await found(hci, bike)) as connection:
        service = normalize_uuid_str(bikes.FITNESS_MACHINE)
        assert INDOOR_BIKE_DATA in connection.services[service]


async def test_notification_before_a_lost_link_is_still_heard(
    hci: Radio, bike: Device, bluez: Bluez
) -> None:
    async with hci.connect(await found(hci, bike)) as connection:
        await connection.subscribe(INDOOR_BIKE_DATA)
        bike.notify(bikes.INDOOR_BIKE_DATA, b"last words")
        bike.drop_link()
        await bluez.settle()
        assert await content(connection) == (INDOOR_BIKE_DATA, b"last words")
        for _ in range(2):
            with pytest.raises(BikeLost, match="link was lost"):
                await connection.hear(5)


async def test_connection_writes_a_command(hci: Radio, bike: Device) -> None:
    command = normalize_uuid_str(bikes.CONTROL_POINT)
    async with hci.connect(await found(hci, bike)) as connection:
        assert connection.answers_by_itself(command)
        await connection.subscribe(command)
        await connection.subscribe(command)
        await connection.write(command, b"\x00")
    assert bike.written == [(command, b"\x00")]


async def test_refused_subscription_is_a_lost_bike_with_its_reason(
    hci: Radio, bike: Device
) -> None:
    bike.characteristic(bikes.INDOOR_BIKE_DATA).fail(
        "StartNotify", Fault(FAILED, "Operation failed with ATT error: 0x80")
    )
    async with hci.connect(await found(hci, bike)) as connection:
        with pytest.raises(BikeLost, match=r"cannot subscribe to 00002ad2.*0x80"):
            await connection.subscribe(INDOOR_BIKE_DATA)


async def test_subscription_error_that_bleak_cannot_format_keeps_its_text(
    hci: Radio, bike: Device
) -> None:
    bike.characteristic(bikes.INDOOR_BIKE_DATA).fail(
        "StartNotify", Fault(FAILED, "ATT error: 0x80, extra")
    )
    async with hci.connect(await found(hci, bike)) as connection:
        with pytest.raises(BikeLost, match="ATT error: 0x80, extra"):
            await connection.subscribe(INDOOR_BIKE_DATA)


@pytest.mark.slow
async def test_connection_ends_and_reopens_after_bluetoothd_restarts(
    bike: Device, bluez: Bluez
) -> None:
    hci = Radio("hci0", FastClock(10))
    async with hci.connect(await found(hci, bike)) as connection:
        await connection.subscribe(INDOOR_BIKE_DATA)
        await bluez.kill()
        await bluez.restart()
        await found(hci, bike)
        assert not bike.notify(bikes.INDOOR_BIKE_DATA, b"unheard")
        assert await connection.hear(0.05) is None
    async with hci.connect(await found(hci, bike)) as connection:
        await connection.subscribe(INDOOR_BIKE_DATA)
        assert bike.notify(bikes.INDOOR_BIKE_DATA, b"heard")
        assert await connection.hear(5)
