"""org.bluez.Device1: a peripheral on the air, and bluetoothd's view of it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from bleak.uuids import normalize_uuid_str
from dbus_fast import Variant

from tests.support.bluez.adapter import Adapter
from tests.support.bluez.gatt import Characteristic, GattService
from tests.support.bluez.service import CANCELED, IN_PROGRESS, NOT_READY, BusObject, Fault, refuse

Services = Mapping[str, Mapping[str, tuple[str, ...]]]
"""{service UUID: {characteristic UUID: flags}}; short UUIDs are fine."""


class Device(BusObject):
    """A device that is on the bus only once it is heard during discovery."""

    interface = "org.bluez.Device1"

    def __init__(
        self,
        adapter: Adapter,
        address: str,
        *,
        name: str | None,
        services: Services,
        advertised: tuple[str, ...],
        service_data: Mapping[str, bytes],
        manufacturer_data: Mapping[int, bytes],
        rssi: int = -60,
    ) -> None:
        super().__init__(adapter.service, f"{adapter.path}/dev_{address.replace(':', '_')}")
        self.adapter = adapter
        self.address = address
        self.name = name
        self.rssi = rssi
        self.advertised = tuple(normalize_uuid_str(uuid) for uuid in advertised)
        self.service_data = {normalize_uuid_str(key): data for key, data in service_data.items()}
        self.manufacturer_data = dict(manufacturer_data)
        self.read_name: str | None = None
        """The value of 2A00, which BlueZ reads once connected; it hides the characteristic."""
        self.in_range = True
        self.advertising_interval_s = 0.1
        self.connect_delay_s = 0.0
        self.resolve_delay_s: float | None = 0.0
        """Seconds from the link to ServicesResolved; None: never."""
        self.disconnect_delay_s = 0.0
        self.keeps_gatt = True
        """BlueZ leaves the GATT objects on the bus when the link ends; False removes them."""
        self.written: list[tuple[str, bytes]] = []
        self.on_write: Callable[[str, bytes], Fault | bytes | None] | None = None
        """Answers a write. A Fault refuses it; bytes are indicated on the same characteristic."""
        self.connects_while_discovering = 0
        self.gatt = _gatt(self, services)
        self._attempt: asyncio.Task[None] | None = None
        self._resolving: asyncio.Task[None] | None = None
        self._beacon: asyncio.TimerHandle | None = None
        self._weaker = 0
        self._reachable = asyncio.Event()
        self._reachable.set()
        self.methods = {"Connect": self._connect, "Disconnect": self._disconnect}
        adapter.devices.append(self)

    @property
    def connected(self) -> bool:
        return "Connected" in self.properties and bool(self.properties["Connected"].value)

    def characteristic(self, uuid: str) -> Characteristic:
        full = normalize_uuid_str(uuid)
        return next(c for _, chars in self.gatt for c in chars if c.uuid == full)

    # The peripheral's behaviour.

    def advertise(
        self,
        *,
        manufacturer_data: Mapping[int, bytes] | None = None,
        service_data: Mapping[str, bytes] | None = None,
        rssi: int | None = None,
    ) -> None:
        """Advertise once, with new contents if given. Without discovery it is not heard."""
        if manufacturer_data is not None:
            self.manufacturer_data = dict(manufacturer_data)
        if service_data is not None:
            self.service_data = {normalize_uuid_str(k): v for k, v in service_data.items()}
        if rssi is not None:
            self.rssi = rssi
            self._weaker = 0
        if not self.in_range or self.connected or not self.adapter.hears(self.advertised):
            return
        if not self.exported:
            self.properties = self._identity() | self._advertisement()
            self.service.export(self)
            return
        fresh = self._advertisement()
        if not self.adapter.reports_duplicates:
            fresh = {name: v for name, v in fresh.items() if self.properties.get(name) != v}
        self.change(fresh)
        self._learn_name(self.name)

    def notify(self, uuid: str, data: bytes) -> bool:
        """Send a notification or indication; return False if no client has asked for it."""
        return self.characteristic(uuid).notify(data)

    def drop_link(self) -> None:
        """End the link, as after a disconnect or the supervision timeout."""
        if self._resolving is not None:
            self._resolving.cancel()
        if not self.connected:
            return
        self.change({"ServicesResolved": Variant("b", False), "Connected": Variant("b", False)})
        self._silence()
        if not self.keeps_gatt:
            self._remove_gatt()
        if self.adapter.discovering:
            asyncio.get_running_loop().call_soon(self.start_beacon)

    def leave(self) -> None:
        """Go out of range: no link, no advertisements, and a Connect waits for `come_back`."""
        self.in_range = False
        self._reachable.clear()
        self.drop_link()

    def come_back(self) -> None:
        self.in_range = True
        self._reachable.set()
        self.start_beacon()

    # bluetoothd's behaviour.

    def start_beacon(self) -> None:
        """Advertise now and then once every interval, while any client scans."""
        self.stop_beacon()
        if self.adapter.discovering and self.service.running:
            self.advertise()
            loop = asyncio.get_running_loop()
            self._beacon = loop.call_later(self.advertising_interval_s, self.start_beacon)

    def stop_beacon(self) -> None:
        if self._beacon is not None:
            self._beacon.cancel()

    def appear(self) -> None:
        """Put the device on the bus without discovery, as one that bluetoothd remembers."""
        if not self.exported:
            self.properties = self._identity() | {"Connected": Variant("b", self.connected)}
            self.service.export(self)

    def forget(self) -> None:
        """Remove the device from the bus, as BlueZ does 30 s after a scan or at RemoveDevice."""
        self._remove_gatt()
        self.service.remove(self)

    def fade(self) -> None:
        """Invalidate the RSSI, which is known during discovery only."""
        self.change({}, invalidated=["RSSI"])

    def orphan(self, *, link_stays: bool) -> None:
        """Reset the device after the death of bluetoothd."""
        self.stop_beacon()
        self._silence()
        self._attempt = self._resolving = None
        self.properties = {"Connected": Variant("b", True)} if link_stays and self.connected else {}

    def on_fault(self, _member: str, _sender: str, fault: Fault) -> None:
        if fault.flaps:
            self.change({"Connected": Variant("b", True)})
            self.change({"Connected": Variant("b", False)})

    async def _connect(self, _sender: str, _body: list[Any]) -> None:
        if self.adapter.discovering:
            self.connects_while_discovering += 1
        if not self.adapter.powered:
            refuse(NOT_READY)
        if self.connected:
            return
        if self._attempt is not None:
            refuse(IN_PROGRESS)
        self._attempt = self.service.spawn(self._reach())
        try:
            await self._attempt
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            refuse(CANCELED)
        finally:
            self._attempt = None
        self.change({"Connected": Variant("b", True)})
        self._resolving = self.service.spawn(self._resolve())

    async def _reach(self) -> None:
        if self.connect_delay_s:
            await asyncio.sleep(self.connect_delay_s)
        await self._reachable.wait()

    async def _resolve(self) -> None:
        if self.resolve_delay_s is None:
            return
        if self.resolve_delay_s:
            await asyncio.sleep(self.resolve_delay_s)
        for service, characteristics in self.gatt:
            for thing in (service, *characteristics):
                if not thing.exported:
                    self.service.export(thing)
        self.change({"ServicesResolved": Variant("b", True)})
        asyncio.get_running_loop().call_soon(self._learn_name, self.read_name)

    async def _disconnect(self, _sender: str, _body: list[Any]) -> None:
        """Disconnect; succeed even if there was no link, as BlueZ does."""
        if self._attempt is not None:
            self._attempt.cancel()
        if self.connected and self.disconnect_delay_s:
            await asyncio.sleep(self.disconnect_delay_s)
        self.drop_link()

    def _silence(self) -> None:
        for _, characteristics in self.gatt:
            for characteristic in characteristics:
                characteristic.stop_notifying()

    def _remove_gatt(self) -> None:
        for service, characteristics in self.gatt:
            for thing in (*characteristics, service):
                self.service.remove(thing)

    def _identity(self) -> dict[str, Variant]:
        return {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", "random"),
            "Alias": Variant("s", self.address.replace(":", "-")),
            "Adapter": Variant("o", self.adapter.path),
            "Paired": Variant("b", False),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
            "LegacyPairing": Variant("b", False),
            "Connected": Variant("b", False),
            "ServicesResolved": Variant("b", False),
            "UUIDs": Variant("as", list(self.advertised)),
        } | _named(self.name)

    def _learn_name(self, name: str | None) -> None:
        if name is not None and self.properties.get("Name") != Variant("s", name):
            self.change(_named(name))

    def _advertisement(self) -> dict[str, Variant]:
        """Return an advertisement, whose RSSI varies by 1 dB so that each one is reported."""
        found = {"RSSI": Variant("n", self.rssi - self._weaker)}
        self._weaker ^= 1
        if self.manufacturer_data:
            parts = {key: Variant("ay", data) for key, data in self.manufacturer_data.items()}
            found["ManufacturerData"] = Variant("a{qv}", parts)
        if self.service_data:
            known = {key: Variant("ay", data) for key, data in self.service_data.items()}
            found["ServiceData"] = Variant("a{sv}", known)
        return found


def _named(name: str | None) -> dict[str, Variant]:
    """Return the properties of a name."""
    return {} if name is None else {"Name": Variant("s", name), "Alias": Variant("s", name)}


def _gatt(device: Device, services: Services) -> list[tuple[GattService, list[Characteristic]]]:
    gatt = []
    handle = 0x000A
    for service_uuid, flags_by_uuid in services.items():
        service = GattService(device, handle, normalize_uuid_str(service_uuid))
        characteristics = []
        for uuid, flags in flags_by_uuid.items():
            handle += 1
            characteristic = Characteristic(
                device, f"{service.path}/char{handle:04x}", normalize_uuid_str(uuid), flags
            )
            characteristics.append(characteristic)
            handle += 2  # its value, its client configuration
        gatt.append((service, characteristics))
        handle += 1
    return gatt
