"""An ANT stick on a USB bus in memory, below the real libusb bindings and the real openant.

It answers the commands of ANT, and passes on the pages of its devices to the channels that are
open for them, or to a scan.
"""

import asyncio
import errno
import queue
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import usb.backend
import usb.backend.libusb1
import usb.core

from drivers.ant import commands
from drivers.ant import stick as real_stick
from drivers.ant.commands import StickAnswer, encode_answer
from drivers.protocols.ant.messages import (
    AntMessage,
    MessageReader,
    ReceivedPage,
    encode_message,
    encode_page,
)

VENDOR, ANTUSB_M, ANTUSB2 = 0x0FCF, 0x1009, 0x1008
CHANNELS = 8
_WRONG_STATE = 0x15
_CAPABILITIES = bytes((CHANNELS, 3, 0, 0xBA, 0x36, 0, 0xDF))


@dataclass
class ChannelOfStick:
    """What the gateway has set of a channel."""

    device_number: int = 0
    device_type: int = 0
    period_ticks: int = 0
    frequency: int = 0
    is_open: bool = False


@dataclass
class AntStick:
    """The stick. Tests change its fields to spoil it."""

    product: int = ANTUSB_M
    #: The error of the next attempts to open it: an errno.
    refusal: int = 0
    #: How often it is opened without answering anything.
    deaf_openings: int = 0
    channels: dict[int, ChannelOfStick] = field(default_factory=dict)
    network_key: bytes = b""
    openings: int = 0
    is_open: bool = False
    is_scanning: bool = False
    is_plugged_in: bool = True
    #: The ids of all commands, in order.
    commands: list[int] = field(default_factory=list)
    _to_host: "queue.SimpleQueue[bytes]" = field(default_factory=queue.SimpleQueue)
    _reader: MessageReader = field(default_factory=MessageReader)

    def transmit(self, device_type: int, device_number: int, page: bytes) -> None:
        """Pass on a page as if a device had transmitted it."""
        for number, channel in list(self.channels.items()):
            is_meant = (channel.device_type, channel.device_number) == (device_type, device_number)
            if channel.is_open and (self.is_scanning or is_meant):
                received = ReceivedPage(number, page, device_number, device_type)
                self._send(encode_page(received))

    def send_junk(self, data: bytes) -> None:
        self._to_host.put(data)

    def end_searches(self) -> None:
        """Close all channels as if their searches had timed out."""
        for number, channel in self.channels.items():
            if channel.is_open:
                channel.is_open = False
                self._answer(number, commands.EVENT, 0x01)
                self._answer(number, commands.EVENT, commands.CHANNEL_CLOSED)

    # --- Its USB endpoints ---

    def open(self) -> None:
        if self.refusal:
            raise usb.core.USBError("refused", None, self.refusal)
        self.is_open = True
        self._reader = MessageReader()

    def close(self) -> None:
        self.is_open = False

    def read(self, timeout_ms: int) -> bytes:
        for _ in range(max(1, timeout_ms // 20)):
            if not self.is_plugged_in:
                raise usb.core.USBError("No such device", None, errno.ENODEV)
            with suppress(queue.Empty):
                return self._to_host.get(timeout=0.02)
        raise usb.core.USBTimeoutError("Operation timed out", None, errno.ETIMEDOUT)

    def write(self, data: bytes) -> None:
        if not self.is_plugged_in:
            raise usb.core.USBError("No such device", None, errno.ENODEV)
        for message in self._reader.feed(data):
            self.commands.append(message.id)
            if self.openings > self.deaf_openings:
                self._obey(message)

    def _obey(self, message: AntMessage) -> None:
        number, rest = message.payload[0], message.payload[1:]
        match message.id:
            case commands.RESET:
                self.channels.clear()
                self.is_scanning = False
                self._send(AntMessage(commands.STARTED, b"\x20"))
            case commands.REQUEST:
                self._send(AntMessage(rest[0], _CAPABILITIES))
            case commands.SET_NETWORK_KEY:
                self.network_key = rest
                self._answer(number, message.id, 0)
            case commands.CLOSE if self.channels.get(number, ChannelOfStick()).is_open:
                self.channels[number].is_open = False
                self._answer(number, message.id, 0)
                self._answer(number, commands.EVENT, commands.CHANNEL_CLOSED)
            case commands.CLOSE:
                self._answer(number, message.id, _WRONG_STATE)
            case _:
                code = 0 if self._configure(number, message.id, rest) else _WRONG_STATE
                self._answer(number, message.id, code)

    def _configure(self, number: int, command: int, rest: bytes) -> bool:
        """Obey a command for a channel; return whether it was in the state for that."""
        if command == commands.ASSIGN:
            is_free = number not in self.channels
            self.channels.setdefault(number, ChannelOfStick())
            return is_free
        channel = self.channels.get(number, ChannelOfStick())
        match command:
            case commands.SET_DEVICE:
                channel.device_number = int.from_bytes(rest[:2], "little")
                channel.device_type = rest[2]
            case commands.SET_PERIOD:
                channel.period_ticks = int.from_bytes(rest, "little")
            case commands.SET_FREQUENCY:
                channel.frequency = rest[0]
            case commands.OPEN | commands.OPEN_SCAN:
                channel.is_open = True
                self.is_scanning = command == commands.OPEN_SCAN
            case commands.UNASSIGN:
                return not channel.is_open and self.channels.pop(number, None) is not None
        return True

    def _answer(self, number: int, to: int, code: int) -> None:
        self._send(encode_answer(StickAnswer(number, to, code)))

    def _send(self, message: AntMessage) -> None:
        self._to_host.put(encode_message(message))


class MemoryBus(usb.backend.IBackend):  # type: ignore[misc]
    """libusb's place: a bus with one port, in which there may be a stick."""

    def __init__(self) -> None:
        super().__init__()
        self.stick: AntStick | None = None

    def enumerate_devices(self) -> Iterator[AntStick]:
        return iter([] if self.stick is None else [self.stick])

    def get_device_descriptor(self, dev: AntStick) -> Any:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0, bDeviceSubClass=0,
            bDeviceProtocol=0, bMaxPacketSize0=64, idVendor=VENDOR, idProduct=dev.product,
            bcdDevice=0x100, iManufacturer=0, iProduct=0, iSerialNumber=0, bNumConfigurations=1,
            address=4, bus=1, port_number=1, port_numbers=(1,), speed=2,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev: AntStick, config: int) -> Any:
        if config:
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=2, wTotalLength=32, bNumInterfaces=1, bConfigurationValue=1,
            iConfiguration=0, bmAttributes=0x80, bMaxPower=50, extra_descriptors=[],
        )  # fmt: skip

    def get_interface_descriptor(self, dev: AntStick, intf: int, alt: int, config: int) -> Any:
        if intf or alt:
            raise IndexError
        return SimpleNamespace(
            bLength=9, bDescriptorType=4, bInterfaceNumber=0, bAlternateSetting=0, bNumEndpoints=2,
            bInterfaceClass=0xFF, bInterfaceSubClass=0, bInterfaceProtocol=0, iInterface=0,
            extra_descriptors=[],
        )  # fmt: skip

    def get_endpoint_descriptor(
        self, dev: AntStick, ep: int, intf: int, alt: int, config: int
    ) -> Any:
        return SimpleNamespace(
            bLength=7, bDescriptorType=5, bEndpointAddress=(0x81, 0x01)[ep], bmAttributes=2,
            wMaxPacketSize=64, bInterval=1, bRefresh=0, bSynchAddress=0, extra_descriptors=[],
        )  # fmt: skip

    def open_device(self, dev: AntStick) -> AntStick:
        dev.open()
        return dev

    def close_device(self, dev_handle: AntStick) -> None:
        dev_handle.close()

    def set_configuration(self, dev_handle: AntStick, config_value: int) -> None:
        # openant does this once each time, while its reset opens the device twice.
        dev_handle.openings += 1

    def get_configuration(self, dev_handle: AntStick) -> int:
        return 1

    def claim_interface(self, dev_handle: AntStick, intf: int) -> None: ...

    def release_interface(self, dev_handle: AntStick, intf: int) -> None: ...

    def reset_device(self, dev_handle: AntStick) -> None: ...

    def is_kernel_driver_active(self, dev_handle: AntStick, intf: int) -> bool:
        return False

    def attach_kernel_driver(self, dev_handle: AntStick, intf: int) -> None:
        raise usb.core.USBError("Entity not found", None, errno.ENOENT)

    def bulk_write(self, dev_handle: AntStick, ep: int, intf: int, data: Any, timeout: int) -> int:
        dev_handle.write(bytes(data))
        return len(data)

    def bulk_read(self, dev_handle: AntStick, ep: int, intf: int, buff: Any, timeout: int) -> int:
        data = dev_handle.read(timeout)
        for at, byte in enumerate(data):
            buff[at] = byte
        return len(data)


class AntBus:
    """The USB ports of a computer, for `sysfs` and libusb alike."""

    def __init__(self, sysfs: Path, bus: MemoryBus) -> None:
        self._device = sysfs / "1-1"
        self._bus = bus

    def plug_in(self, stick: AntStick) -> AntStick:
        self._device.mkdir(parents=True, exist_ok=True)
        (self._device / "idVendor").write_text(f"{VENDOR:04x}\n")
        (self._device / "idProduct").write_text(f"{stick.product:04x}\n")
        stick.is_plugged_in = True
        self._bus.stick = stick
        return stick

    def unplug(self) -> None:
        if self._bus.stick is not None:
            self._bus.stick.is_plugged_in = False
        self._bus.stick = None
        (self._device / "idVendor").unlink()


@contextmanager
def open_bus(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AntBus]:
    """Replace this computer's USB ports by those of a computer without a stick."""
    bus = MemoryBus()
    monkeypatch.setattr(real_stick, "USB_DEVICES", directory / "usb")
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda *_, **__: bus)
    yield AntBus(directory / "usb", bus)


@asynccontextmanager
async def transmitting(
    stick: AntStick, device_type: int, number: int, pages: Callable[[], Sequence[bytes]]
) -> AsyncIterator[None]:
    """Transmit all pages again and again, ten times as often as real devices do."""

    async def transmit() -> None:
        while True:
            for page in pages():
                stick.transmit(device_type, number, page)
            await asyncio.sleep(0.025)

    task = asyncio.create_task(transmit())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
