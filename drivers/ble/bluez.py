"""D-Bus calls to BlueZ that bleak does not offer: adapters, and links left by other processes."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from drivers.clock import sleep_for
from drivers.contract import Clock

#: Timeout of one D-Bus call, in seconds. BlueZ answers at once or, when it hangs, never.
ANSWER_S = 5.0
#: How long an adapter stays off in a power cycle, in seconds, and how many attempts are made to
#: switch it on again.
OFF_S = 2.0
ON_TRIES = 5

_ADAPTER = "org.bluez.Adapter1"
_DEVICE = "org.bluez.Device1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_DBUS = "org.freedesktop.DBus"


@dataclass(frozen=True, slots=True)
class BluetoothLink:
    """A connected device: its D-Bus path, its address and its name."""

    path: str
    address: str
    name: str


def first_that_is_on(adapters: Mapping[str, bool]) -> str:
    """Return the first adapter that is on, else the first; `adapters` as from `BlueZ.adapters`."""
    return min(adapters, key=lambda name: (not adapters[name], len(name), name))


class BlueZ:
    """The Bluetooth daemon, reached over the system bus."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def adapters(self) -> dict[str, bool]:
        """Return every adapter and whether it is on. Raises OSError."""
        async with self._bus() as bus:
            return {
                path.rpartition("/")[2]: interfaces[_ADAPTER]["Powered"].value
                for path, interfaces in (await self._objects(bus)).items()
                if _ADAPTER in interfaces
            }

    async def has_owner(self, name: str) -> bool:
        """Return whether `name` has an owner on the system bus. Raises OSError."""
        async with self._bus() as bus:
            (is_there,) = await self._call(
                bus, "/org/freedesktop/DBus", _DBUS, "NameHasOwner", "s", name, destination=_DBUS
            )
        return bool(is_there)

    async def links(self) -> list[BluetoothLink]:
        """Return all connected devices, including those of other programs. Raises OSError."""
        async with self._bus() as bus:
            objects = await self._objects(bus)
        found = []
        for path, interfaces in objects.items():
            device = {name: one.value for name, one in interfaces.get(_DEVICE, {}).items()}
            if device.get("Connected"):
                found.append(BluetoothLink(path, device["Address"].upper(), device.get("Name", "")))
        return found

    async def disconnect(self, path: str) -> None:
        """End a device's link. Raises OSError."""
        async with self._bus() as bus:
            await self._call(bus, path, _DEVICE, "Disconnect")

    async def forget(self, path: str) -> None:
        """Remove everything that BlueZ remembers about a device. Raises OSError."""
        async with self._bus() as bus:
            await self._call(bus, path.rpartition("/")[0], _ADAPTER, "RemoveDevice", "o", path)

    async def power_cycle(self, adapter: str) -> None:
        """Switch the adapter off and on, which ends its connections. Raises OSError if refused.

        The cycle runs to completion even if the caller is cancelled; otherwise the adapter would
        stay off.
        """
        await to_its_end(self._off_and_on(adapter))

    async def _off_and_on(self, adapter: str) -> None:
        async with self._bus() as bus:
            await self._set_powered(bus, adapter, False)
        for tries_left in reversed(range(ON_TRIES)):
            await sleep_for(self._clock, OFF_S)
            try:
                async with self._bus() as bus:
                    await self._set_powered(bus, adapter, True)
            except OSError:
                if not tries_left:
                    raise
            else:
                return

    async def _set_powered(self, bus: MessageBus, adapter: str, powered: bool) -> None:
        path = f"/org/bluez/{adapter}"
        await self._call(
            bus, path, _PROPERTIES, "Set", "ssv", _ADAPTER, "Powered", Variant("b", powered)
        )

    async def _objects(self, bus: MessageBus) -> dict[str, dict[str, dict[str, Variant]]]:
        """Return every object of BlueZ: path → interface → properties."""
        manager = "org.freedesktop.DBus.ObjectManager"
        objects: dict[str, dict[str, dict[str, Variant]]] = (
            await self._call(bus, "/", manager, "GetManagedObjects")
        )[0]
        return objects

    @asynccontextmanager
    async def _bus(self) -> AsyncIterator[MessageBus]:
        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            async with self._clock.timeout(ANSWER_S):
                await bus.connect()
            yield bus
        except TimeoutError as error:
            raise OSError("BlueZ does not answer") from error
        finally:
            bus.disconnect()

    async def _call(
        self,
        bus: MessageBus,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: Any,
        destination: str = "org.bluez",
    ) -> list[Any]:
        message = Message(
            destination, path, interface, member, signature=signature, body=list(body)
        )
        async with self._clock.timeout(ANSWER_S):
            reply = await bus.call(message)
        if reply is None or reply.message_type is MessageType.ERROR:
            reason = reply.error_name if reply else "no answer"
            raise OSError(f"the D-Bus call {member} of {path} failed: {reason}")
        return reply.body


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` to completion even if the caller is cancelled; re-raise that afterwards."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
