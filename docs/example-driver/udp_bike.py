"""A driver for the Alleycat gateway: a bike that sends its values in UDP datagrams.

Each datagram is JSON, such as {"cadence": 82.5, "resistance": 40, "power": 150}.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from drivers import BikeLost, Clock, DriverOptions, Reading


class UdpBikeOptions(DriverOptions):
    """The `[bikes.options]` table. An unknown or wrong option stops the start."""

    port: int
    host: str = "127.0.0.1"

    @property
    def who(self) -> str:
        """The address, which identifies this bike among others of the driver."""
        return f"{self.host}:{self.port}"


class UdpBike:
    """One bike, created once by the gateway and opened again after every loss."""

    Options = UdpBikeOptions
    #: A cadence that is not repeated for this time, in seconds, no longer counts.
    stale_after_s = 3.0

    def __init__(self, options: UdpBikeOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        datagrams = _Datagrams()
        address = (self._options.host, self._options.port)
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: datagrams, local_addr=address
            )
        except OSError as error:
            raise BikeLost(f"cannot listen on {address}: {error}") from error
        try:
            yield self._readings(datagrams.queue)
        finally:
            transport.close()

    async def _readings(self, queue: asyncio.Queue[bytes]) -> AsyncIterator[Reading]:
        while True:
            try:
                async with self._clock.timeout(10):
                    data = await queue.get()
            except TimeoutError:
                raise BikeLost("no datagram arrived for 10 s") from None
            reading = decode(data, self._clock.monotonic_ns())
            if reading is not None:
                yield reading


def decode(data: bytes, at_ns: int) -> Reading | None:
    """Return the values of a datagram; missing ones are None. Return None for other bytes."""
    try:
        values = json.loads(data)
        return Reading(
            at_ns,
            cadence_rpm=values.get("cadence"),
            resistance_raw=values.get("resistance"),
            power_w=values.get("power"),
        )
    except (ValueError, AttributeError):
        return None


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.queue.full():
            self.queue.put_nowait(data)
