"""Named scripts of a ride: each gives a RiderTarget for every second.

A script is called with the second of the ride, the ride's length in seconds and the RiderProfile.
"""

from array import array
from collections.abc import Callable, Mapping
from typing import Literal

from drivers.fake.inputs import Rhythm
from drivers.fake.rider import STEP_S, BikeState, RiderProfile, RiderTarget, simulate

Scenario = Literal[
    "steady",
    "warmup_intervals_cooldown",
    "sprint",
    "climb",
    "stop_and_go",
    "idle",
    "walkaway",
]

Script = Callable[[float, int, RiderProfile], RiderTarget]

_STEP_MS = round(STEP_S * 1000)
_FIELDS = len(BikeState._fields)

_SPRINT_RPM = 120.0

#: The fraction of the ride after which the rider gets off.
_GETS_OFF_AT = 0.6
#: The time after which the bike then switches itself off.
_SWITCHES_OFF_AFTER_S = 15.0


def target_at(
    scenario: Scenario, ride_s: int, profile: RiderProfile
) -> Callable[[float], RiderTarget]:
    """Return the scenario for this rider, as a function from second of the ride to RiderTarget."""
    script = _SCRIPTS[scenario]
    return lambda second: script(second, ride_s, profile)


def switched_off_from_s(scenario: Scenario, ride_s: int) -> float | None:
    """Return the second from which the bike is off and sends nothing; None if it stays on."""
    if scenario != "walkaway":
        return None
    return ride_s * _GETS_OFF_AT + _SWITCHES_OFF_AFTER_S


def _steady(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    return _eased(profile)


def _warmup_intervals_cooldown(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    """Ride easy for a fifth, then hard and easy in turn for 30 s each, the last fifth easy."""
    done = second / ride_s
    if done < 0.2:
        return _eased(profile, cadence=0.85, resistance=-12)
    if done >= 0.8:
        return _eased(profile, cadence=0.75, resistance=-15)
    if (second - 0.2 * ride_s) % 60 < 30:
        return _eased(profile, cadence=1.1, resistance=+8)
    return _eased(profile, cadence=0.85, resistance=-8)


def _sprint(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    """Sprint at 120 rpm for ten seconds of every minute."""
    if 45 <= second % 60 < 55:
        return RiderTarget(_SPRINT_RPM, profile.resistance_percent)
    return _eased(profile)


def _climb(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    """Raise the resistance by 2 % every 20 s, from 10 % below the rider's own to 20 % above it."""
    return _eased(profile, resistance=min(20, -10 + 2 * (second // 20)))


def _stop_and_go(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    """Pedal for 40 s of every minute, then coast to a stop and wait."""
    return _eased(profile, cadence=1 if second % 60 < 40 else 0)


def _idle(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    return _eased(profile, cadence=0)


def _walkaway(second: float, ride_s: int, profile: RiderProfile) -> RiderTarget:
    return _eased(profile, cadence=1 if second < ride_s * _GETS_OFF_AT else 0)


def _eased(profile: RiderProfile, cadence: float = 1.0, resistance: float = 0.0) -> RiderTarget:
    """Change the rider's own cadence by a factor and resistance by a number of percent points."""
    return RiderTarget(profile.cadence_rpm * cadence, profile.resistance_percent + resistance)


_SCRIPTS: Mapping[Scenario, Script] = {
    "steady": _steady,
    "warmup_intervals_cooldown": _warmup_intervals_cooldown,
    "sprint": _sprint,
    "climb": _climb,
    "stop_and_go": _stop_and_go,
    "idle": _idle,
    "walkaway": _walkaway,
}


class Ride:
    """The ride of a seed and a scenario, state by state.

    It is simulated up to the latest state requested so far, and kept, because every ride is the
    same. The first request late in a ride takes the time to simulate the states before it, about
    20 ms for five minutes. A `rhythm` is read when each state is simulated.
    """

    def __init__(
        self, seed: int, scenario: Scenario, ride_s: int, rhythm: Rhythm | None = None
    ) -> None:
        profile = RiderProfile.from_seed(seed)
        self._off_from_s = switched_off_from_s(scenario, ride_s)
        wanted_at = target_at(scenario, ride_s, profile)

        def kept_at(second: float) -> RiderTarget:
            return wanted_at(second) if rhythm is None else rhythm.kept(wanted_at(second))

        self._steps = simulate(profile, kept_at, seed)
        # A flat array, because a hundred bikes with rides of an hour must not take a gigabyte.
        self._states = array("d")

    def state_at(self, ms: int) -> BikeState:
        """Return the bike's state at `ms` milliseconds into the ride."""
        start = ms // _STEP_MS * _FIELDS
        while len(self._states) <= start:
            self._states.extend(next(self._steps))
        return BikeState(*self._states[start : start + _FIELDS])

    def is_switched_off(self, ms: int) -> bool:
        return self._off_from_s is not None and ms >= self._off_from_s * 1000
