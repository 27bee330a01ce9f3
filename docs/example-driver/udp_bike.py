"""A driver for the Alleycat gateway: a bike that sends its values in UDP datagrams.

Each datagram is JSON, such as {"cadence": 82.5, "resistance": 40, "power": 150}.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

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
        datagrams = _Datagrams(self._clock)
        address = (self._options.host, self._options.port)
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: datagrams, local_addr=address
            )
        except OSError as error:
            raise BikeLost(f"cannot listen on {address}: {error}") from error
        try:
            async with aclosing(self._readings(datagrams)) as readings:
                yield readings
        finally:
            transport.close()
            # The port is free only when the loop has closed the socket.
            await datagrams.closed.wait()

    async def _readings(self, datagrams: "_Datagrams") -> AsyncGenerator[Reading, None]:
        while True:
            try:
                # A datagram that is not understood does not extend the time.
                async with self._clock.timeout(10):
                    reading = await datagrams.next_reading()
            except TimeoutError:
                raise BikeLost(
                    f"no reading for 10 s; the last datagram: {datagrams.last[:40]!r}; expected "
                    'JSON such as {"cadence": 82.5}'
                ) from None
            yield reading


def decode(data: bytes, at_ns: int) -> Reading | None:
    """Return the values of a datagram; missing ones are None. Return None for other bytes."""
    try:
        values = json.loads(data)
    # Any bytes may arrive, also a thousand opening brackets.
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    reading = Reading(
        at_ns,
        cadence_rpm=_number(values.get("cadence")),
        resistance_raw=_number(values.get("resistance")),
        power_w=_number(values.get("power")),
    )
    return None if reading == Reading(at_ns) else reading


def _number(value: object) -> float | None:
    """Return a plausible number; None for text, true and NaN, which Python's JSON may contain."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if -10_000 <= value <= 10_000 else None


class _Datagrams(asyncio.DatagramProtocol):
    """The datagrams that have arrived, with their times."""

    def __init__(self, clock: Clock) -> None:
        self.last = b""
        self.closed = asyncio.Event()
        self._clock = clock
        self._queue: asyncio.Queue[tuple[bytes, int]] = asyncio.Queue(64)

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._queue.full():
            self._queue.put_nowait((data, self._clock.monotonic_ns()))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    async def next_reading(self) -> Reading:
        """Wait for a datagram that can be decoded."""
        while True:
            self.last, at_ns = await self._queue.get()
            reading = decode(self.last, at_ns)
            if reading is not None:
                return reading
