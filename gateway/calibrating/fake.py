"""Simulated bikes for `--fake-bike`: one with a rider who turns the knob, one who pedals."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from drivers import Driver, Reading
from drivers.magnetic_brake import resistance_percent
from drivers.registry import DriverStatus, make_driver
from gateway.calibrating.local import LocalSession
from gateway.calibrating.measuring.guide import Target
from gateway.calibrating.prompt import Question
from gateway.calibrating.session import CalibrationSession
from gateway.config.schema import BikeConfig
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: How long the rider takes to react to an instruction, in nanoseconds.
REACTION_NS = NS_PER_S
#: The position of the knob when the session begins, in percent.
FIRST_PERCENT = 40.0

#: Faults of real bikes: an S-shaped curve, reversed, noisy, lagging, with glitches and drop-outs.
AWKWARD: Mapping[str, object] = {
    "pot": {"curve": "s_shaped", "reversed": True, "noise_counts": 2.0, "hysteresis_counts": 6.0},
    "faults": {"resistance_glitch_per_min": 4, "missing_per_min": 2},
}


class FakeRig:
    """A fake bike whose rider turns the knob: `session` calibrates it, `turn_to` turns the knob.

    `fake` is the driver. The session saves its files in `directory`. `options` are added to those
    of the fake bike that set its wire and its knob.
    """

    def __init__(
        self,
        bike_id: str,
        fake: DriverStatus,
        directory: Path,
        clock: GatewayClock,
        options: Mapping[str, object] = AWKWARD,
    ) -> None:
        self._clock = clock
        self._turning: asyncio.Task[None] | None = None
        self._knob_file = directory / "knob"
        self._write(FIRST_PERCENT)
        bike = BikeConfig(
            id=bike_id,
            racer_id=0,
            racer_name="Nobody",
            class_id=1,
            driver="fake",
            options={"wire": "lines", "knob_file": self._knob_file, **options},
        )
        self.session = LocalSession(bike, fake, directory, clock)

    def turn_to(self, target: Target) -> None:
        """Turn the knob to `target` after REACTION_NS."""
        if self._turning is not None:
            self._turning.cancel()
        self._turning = asyncio.create_task(self._turn(target.percent))

    async def _turn(self, percent: float) -> None:
        await self._clock.sleep_until(self._clock.monotonic_ns() + REACTION_NS)
        self._write(percent)

    def _write(self, percent: float) -> None:
        self._knob_file.write_text(f"{percent:g}", encoding="ascii")


#: The ride lasts longer than any measurement, in seconds, and began this long before the session,
#: in milliseconds, so that the rider is already up to speed.
_RIDE_S = 3600
_BEGAN_BEFORE_MS = 10_000


class FakePedaller:
    """A fake bike whose rider pedals, and which reports `factor` times the true cadence.

    The turns of the cranks are counted with the same ride on a bike that reports it correctly.
    `fake` is the driver; `directory` is for files.
    """

    #: The fault that multiplies a value by the factor.
    fault = "cadence_factor"

    def __init__(
        self,
        bike_id: str,
        factor: float,
        fake: DriverStatus,
        directory: Path,
        clock: GatewayClock,
    ) -> None:
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
            **self._knob_options(),
        }
        self._bike = BikeConfig(
            id=bike_id,
            racer_id=0,
            racer_name="Nobody",
            class_id=1,
            driver="fake",
            options={**self._options, "faults": {self.fault: factor}},
        )
        self._readings: AsyncIterator[Reading] | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[CalibrationSession]:
        """Yield a session with the bike. It saves its files in the directory."""
        async with (
            LocalSession(self._bike, self._fake, self._directory, self._clock) as session,
            AsyncExitStack() as self._open,
        ):
            yield session

    def right_bike(self) -> Driver:
        """Return a driver for the same ride with its true cadence."""
        return make_driver(self._fake, self._options, self._clock)

    def _knob_options(self) -> dict[str, object]:
        """Return the options of the fake bike's knob: its rider turns it."""
        return {}

    def follow(self, rpm: float) -> None:
        self._rhythm_file.write_text(f"{rpm}", encoding="ascii")

    async def press(self, turns: int) -> None:
        """Wait for `turns` turns of the cranks since the last call; 0 does not wait."""
        if self._readings is None:
            self._readings = await self._open.enter_async_context(self.right_bike().open_bike())
            self._last = await anext(self._readings)
        done = 0.0
        while done < turns:
            reading = await anext(self._readings)
            minutes = (reading.at_ns - self._last.at_ns) / NS_PER_S / 60
            done += (self._last.cadence_rpm or 0.0) * minutes
            self._last = reading


#: The cadence in rpm at which a fake rider holds a power, and the seconds for which the knob is
#: turned to reach it.
_HOLDING_RPM = 80.0
_SETTLING_S = 15


class FakePowerRider(FakePedaller):
    """A fake bike whose rider holds a power, and which reports `factor` times the true one.

    It answers the question whether the power is steady.
    """

    fault = "power_factor"

    def hold(self, watts: float) -> None:
        """Ride at a power, which takes some seconds to reach."""
        self.follow(_HOLDING_RPM)
        percent = resistance_percent(watts, _HOLDING_RPM)
        self._knob_file.write_text(f"{min(percent, 100.0):.3f}", encoding="ascii")

    async def next(self, question: Question) -> str:
        """Answer with the only word of the question once the power is steady."""
        settled_ns = self._clock.monotonic_ns() + _SETTLING_S * NS_PER_S
        await self._clock.sleep_until(settled_ns)
        return next(iter(question.words.values()))

    def _knob_options(self) -> dict[str, object]:
        return {"knob_file": self._knob_file}

    @property
    def _knob_file(self) -> Path:
        return self._directory / "knob"
