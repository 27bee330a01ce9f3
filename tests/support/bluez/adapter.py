"""org.bluez.Adapter1."""

import asyncio
from typing import TYPE_CHECKING, Any

from bleak.uuids import normalize_uuid_str
from dbus_fast import Variant

from tests.support.bluez.service import (
    FAILED,
    IN_PROGRESS,
    NOT_READY,
    BusObject,
    Fault,
    Service,
    refuse,
)

if TYPE_CHECKING:
    from tests.support.bluez.device import Device

_NO_DISCOVERY = Fault(FAILED, "No discovery started")
# Delay of the first advertisement: bleak's find_device_by_… only listens shortly after the answer
# to StartDiscovery.
_FIRST_HEARD_S = 0.01
_DOES_NOT_EXIST = Fault("org.bluez.Error.DoesNotExist", "Does Not Exist")


class Adapter(BusObject):
    """A radio. `devices` are all that it could ever hear, on the bus or not."""

    interface = "org.bluez.Adapter1"

    def __init__(self, service: Service, name: str, address: str) -> None:
        super().__init__(service, f"/org/bluez/{name}")
        self.devices: list[Device] = []
        self._sessions: set[str] = set()
        self._filters: dict[str, dict[str, Variant]] = {}
        self.properties = {
            "Address": Variant("s", address),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", name),
            "Alias": Variant("s", name),
            "Powered": Variant("b", True),
            "Discovering": Variant("b", False),
            "Roles": Variant("as", ["central", "peripheral"]),
            "UUIDs": Variant("as", ["00001800-0000-1000-8000-00805f9b34fb"]),
        }
        self.methods = {
            "StartDiscovery": self._start_discovery,
            "StopDiscovery": self._stop_discovery,
            "SetDiscoveryFilter": self._set_discovery_filter,
            "RemoveDevice": self._remove_device,
        }

    @property
    def powered(self) -> bool:
        return bool(self.properties["Powered"].value)

    @property
    def discovering(self) -> bool:
        return bool(self._sessions)

    @property
    def reports_duplicates(self) -> bool:
        """Whether unchanged data is reported again."""
        return any(
            self._filters.get(sender, {}).get("DuplicateData", Variant("b", False)).value
            for sender in self._sessions
        )

    def hears(self, service_uuids: tuple[str, ...]) -> bool:
        """Return whether a discovery session lets an advertisement with these UUIDs through."""
        for sender in self._sessions:
            wanted = self._filters.get(sender, {}).get("UUIDs")
            if wanted is None or set(map(normalize_uuid_str, wanted.value)) & set(service_uuids):
                return True
        return False

    def power(self, on: bool) -> None:
        """Switch the radio; off (by rfkill or by hand) ends discovery and every link."""
        if not on:
            for device in self.devices:
                device.drop_link()
            self._end_discovery(set(self._sessions))
        self.change({"Powered": Variant("b", on)})

    def unplug(self) -> None:
        """Remove the dongle."""
        self.power(on=False)
        for device in self.devices:
            device.forget()
        self.service.remove(self)

    def plug(self) -> None:
        self.properties["Powered"] = Variant("b", True)
        self.service.export(self)

    def reset(self) -> None:
        """Forget all sessions, as a new bluetoothd does."""
        self._sessions.clear()
        self._filters.clear()
        self.properties["Discovering"] = Variant("b", False)

    def on_fault(self, member: str, sender: str, fault: Fault) -> None:
        """End the session, as BlueZ does although it refuses to stop."""
        if member == "StopDiscovery":
            self._end_discovery({sender})

    def on_set(self, name: str, value: object) -> None:
        if name != "Powered":
            super().on_set(name, value)
        self.power(on=bool(value))

    def on_client_left(self, sender: str) -> None:
        self._filters.pop(sender, None)
        self._end_discovery({sender})

    def _end_discovery(self, senders: set[str]) -> None:
        was = self.discovering
        self._sessions -= senders
        if was and not self.discovering:
            self.change({"Discovering": Variant("b", False)})
            for device in self.devices:
                device.fade()

    async def _start_discovery(self, sender: str, _body: list[Any]) -> None:
        if not self.powered:
            refuse(NOT_READY)
        if sender in self._sessions:
            refuse(IN_PROGRESS)
        if not self.discovering:
            self.change({"Discovering": Variant("b", True)})
        self._sessions.add(sender)
        for device in self.devices:
            asyncio.get_running_loop().call_later(_FIRST_HEARD_S, device.start_beacon)

    async def _stop_discovery(self, sender: str, _body: list[Any]) -> None:
        if not self.powered:
            refuse(NOT_READY)
        if sender not in self._sessions:
            refuse(_NO_DISCOVERY)
        self._end_discovery({sender})

    async def _set_discovery_filter(self, sender: str, body: list[Any]) -> None:
        if not self.powered:
            refuse(NOT_READY)
        self._filters[sender] = body[0]

    async def _remove_device(self, _sender: str, body: list[Any]) -> None:
        for device in self.devices:
            if device.path == body[0] and device.exported:
                device.drop_link()
                device.forget()
                return
        refuse(_DOES_NOT_EXIST)
