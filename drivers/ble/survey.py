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
    on_note: Callable[[str], None],
) -> None:
    """Pass on the inventory of the device `name`, then all that it sends. Raises BikeLost.

    Each characteristic that cannot be subscribed to is noted.
    """
    connection.on_frame = lambda frame: on_frame("", frame)
    on_device(await connection.inventory(name))
    tried = await connection.subscribe_to_all()
    failed = [reason for reason in tried.values() if reason]
    for reason in failed:
        on_note(reason)
    if len(failed) == len(tried):
        what = "; ".join(failed) or "it has no characteristic that sends anything"
        raise BikeLost(f"the device sends nothing: {what}")
    while True:
        await connection.hear(LISTEN_S)
