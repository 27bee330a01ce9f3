"""A bike that sends frames of its own accord, and a ride on it with the real driver."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from itertools import cycle

from drivers.ble.driver import BleBike
from drivers.clock import MachineClock
from tests.support.bluez.device import Device

#: How long a ride may take until all values were heard, in seconds.
RIDE_S = 20.0


@asynccontextmanager
async def sending(
    device: Device, frames: Iterable[tuple[str, bytes]], every_s: float = 0.05
) -> AsyncIterator[None]:
    """Notify `frames`, each with its characteristic, again and again."""

    async def send() -> None:
        for uuid, frame in cycle(frames):
            device.notify(uuid, frame)
            await asyncio.sleep(every_s)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ride(device: Device, *names: str) -> tuple[dict[str, float], str]:
    """Open the bike by its address; return the first value of each field, and their protocol."""
    bike = BleBike(BleBike.Options(address=device.address), MachineClock())
    values: dict[str, float] = {}
    async with asyncio.timeout(RIDE_S), bike.open_bike() as readings:
        while not values.keys() >= set(names):
            reading = await anext(readings)
            heard = {name: getattr(reading, name) for name in names}
            values = {name: one for name, one in heard.items() if one is not None} | values
        return values, reading.source
