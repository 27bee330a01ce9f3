"""Consoles that answer requests: iConsole, FitShow, and Domyos before FTMS.

They ignore what they do not understand, and cut what they send after 20 bytes, as real ones do.
"""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import replace

from bleak.uuids import normalize_uuid_str

from drivers.protocols.bluetooth.domyos import (
    GREETING,
    REST_OF_START,
    DomyosStatus,
    encode_domyos_status,
)
from drivers.protocols.bluetooth.fitshow import (
    IDLE,
    FitshowMessage,
    FitshowStatus,
    decode_fitshow_message,
    encode_fitshow_message,
    encode_fitshow_status,
)
from drivers.protocols.bluetooth.iconsole import (
    IconsoleData,
    IconsoleMessage,
    decode_iconsole_message,
    encode_iconsole_data,
    encode_iconsole_message,
)
from drivers.protocols.bluetooth.sum_frames import is_sealed
from tests.support.bluez import Bluez, Device
from tests.support.bluez.device import Services

FFF0: Services = {"fff0": {"fff1": ("notify",), "fff2": ("write-without-response",)}}
TRANSPARENT_UART: Services = {
    "49535343-fe7d-4ae5-8fa9-9fafd205e455": {
        "49535343-1e4d-4bd9-ba61-23c647249616": ("notify", "write"),
        "49535343-8841-43f4-a8d4-ecbe34729bb3": ("write", "write-without-response"),
    }
}
_NOTIFIES = ("fff1", "49535343-1e4d-4bd9-ba61-23c647249616")
PART_BYTES = 20

ICONSOLE_RIDE = IconsoleData(
    cadence_rpm=58, power_w=145, level=8, speed_kmh=21.6, distance_km=0.6, heart_rate_bpm=97
)
FITSHOW_RIDE = FitshowStatus(speed_kmh=24.5, level=12, cadence_rpm=81, power_w=153.2)
DOMYOS_RIDE = DomyosStatus(cadence_rpm=95, speed_kmh=23.1, level=3, heart_rate_bpm=104)


class Console(ABC):
    """What all consoles have in common. `deaf_to` more requests are not heard at first."""

    def __init__(self, device: Device, deaf_to: int = 0) -> None:
        self.device = device
        self.deaf_to = deaf_to
        #: The longest notification of the link.
        self.part_bytes = PART_BYTES
        device.on_write = self._hear
        uuids = {one.uuid for _, characteristics in device.gatt for one in characteristics}
        self._notify = next(one for one in _NOTIFIES if normalize_uuid_str(one) in uuids)

    @property
    def heard(self) -> list[bytes]:
        return [data for _, data in self.device.written]

    def send(self, message: bytes) -> None:
        """Notify a message in parts, after the answer to the write."""
        for at in range(0, len(message), self.part_bytes):
            part = message[at : at + self.part_bytes]
            asyncio.get_running_loop().call_soon(self.device.notify, self._notify, part)

    @abstractmethod
    def answer(self, request: bytes) -> None:
        """Send what the console answers to a request, if anything."""

    def _hear(self, _uuid: str, data: bytes) -> None:
        if self.deaf_to:
            self.deaf_to -= 1
        else:
            self.answer(data)


class IconsoleConsole(Console):
    """Reports zeros until it has been taken over with its own ids, and started."""

    def __init__(self, device: Device, ids: tuple[int, int] = (1, 1), deaf_to: int = 0) -> None:
        super().__init__(device, deaf_to)
        self.ids = ids
        self.is_taken = False
        self.is_running = False

    def answer(self, request: bytes) -> None:
        message = decode_iconsole_message(request)
        if message is None or not 0xA0 <= message.op <= 0xA5:
            return
        if message.ids != self.ids:
            self.send(encode_iconsole_message(IconsoleMessage(0xB7, self.ids, b"\x01")))
            return
        body = message.body
        match message.op:
            case 0xA0:
                self.is_taken = True
            case 0xA1:
                body = b"\x21"
            case 0xA2:
                body = encode_iconsole_data(self._now())
            case 0xA5:
                self.is_running = self.is_taken and body == b"\x02"
        self.send(encode_iconsole_message(IconsoleMessage(message.op + 0x10, self.ids, body)))

    def _now(self) -> IconsoleData:
        if self.is_running:
            return replace(ICONSOLE_RIDE, is_running=True)
        return IconsoleData(0, 0, ICONSOLE_RIDE.level, 0, 0, 0, 0, 0, 0, is_running=False)


class FitshowConsole(Console):
    """Reports its state alone until its workout runs."""

    state = IDLE
    settings = 0

    def answer(self, request: bytes) -> None:
        match decode_fitshow_message(request):
            case FitshowMessage(0x41, b"\x02"):
                self._send(0x41, bytes((2, 24, 0, self.settings, 0)))
            case FitshowMessage(0x42, b""):
                status = replace(FITSHOW_RIDE, state=self.state)
                self._send(0x42, encode_fitshow_status(status))
            case FitshowMessage(0x44, command):
                self.state = 2 if command == b"\x02" else IDLE
                self._send(0x44, command)

    def _send(self, op: int, body: bytes) -> None:
        self.send(encode_fitshow_message(FitshowMessage(op, body)))


class DomyosConsole(Console):
    """Is silent until it was asked for what its app asks for: the greeting, or all of the start."""

    needs: tuple[bytes, ...] = GREETING

    def __init__(self, device: Device, deaf_to: int = 0) -> None:
        super().__init__(device, deaf_to)
        self._held = b""
        self._got: set[bytes] = set()

    def answer(self, request: bytes) -> None:
        self._held += request
        if len(request) == PART_BYTES:
            return
        message, self._held = self._held, b""
        if not is_sealed(message):
            return
        self._got.add(message)
        if message[1] == 0xC9:
            self.send(bytes.fromhex("f0d900083681 67ef"))
        elif message[1] == 0xC8:
            self.send(bytes.fromhex("f0d801c9"))
        elif message == bytes.fromhex("f0ac9c") and self._got.issuperset(self.needs):
            self.send(encode_domyos_status(DOMYOS_RIDE))
        elif message in REST_OF_START:
            op = message[1] + 0x10
            self.send(bytes((0xF0, op, sum((0xF0, op)) & 0xFF)))


def iconsole_bike(
    bluez: Bluez,
    name: str = "iConsole+0147",
    services: Services = FFF0,
) -> IconsoleConsole:
    return IconsoleConsole(bluez.add_device(name=name, services=services))


def fitshow_bike(bluez: Bluez, name: str = "FS-9F2B1A") -> FitshowConsole:
    return FitshowConsole(bluez.add_device(name=name, services=FFF0))


def domyos_bike(bluez: Bluez, name: str = "Domyos-Bike-1234") -> DomyosConsole:
    return DomyosConsole(bluez.add_device(name=name, services=TRANSPARENT_UART))
