"""FakePedaller: a bike that is made up, and somebody on it who counts and keeps to a beat."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from drivers import Driver, Reading
from drivers.registry import DriverStatus, make_driver
from gateway.calibrating.local import OwnBike
from gateway.calibrating.session import CalibrationSession
from gateway.config.schema import BikeConfig
from gateway.timing.clock import Clock
from gateway.timing.units import NS_PER_S

#: The ride outlasts whatever is measured, and began when its rider was already up to speed.
_RIDE_S = 3600
_BEGAN_BEFORE_MS = 10_000


class FakePedaller:
    """The turns of the cranks are known by the same ride on a bike that says them right."""

    def __init__(self, factor: float, fake: DriverStatus, directory: Path, clock: Clock) -> None:
        """The bike says `factor` times its cadence. `fake`: the driver. `directory`: for files."""
        self._fake = fake
        self._directory = directory
        self._clock = clock
        self._rhythm_file = directory / "rpm"
        start_ms = clock.wall_ms_at(clock.monotonic_ns()) - _BEGAN_BEFORE_MS
        self._options = {
            "wire": "ftms",
            "ride_s": _RIDE_S,
            "ride_offset_ms": start_ms % (_RIDE_S * 1000),
            "rhythm_file": self._rhythm_file,
        }
        self._bike = BikeConfig(
            id="fake-bike",
            racer_id=0,
            racer_name="Nobody",
            class_id=1,
            driver="fake",
            options={**self._options, "faults": {"cadence_factor": factor}},
        )
        self._readings: AsyncIterator[Reading] | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[CalibrationSession]:
        """With the bike. What is saved is saved among the files."""
        async with (
            OwnBike(self._bike, self._fake, self._directory, self._clock) as session,
            AsyncExitStack() as self._open,
        ):
            yield session

    def right_bike(self) -> Driver:
        """The same ride, said right."""
        return make_driver(self._fake, self._options, self._clock)

    def follow(self, rpm: float) -> None:
        self._rhythm_file.write_text(f"{rpm}", encoding="ascii")

    async def press(self, turns: int) -> None:
        """Returns `turns` turns of the cranks after it did before; at once for 0."""
        if self._readings is None:
            self._readings = await self._open.enter_async_context(self.right_bike().open_bike())
            self._last = await anext(self._readings)
        done = 0.0
        while done < turns:
            reading = await anext(self._readings)
            minutes = (reading.at_ns - self._last.at_ns) / NS_PER_S / 60
            done += (self._last.cadence_rpm or 0.0) * minutes
            self._last = reading
