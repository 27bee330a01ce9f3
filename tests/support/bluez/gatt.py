"""org.bluez.GattService1 and org.bluez.GattCharacteristic1.

There is no NotifyAcquired property, since bleak uses StartNotify by default, and tests need that.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbus_fast import Variant

from tests.support.bluez.service import (
    FAILED,
    IN_PROGRESS,
    NOT_CONNECTED,
    BusObject,
    Fault,
    Reply,
    refuse,
)

if TYPE_CHECKING:
    from tests.support.bluez.device import Device

_NOT_SUPPORTED = Fault("org.bluez.Error.NotSupported", "Operation is not supported")
_READ_NOT_PERMITTED = Fault("org.bluez.Error.NotPermitted", "Read not permitted")
_NO_SESSION = Fault(FAILED, "No notify session started")


class GattService(BusObject):
    interface = "org.bluez.GattService1"

    def __init__(self, device: "Device", handle: int, uuid: str) -> None:
        super().__init__(device.service, f"{device.path}/service{handle:04x}")
        self.properties = {
            "UUID": Variant("s", uuid),
            "Device": Variant("o", device.path),
            "Primary": Variant("b", True),
            "Includes": Variant("ao", []),
        }


class Characteristic(BusObject):
    """A characteristic; a read returns `value`."""

    interface = "org.bluez.GattCharacteristic1"

    def __init__(self, device: "Device", path: str, uuid: str, flags: tuple[str, ...]) -> None:
        super().__init__(device.service, path)
        self.device = device
        self.uuid = uuid
        self.flags = flags
        self.value = b""
        self.on_subscription: Callable[[], None] | None = None
        """Called at each StartNotify, before it is answered."""
        self._sessions: set[str] = set()
        self.properties = {
            "UUID": Variant("s", uuid),
            "Service": Variant("o", path.rpartition("/")[0]),
            "Flags": Variant("as", list(flags)),
            "Notifying": Variant("b", False),
            "MTU": Variant("q", 247),
        }
        self.methods = {
            "ReadValue": self._read,
            "WriteValue": self._write,
            "StartNotify": self._start_notify,
            "StopNotify": self._stop_notify,
        }

    @property
    def notifying(self) -> bool:
        return bool(self._sessions)

    def notify(self, data: bytes) -> bool:
        if self.notifying and self.device.connected:
            self.change({"Value": Variant("ay", data)})
            return True
        return False

    def stop_notifying(self, sender: str | None = None) -> None:
        """End the notifications of one client, or of all."""
        was = self.notifying
        self._sessions -= self._sessions.copy() if sender is None else {sender}
        if was and not self.notifying:
            self.change({"Notifying": Variant("b", False)})

    def on_client_left(self, sender: str) -> None:
        self.stop_notifying(sender)

    async def _read(self, _sender: str, _body: list[Any]) -> Reply:
        self._need_link()
        if "read" not in self.flags:
            refuse(_READ_NOT_PERMITTED)
        # BlueZ also reports a value that was read as if it had been notified.
        self.change({"Value": Variant("ay", self.value)})
        return "ay", [self.value]

    async def _write(self, _sender: str, body: list[Any]) -> None:
        self._need_link()
        if not {"write", "write-without-response"} & set(self.flags):
            refuse(_NOT_SUPPORTED)
        data = bytes(body[0])
        self.device.written.append((self.uuid, data))
        answer = self.device.on_write(self.uuid, data) if self.device.on_write else None
        if isinstance(answer, Fault):
            refuse(answer)
        if answer is not None:  # after the answer to the write
            asyncio.get_running_loop().call_soon(self.notify, answer)

    async def _start_notify(self, sender: str, _body: list[Any]) -> None:
        if self.on_subscription is not None:
            self.on_subscription()
        self._need_link()
        if not {"notify", "indicate"} & set(self.flags):
            refuse(_NOT_SUPPORTED)
        if sender in self._sessions:
            refuse(IN_PROGRESS)
        if not self.notifying:
            self.change({"Notifying": Variant("b", True)})
        self._sessions.add(sender)

    async def _stop_notify(self, sender: str, _body: list[Any]) -> None:
        if sender not in self._sessions:
            refuse(_NO_SESSION)
        self.stop_notifying(sender)

    def _need_link(self) -> None:
        if not self.device.connected:
            refuse(NOT_CONNECTED)
