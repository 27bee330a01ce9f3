"""One side of `first_reading`: connects to an FTMS bike once for each line on its input.

Prints the seconds from opening the bike to its first Reading. The bike is on a small org.bluez in
this process, is found at once, and notifies a hundred times a second: what is left is the driver's.
"""

import asyncio
import sys
import time

import pytest

from drivers.ble.driver import BleBike
from drivers.clock import MachineClock
from tests.support.bluez import Bluez, DBusDaemon, Device, bikes
from tests.support.bluez.running import open_bluez

#: Speed, cadence, power and heart rate, as a Schwinn IC4 sent them (TrackMyIndoorWorkout).
FRAME = bytes.fromhex("44025e0bf0007a0054")
NOTIFY_EVERY_S = 0.01


async def main() -> None:
    daemon = DBusDaemon()
    daemon.start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with open_bluez(daemon, monkeypatch) as bluez:
            await _serve(bluez)


async def _serve(bluez: Bluez) -> None:
    device = bikes.ftms_bike(bluez)
    riding = asyncio.create_task(_ride(device))
    while await asyncio.to_thread(sys.stdin.readline):
        print(await _connect(device), flush=True)
    riding.cancel()


async def _ride(device: Device) -> None:
    while True:
        device.notify(bikes.INDOOR_BIKE_DATA, FRAME)
        await asyncio.sleep(NOTIFY_EVERY_S)


async def _connect(device: Device) -> float:
    """Return the seconds to the first Reading."""
    options = BleBike.Options.model_validate({"address": device.address})
    bike = BleBike(options, MachineClock())
    began_s = time.perf_counter()
    async with bike.open_bike() as readings:
        await anext(readings)
        return time.perf_counter() - began_s


if __name__ == "__main__":
    asyncio.run(main())
