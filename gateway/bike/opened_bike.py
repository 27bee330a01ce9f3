"""OpenedBike: one connection to a bike, on which the driver is held to its promises."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from drivers import BikeLost, Reading
from drivers.promises import reading_fault
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: A driver raises BikeLost after about 10 s without a Reading. One that does not would leave the
#: race with a motionless rider; after this time, in seconds, its bike counts as lost all the same.
SILENCE_MAX_S = 30.0
#: How long a driver may take to release its bike after a loss, in seconds.
CLOSING_MAX_S = 10.0


def driver_name(driver: object) -> str:
    """Return the driver's class as entry points write it, such as "udp_bike:UdpBike"."""
    return f"{type(driver).__module__}:{type(driver).__qualname__}"


class OpenedBike:
    """A bike while it is open, as a context and an iterator of valid Readings.

    `open_bike` is the method of the driver, whose name is `driver`. A broken promise raises
    BikeLost, with a text for the driver's author; what the driver raises itself passes unchanged.
    """

    def __init__(
        self,
        driver: str,
        open_bike: Callable[[], AbstractAsyncContextManager[AsyncIterator[Reading]]],
        clock: GatewayClock,
    ) -> None:
        self._driver = driver
        self._open_bike = open_bike
        self._clock = clock
        #: The instant of the last Reading, and when it came; at first, those of the opening.
        self._last_ns = self._heard_ns = 0
        self._is_silent = False

    async def __aenter__(self) -> Self:
        listening = asyncio.current_task()
        assert listening is not None
        self._listening = listening
        self._last_ns = self._clock.monotonic_ns()
        self._bike = self._open_bike()
        if not isinstance(self._bike, AbstractAsyncContextManager):
            raise self._broken(
                f"open_bike returned {_kind(self._bike)}; expected an asynchronous context "
                "manager: is @asynccontextmanager missing?"
            )
        self._readings = await self._bike.__aenter__()
        if not isinstance(self._readings, AsyncIterator):
            found = _kind(self._readings)
            error = self._broken(f"open_bike yielded {found}; expected an async iterator")
            await self._release(type(error), error, None)
            raise error
        self._heard_ns = self._clock.monotonic_ns()
        self._watching = asyncio.create_task(self._end_silence())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watching.cancel()
        await self._release(kind, error, traceback)

    async def _release(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        closing_ns = self._clock.monotonic_ns()
        try:
            async with self._clock.timeout(CLOSING_MAX_S):
                await self._bike.__aexit__(kind, error, traceback)
        except TimeoutError:
            if self._clock.monotonic_ns() - closing_ns < CLOSING_MAX_S * NS_PER_S:
                raise  # a time-out of the driver itself
            raise self._broken(
                f"the bike was not released within {CLOSING_MAX_S:.0f} s; "
                "expected open_bike to finish soon after the gateway leaves its context"
            ) from error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reading:
        try:
            reading = await anext(self._readings)
        except asyncio.CancelledError:
            self._expect_no_silence()
            raise
        self._expect_no_silence()
        if self._listening.cancelling():
            # The driver has caught the CancelledError that was meant to end this connection.
            raise asyncio.CancelledError
        self._heard_ns = self._clock.monotonic_ns()
        fault = reading_fault(reading, self._last_ns, self._heard_ns)
        if fault:
            raise self._broken(fault)
        self._last_ns = reading.at_ns
        return reading

    async def _end_silence(self) -> None:
        """Cancel the listening task once no Reading has come for SILENCE_MAX_S.

        A time-out around each Reading would cost more than the Reading itself.
        """
        silence_ns = round(SILENCE_MAX_S * NS_PER_S)
        while self._clock.monotonic_ns() - self._heard_ns < silence_ns:
            await self._clock.sleep_until(self._heard_ns + silence_ns)
        self._is_silent = True
        self._listening.cancel()

    def _expect_no_silence(self) -> None:
        if self._is_silent:
            self._listening.uncancel()
            raise self._broken(
                f"no Reading for {SILENCE_MAX_S:.0f} s; expected BikeLost after about 10 s "
                "without a message that the driver understood"
            )

    def _broken(self, what: str) -> BikeLost:
        return BikeLost(f"{self._driver}: {what}")


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"
