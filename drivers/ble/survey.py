"""The survey of an unknown device: what it offers, and everything that it sends by itself."""

from collections.abc import Callable

from drivers.ble.connection import Connection
from drivers.contract import BikeLost, FrameListener
from drivers.survey import DeviceInventory

#: Seconds between two looks at the link while the device sends nothing.
LISTEN_S = 10.0


async def record_all(
    connection: Connection,
    name: str,
    on_device: Callable[[DeviceInventory], None],
    on_frame: FrameListener,
) -> None:
    """Pass on the inventory of the device `name`, then all that it sends. Raises BikeLost."""
    connection.on_frame = lambda frame: on_frame("", frame)
    device = await connection.inventory(name)
    on_device(device)
    reasons = []
    for one in device.characteristics:
        if not {"notify", "indicate"}.isdisjoint(one.properties):
            try:
                await connection.subscribe(one.uuid)
            except BikeLost as error:
                reasons.append(str(error))
            else:
                reasons.append("")
    if all(reasons):
        what = "; ".join(reasons) or "it has no characteristic that sends anything"
        raise BikeLost(f"the device sends nothing: {what}")
    while True:
        await connection.hear(LISTEN_S)
