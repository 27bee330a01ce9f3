"""A bike that follows a script second by second, for tests of what becomes of each second."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

from drivers import BikeAbsent, DriverOptions, Reading
from drivers.contract import Clock, DriverType
from drivers.registry import DriverStatus, load_drivers

NS_PER_S = 1_000_000_000
#: In a script, a second without a cadence.
KNOB_ONLY = -1.0


class ScriptedBike:
    """A bike that reports twice a second; in the script, one number is one second of cadence.

    The script begins at `start_ns` on the monotonic clock. None stands for a bike that is switched
    off, as it is after the script, and KNOB_ONLY for one that does not report its cadence. It is
    found again as soon as it is on.
    """

    stale_after_s = 3.0

    class Options(DriverOptions):
        start_ns: int
        cadence_rpm: list[float | None]
        resistance_percent: float = 40.0
        power_w: float | None = None

    def __init__(self, options: DriverOptions, clock: Clock) -> None:
        self._options = cast(ScriptedBike.Options, options)
        self._clock = clock

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        if self._cadence_now() is None:
            await self._clock.sleep_until(self._clock.monotonic_ns() + NS_PER_S // 10)
            raise BikeAbsent("it is switched off")
        yield self._readings()

    async def _readings(self) -> AsyncIterator[Reading]:
        while (cadence_rpm := self._cadence_now()) is not None:
            yield Reading(
                self._clock.monotonic_ns(),
                cadence_rpm=None if cadence_rpm == KNOB_ONLY else cadence_rpm,
                resistance_percent=self._options.resistance_percent,
                power_w=self._options.power_w,
            )
            await self._clock.sleep_until(self._clock.monotonic_ns() + NS_PER_S // 2)
            await asyncio.sleep(0)

    def _cadence_now(self) -> float | None:
        second = (self._clock.monotonic_ns() - self._options.start_ns) // NS_PER_S
        script = self._options.cadence_rpm
        return script[second] if 0 <= second < len(script) else None


def scripted_drivers() -> Mapping[str, DriverStatus]:
    """Return all drivers and `scripted`."""
    status = DriverStatus("scripted", driver=cast(DriverType, ScriptedBike))
    return {**load_drivers(), "scripted": status}
