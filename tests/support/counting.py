"""A fake bike that sends a wrong cadence, and its rider, who counts turns at a terminal."""

import time

from drivers.fake.scenarios import Ride
from tests.support.dialogue import Dialogue

RIDE_S = 3600
#: How long the rider has ridden before the test, in ms.
RIDDEN_MS = 20_000


class CountedRide:
    """A ride that begins before the test and outlasts it."""

    def __init__(self) -> None:
        self._start_ms = _now_ms() - RIDDEN_MS

    def bike(self, factor: float) -> str:
        """Return the config's table of `bike-1`, which sends `factor` times its cadence."""
        return (
            '[[bikes]]\nid = "bike-1"\nracer_id = 1\nracer_name = "Ada"\nclass_id = 1\n'
            f'driver = "fake"\noptions = {{ wire = "ftms", ride_s = {RIDE_S}, '
            f"ride_offset_ms = {self._start_ms % (RIDE_S * 1000)}, "
            f"faults = {{ cadence_factor = {factor} }} }}\n"
        )

    def press_twice(self, dialogue: Dialogue, turns: int) -> None:
        """Press Enter, on a key that bounces, and again after `turns` turns."""
        ride = Ride(1, "steady", RIDE_S)
        dialogue.press("\r\r")
        pressed_ms = ms = _now_ms() - self._start_ms
        done = 0.0
        while done < turns:
            done += ride.state_at(ms).cadence_rpm / 60_000
            ms += 1
        dialogue.watch_for((ms - pressed_ms) / 1000)
        dialogue.press("\r")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
