"""A survey: all that an unknown device offers and sends, on the real bleak; nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from bleak.uuids import normalize_uuid_str

from drivers import BikeLost, Frame
from drivers.ble.driver import BleBike
from drivers.ble.radio import Radio
from drivers.ble.survey import record_all
from drivers.clock import MachineClock
from drivers.survey import BikeNotUnderstood, DeviceInventory, GattCharacteristic, Surveyor
from drivers.testing import FastClock
from tests.support.bluez import ATT_ERROR, Bluez, Device, bikes
from tests.support.radio import found

MODEL, DATA, ANSWERS, COMMANDS = map(normalize_uuid_str, ("2a24", "ae02", "ae03", "ae01"))
UNKNOWN_SERVICE, INFORMATION = map(normalize_uuid_str, ("ae00", "180a"))


def unknown_bike(bluez: Bluez) -> Device:
    """Add a bike of a family that no protocol of the gateway knows."""
    bike = bluez.add_device(
        name="Novelty 9",
        services={
            INFORMATION: {MODEL: ("read",)},
            UNKNOWN_SERVICE: {
                COMMANDS: ("write", "write-without-response"),
                DATA: ("notify",),
                ANSWERS: ("read", "indicate"),
            },
        },
    )
    bike.characteristic(MODEL).value = b"N9"
    bike.characteristic(ANSWERS).value = b"\x01"
    return bike


class Heard:
    """What a survey passes on."""

    def __init__(self) -> None:
        self.devices: list[DeviceInventory] = []
        self.frames: list[tuple[str, Frame]] = []
        self.notes: list[str] = []

    def on_frame(self, protocol: str, frame: Frame) -> None:
        self.frames.append((protocol, frame))

    @property
    def bytes_by_characteristic(self) -> dict[str, bytes]:
        return {frame.characteristic: frame.data for _, frame in self.frames}


@asynccontextmanager
async def surveying(device: Device, heard: Heard) -> AsyncIterator["asyncio.Task[None]"]:
    bike = BleBike(BleBike.Options(address=device.address), MachineClock())
    task = asyncio.create_task(
        bike.survey(heard.devices.append, heard.on_frame, heard.notes.append)
    )
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while True:
            if is_true():
                return
            await asyncio.sleep(0.02)


async def test_survey_passes_on_characteristics_values_and_notifications(bluez: Bluez) -> None:
    device, heard = unknown_bike(bluez), Heard()
    async with surveying(device, heard):
        await until(lambda: device.notify(DATA, b"\x10\x3c") and device.notify(ANSWERS, b"\x02"))
        await until(lambda: len(heard.bytes_by_characteristic) == 2)
    assert heard.devices == [
        DeviceInventory(
            "Novelty 9",
            (
                GattCharacteristic(INFORMATION, MODEL, ("read",), b"N9"),
                GattCharacteristic(UNKNOWN_SERVICE, COMMANDS, ("write", "write-without-response")),
                GattCharacteristic(UNKNOWN_SERVICE, DATA, ("notify",)),
                GattCharacteristic(UNKNOWN_SERVICE, ANSWERS, ("read", "indicate"), b"\x01"),
            ),
        )
    ]
    assert heard.bytes_by_characteristic == {DATA: b"\x10\x3c", ANSWERS: b"\x02"}
    assert {protocol for protocol, _ in heard.frames} == {""}
    assert device.written == []


async def test_refused_reads_and_subscriptions_do_not_end_a_survey(bluez: Bluez) -> None:
    device, heard = unknown_bike(bluez), Heard()
    device.characteristic(MODEL).fail("ReadValue", ATT_ERROR)
    device.characteristic(ANSWERS).fail("StartNotify", ATT_ERROR)
    async with surveying(device, heard):
        await until(lambda: device.notify(DATA, b"\x10\x3c"))
        await until(lambda: heard.frames)
    values = {one.uuid: one.value for one in heard.devices[0].characteristics}
    assert values[MODEL] is None
    (note,) = heard.notes
    assert note.startswith(f"cannot subscribe to {ANSWERS} of service {UNKNOWN_SERVICE}, handle ")


async def test_characteristics_with_the_same_uuid_are_all_listened_to(bluez: Bluez) -> None:
    device = bluez.add_device(
        name="Twins",
        services={
            "ff10": {"fff4": ("notify",)},
            "ff20": {"fff4": ("notify",)},
            "ff30": {"fff4": ("read",)},
        },
    )
    first, second, _ = [one for _, (one,) in device.gatt]
    heard = Heard()
    async with surveying(device, heard):
        await until(lambda: first.notify(b"\x01") and second.notify(b"\x02"))
        await until(lambda: {frame.data for _, frame in heard.frames} == {b"\x01", b"\x02"})
    assert heard.notes == []


async def test_refused_subscription_to_one_of_two_with_the_same_uuid_is_noted(
    bluez: Bluez,
) -> None:
    device = bluez.add_device(
        name="Twins", services={"ff10": {"fff4": ("notify",)}, "ff20": {"fff4": ("notify",)}}
    )
    first, second = [one for _, (one,) in device.gatt]
    first.fail("StartNotify", ATT_ERROR)
    heard = Heard()
    async with surveying(device, heard):
        await until(lambda: second.notify(b"\x02"))
        await until(lambda: heard.frames)
    (note,) = heard.notes
    assert f"{normalize_uuid_str('fff4')} of service {normalize_uuid_str('ff10')}" in note


async def test_device_that_can_send_nothing_is_lost_after_its_inventory(bluez: Bluez) -> None:
    device = bluez.add_device(name="lamp", services={INFORMATION: {MODEL: ("read",)}})
    heard, hci = Heard(), Radio("hci0", MachineClock())
    with pytest.raises(BikeLost, match="no characteristic that sends anything"):
        async with hci.connect(await found(hci, device)) as connection:
            await record_all(
                connection, "lamp", heard.devices.append, heard.on_frame, heard.notes.append
            )
    assert [one.uuid for one in heard.devices[0].characteristics] == [MODEL]


async def test_survey_ends_when_the_link_is_lost(bluez: Bluez) -> None:
    device, heard = unknown_bike(bluez), Heard()
    async with surveying(device, heard) as survey:
        await until(lambda: device.notify(DATA, b"\x10\x3c"))
        device.leave()
        with pytest.raises(BikeLost, match="the link was lost"):
            await asyncio.wait_for(survey, 10)
    assert heard.frames


@pytest.mark.slow
@pytest.mark.parametrize("is_mute", [True, False], ids=["mute bike", "unknown device"])
async def test_bike_that_is_not_understood_says_so(bluez: Bluez, *, is_mute: bool) -> None:
    """`capture` then makes a survey of it."""
    device = bikes.ftms_bike(bluez) if is_mute else unknown_bike(bluez)
    bike = BleBike(BleBike.Options(address=device.address), FastClock(10))
    assert isinstance(bike, Surveyor)
    with pytest.raises(BikeNotUnderstood, match="is connected, but"):
        async with bike.open_bike():
            pass
