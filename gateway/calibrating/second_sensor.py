"""A second sensor, next to the bike that is checked: opened here, or another bike's session."""

from collections.abc import Callable
from random import Random
from typing import Protocol

from drivers import Driver, Reading
from gateway.bike.link import BikeLink
from gateway.calibrating.session import CalibrationSession
from gateway.sampling.calibration import AS_SAID, Calibration
from gateway.timing.clock import GatewayClock
from gateway.watch.session import Watch


class SecondSensor(Protocol):
    """A sensor that is shown as `name`."""

    @property
    def name(self) -> str: ...

    @property
    def calibration(self) -> Calibration:
        """The calibration that corrects its Readings."""
        ...

    @property
    def link(self) -> str:
        """The state of its link, or why it was lost."""
        ...

    async def listen(self, hear: Callable[[Reading], None]) -> None:
        """Pass each Reading to `hear`, until cancelled."""
        ...


class OwnSensor:
    """A SecondSensor that `driver` opens; it is used uncalibrated."""

    calibration = AS_SAID

    def __init__(self, name: str, driver: Driver, clock: GatewayClock) -> None:
        self.name = name
        self._heard: Callable[[Reading], None] = lambda _: None
        self._link = BikeLink(name, driver, Watch(self._hear), clock, Random(name))

    @property
    def link(self) -> str:
        return self._link.reason or self._link.state.value

    async def listen(self, hear: Callable[[Reading], None]) -> None:
        self._heard = hear
        await self._link.run()

    def _hear(self, reading: Reading) -> None:
        self._heard(reading)


class BikeSensor:
    """A SecondSensor that is another bike of the config, with its calibration."""

    def __init__(self, session: CalibrationSession) -> None:
        self.name = session.state.bike_id
        self._session = session

    @property
    def calibration(self) -> Calibration:
        return self._session.state.in_use

    @property
    def link(self) -> str:
        return self._session.link.reason or self._session.link.state.value

    async def listen(self, hear: Callable[[Reading], None]) -> None:
        async for news in self._session.news():
            if isinstance(news, Reading):
                hear(news)
