"""Switching a Bluetooth adapter off and on again, through BlueZ's own D-Bus interface."""

import asyncio

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

#: An adapter switched off stays so for this.
OFF_S = 2.0


async def power_cycle(adapter: str) -> None:
    """Off, a wait, on. Ends every connection of the adapter. Raises OSError if BlueZ refuses."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        await _set_powered(bus, adapter, False)
        await asyncio.sleep(OFF_S)
        await _set_powered(bus, adapter, True)
    finally:
        bus.disconnect()


async def _set_powered(bus: MessageBus, adapter: str, powered: bool) -> None:
    reply = await bus.call(
        Message(
            destination="org.bluez",
            path=f"/org/bluez/{adapter}",
            interface="org.freedesktop.DBus.Properties",
            member="Set",
            signature="ssv",
            body=["org.bluez.Adapter1", "Powered", Variant("b", powered)],
        )
    )
    if reply is None or reply.message_type is MessageType.ERROR:
        raise OSError(f"{adapter} cannot be switched: {reply.body if reply else 'no answer'}")
