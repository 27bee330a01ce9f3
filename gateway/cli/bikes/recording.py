"""The recording of one bike into a capture, while people are shown what happens."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import typer

from drivers import FrameSource, WaitingDriver
from drivers.captures.recorder import FrameRecorder
from drivers.contract import BikeLost
from drivers.survey import BikeNotUnderstood, Surveyor
from gateway.bike.bikes import cancel
from gateway.bike.opened_bike import OpenedBike, driver_name
from gateway.cli.bikes.guided_ride import GuidedRide
from gateway.terminal.printable import one_line
from gateway.watch.background import report_background_errors

if TYPE_CHECKING:
    from drivers.survey import DeviceInventory
    from gateway.timing.clock import GatewayClock

#: Time between two progress lines, in seconds.
EVERY_S = 1.0


class Recording:
    """The recording of one bike, for `seconds` or until it is lost.

    Its methods raise what the driver raises.
    """

    def __init__(
        self,
        driver: FrameSource,
        recorder: FrameRecorder,
        clock: "GatewayClock",
        seconds: float | None,
    ) -> None:
        self._driver = driver
        self.recorder = recorder
        self._clock = clock
        self._seconds = seconds
        self.driver_name = driver_name(driver)
        self.ride = GuidedRide(clock, recorder)
        #: Whether the protocol of the recorded device is unknown.
        self.is_survey = False

    async def limited(self, record: Callable[[], Awaitable[None]]) -> None:
        """Run `record`, which is one of the methods below, until its time is over."""
        report_background_errors(self.driver_name, partial(typer.echo, err=True))
        reporting = asyncio.create_task(self._report())
        try:
            async with asyncio.timeout(self._seconds) as limit:
                await record()
        except TimeoutError:
            if not limit.expired():
                raise  # a time-out of the driver itself
        finally:
            reporting.cancel()

    async def of_any_bike(self) -> None:
        """Record a bike, in full if the gateway does not understand it."""
        try:
            await self.of_known_bike()
        except BikeNotUnderstood as error:
            if not isinstance(self._driver, Surveyor):
                raise
            typer.echo(
                f"{one_line(str(error))}\nrecording everything that it offers and sends …", err=True
            )
            await self.of_unknown_device()

    async def of_known_bike(self) -> None:
        """Record the frames of a bike until it is lost."""
        opening = partial(self._driver.open_bike, self.recorder.record)
        async with OpenedBike(self.driver_name, opening, self._clock) as readings:
            async for _ in readings:
                pass

    async def of_unknown_device(self) -> None:
        """Record everything a device sends until it is lost, or until the guided ride is over."""
        if not isinstance(self._driver, Surveyor):
            raise BikeLost(
                f"{self.driver_name} cannot record a device of an unknown protocol; "
                "expected the address of a Bluetooth device"
            )
        self.is_survey = True
        connected = asyncio.Event()
        surveying = asyncio.create_task(
            self._driver.survey(partial(self._begin, connected), self.recorder.record, self._note)
        )
        riding = asyncio.create_task(self._ride(connected))
        try:
            await asyncio.wait((surveying, riding), return_when=asyncio.FIRST_COMPLETED)
            if surveying.done():
                surveying.result()
        finally:
            await cancel([surveying, riding])

    def _begin(self, connected: asyncio.Event, device: "DeviceInventory") -> None:
        self.recorder.record_device(device, self._clock.monotonic_ns())
        connected.set()

    def _note(self, text: str) -> None:
        typer.echo(text, err=True)
        self.recorder.record_note(text, self._clock.monotonic_ns())

    async def _ride(self, connected: asyncio.Event) -> None:
        """Run the guided ride; if there is a time limit, go on recording after the ride."""
        await connected.wait()
        await self.ride.run()
        if self._seconds is not None:
            await asyncio.sleep(self._seconds)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            waits = self._driver.waits_because if isinstance(self._driver, WaitingDriver) else ""
            typer.echo(waits or self.ride.line or self.recorder.progress, err=True)
