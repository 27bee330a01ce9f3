"""FakeRig: a home-made bike that is made up, and somebody who turns its knob as they are told."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from drivers.registry import DriverStatus
from gateway.calibrating.guide import Target
from gateway.calibrating.local import OwnBike
from gateway.config.schema import BikeConfig
from gateway.timing.clock import Clock
from gateway.timing.units import NS_PER_S

#: Nobody turns before they have read where to.
REACTION_NS = NS_PER_S
#: Where the knob is found.
FIRST_PERCENT = 40.0

#: As real ones are: S-shaped, the wrong way round, noisy, lagging, with glitches and drop-outs.
AWKWARD: Mapping[str, object] = {
    "pot": {"curve": "s_shaped", "reversed": True, "noise_counts": 2.0, "hysteresis_counts": 6.0},
    "faults": {"resistance_glitch_per_min": 4, "missing_per_min": 2},
}


class FakeRig:
    """`session` is with the bike; `turn_to` tells its rider."""

    def __init__(
        self,
        bike_id: str,
        fake: DriverStatus,
        directory: Path,
        clock: Clock,
        options: Mapping[str, object] = AWKWARD,
    ) -> None:
        """`fake`: the driver. `directory`: for files; what is saved is saved there.

        `options`: of the bike, beside its wire and its knob.
        """
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
        self.session = OwnBike(bike, fake, directory, clock)

    def turn_to(self, target: Target) -> None:
        """In a moment."""
        if self._turning is not None:
            self._turning.cancel()
        self._turning = asyncio.create_task(self._turn(target.percent))

    async def _turn(self, percent: float) -> None:
        await self._clock.sleep_until(self._clock.monotonic_ns() + REACTION_NS)
        self._write(percent)

    def _write(self, percent: float) -> None:
        self._knob_file.write_text(f"{percent:g}", encoding="ascii")
