"""The one ride that a seed and a scenario make, state by state."""

from array import array

from drivers.fake.rhythm import Rhythm
from drivers.fake.rider import STEP_S, BikeState, Profile, Target, simulate
from drivers.fake.scenarios import Scenario, switched_off_from_s, target_at

_STEP_MS = round(STEP_S * 1000)
_FIELDS = len(BikeState._fields)


class Ride:
    """Simulated as far as it has been asked for, and remembered: the next ride is the same.

    Joining late costs the simulation of what was missed, some 20 ms for five minutes. With a
    `rhythm` it is made of what that says as each instant is first asked for.
    """

    def __init__(
        self, seed: int, scenario: Scenario, ride_s: int, rhythm: Rhythm | None = None
    ) -> None:
        profile = Profile.from_seed(seed)
        self._off_from_s = switched_off_from_s(scenario, ride_s)
        wanted_at = target_at(scenario, ride_s, profile)

        def kept_at(second: float) -> Target:
            return wanted_at(second) if rhythm is None else rhythm.kept(wanted_at(second))

        self._steps = simulate(profile, kept_at, seed)
        # Flat, because a hundred bikes of an hour each must not cost a gigabyte.
        self._states = array("d")

    def state_at(self, ms: int) -> BikeState:
        """What the bike knows so many milliseconds into the ride."""
        start = ms // _STEP_MS * _FIELDS
        while len(self._states) <= start:
            self._states.extend(next(self._steps))
        return BikeState(*self._states[start : start + _FIELDS])

    def is_switched_off(self, ms: int) -> bool:
        return self._off_from_s is not None and ms >= self._off_from_s * 1000
