"""A small org.bluez on a private bus, for the real bleak; see `Bluez`."""

from collections.abc import Iterable, Mapping

from tests.support.bluez.adapter import Adapter
from tests.support.bluez.daemon import BusStats, DBusDaemon, open_fds
from tests.support.bluez.device import Device, Services
from tests.support.bluez.service import (
    ABORT_BY_LOCAL,
    ATT_ERROR,
    FAILED,
    HANG,
    IN_PROGRESS,
    NOT_READY,
    Call,
    Fault,
    Service,
)

__all__ = [
    "ABORT_BY_LOCAL",
    "ATT_ERROR",
    "FAILED",
    "HANG",
    "IN_PROGRESS",
    "NOT_READY",
    "Adapter",
    "Bluez",
    "BusStats",
    "Call",
    "DBusDaemon",
    "Device",
    "Fault",
    "open_fds",
]


class Bluez(Service):
    """A bluetoothd and everything that its radios can hear. `hci0` exists from the beginning."""

    def __init__(self, daemon: DBusDaemon) -> None:
        super().__init__(daemon)
        self.adapters: list[Adapter] = []
        self.hci0 = self.add_adapter()

    @property
    def connects_while_discovering(self) -> int:
        """Connects during a scan, which slow BlueZ down: a good client ends its scan first."""
        return sum(device.connects_while_discovering for device in self._devices())

    def add_adapter(self) -> Adapter:
        number = len(self.adapters)
        adapter = Adapter(self, f"hci{number}", f"00:1A:7D:DA:71:{number:02X}")
        self.adapters.append(adapter)
        if self.running:
            self.export(adapter)
        return adapter

    def add_device(
        self,
        *,
        name: str | None = None,
        services: Services | None = None,
        advertised: Iterable[str] | None = None,
        service_data: Mapping[str, bytes] | None = None,
        manufacturer_data: Mapping[int, bytes] | None = None,
        rssi: int = -60,
        adapter: Adapter | None = None,
    ) -> Device:
        """Switch on a peripheral near the adapter; by default it advertises all its services."""
        services = services or {}
        device = Device(
            adapter or self.hci0,
            f"C0:FF:EE:00:00:{sum(1 for _ in self._devices()) + 1:02X}",
            name=name,
            services=services,
            advertised=tuple(services if advertised is None else advertised),
            service_data=service_data or {},
            manufacturer_data=manufacturer_data or {},
            rssi=rssi,
        )
        device.start_beacon()
        return device

    async def start(self) -> None:
        await super().start()
        for adapter in self.adapters:
            self.export(adapter)
        await self.settle()

    async def kill(self, *, links_stay: bool = False) -> None:
        """Kill bluetoothd: its name becomes free, without any other signal.

        The kernel ends the links soon after; with `links_stay`, they are still up when the next
        bluetoothd starts.
        """
        await self.stop()
        for device in self._devices():
            device.orphan(link_stays=links_stay)

    async def restart(self, *, remembers: Iterable[Device] = ()) -> None:
        """Start a new bluetoothd, which shows only devices that are still linked or remembered."""
        for adapter in self.adapters:
            adapter.reset()
        known = list(remembers)
        await self.start()
        for device in self._devices():
            if device in known or device.connected:
                device.appear()
        await self.settle()

    def _devices(self) -> list[Device]:
        return [device for adapter in self.adapters for device in adapter.devices]
