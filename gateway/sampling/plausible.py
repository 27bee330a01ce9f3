"""Plausible values: the limits of what a rider and a bike can do; all else is refused. Pure.

Bikes send an absurd frame now and then: a Flywheel 16,499 W between 166 W and 0
(ptx2/gymnasticon #30), a smart trainer 995 rpm (Berg0162/simcline #7). One of them would decide a
race. A value within the limits is never refused, however different it is from its neighbours: on a
bike that reports once a second, the first frame of a sprint looks like a fault until its second is
over.
"""

from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field

from drivers import Reading
from drivers.power import CADENCE_MAX_RPM, POWER_MAX_W, POWER_MIN_W
from gateway.timing.units import NS_PER_S

#: This number of refused values within OFTEN_NS is no rare fault: the bike is probably misread.
OFTEN = 10
OFTEN_NS = 60 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the greatest plausible value of a field, both included."""

    lowest: float
    highest: float
    unit: str


#: By the name of the field of a Reading. `resistance_raw` has no limits, because it has no unit.
PLAUSIBLE = {
    # 222 rpm on a Wattbike (Jimmy Watkins, 2012) and 227 rpm (Mark Cavendish, 2012) were reported;
    # only on rollers, with short cranks and no load, have sprinters turned faster than this.
    "cadence_rpm": Limits(0, CADENCE_MAX_RPM, "rpm"),
    # About 2,700 W were reported of Jeffrey Hoogland's record over 1 km (2023), and 2,372 W on a
    # Wattbike (Jimmy Watkins, 2012). While the pedals coast or turn backwards, meters report
    # a negative torque (GoldenCheetah/GoldenCheetah #24); that counts as 0.
    "power_w": Limits(POWER_MIN_W, POWER_MAX_W, "W"),
    # On a bike that works speed out from power, 3,000 W are 151 km/h; the fastest human-powered
    # vehicle rode 144 km/h (AeroVelo Eta, 2016).
    "speed_kmh": Limits(0, 200, "km/h"),
    # Heart rate straps measure up to 240 bpm; 0 is a strap without contact.
    "heart_rate_bpm": Limits(0, 250, "bpm"),
    # The end of the 24-bit counter of FTMS: 16,777 km, more than an exercise bike lasts.
    "distance_m": Limits(0, 0xFFFFFF, "m"),
    # Sensors drift and consoles round a little beyond both ends; such a percent counts as the end.
    "resistance_percent": Limits(-10, 110, "%"),
}

# For speed: this runs for every Reading.
_BOUNDS = tuple((name, limits.lowest, limits.highest) for name, limits in PLAUSIBLE.items())
_judged_values = attrgetter(*PLAUSIBLE)


@dataclass(frozen=True, slots=True)
class RefusedValues:
    """The implausible values of one field that were refused since the start."""

    name: Annotated[str, Field(description="the name of the field, with its unit")]
    count: Annotated[int, Field(description="how many implausible values were left out")]
    last: Annotated[float, Field(description="the last of them")]

    def __str__(self) -> str:
        what = self.name.rpartition("_")[0].replace("_", " ")
        return (
            f"{self.count:,} × {what}, the last one {self.last:,.10g} {PLAUSIBLE[self.name].unit}"
        )


def refused_words(refused: Iterable[RefusedValues]) -> str:
    """Return the values that were refused in one line; empty if none were."""
    found = refused_counts(refused)
    return f"implausible values, left out: {found}" if found else ""


def refused_counts(refused: Iterable[RefusedValues]) -> str:
    """Return how many values of each field were refused, and the last one; empty if none were."""
    return "; ".join(map(str, refused))


def implausible(reading: Reading) -> dict[str, float]:
    """Return the implausible values of a Reading, by the name of their field."""
    return {
        name: value
        for value, (name, lowest, highest) in zip(_judged_values(reading), _BOUNDS, strict=True)
        if value is not None and not lowest <= value <= highest
    }


class Refusals:
    """The implausible values of one bike, counted as they are refused."""

    def __init__(self) -> None:
        self._fields: dict[str, RefusedValues] = {}
        self._recent_ns: deque[int] = deque(maxlen=OFTEN)

    @property
    def fields(self) -> tuple[RefusedValues, ...]:
        """The fields with refused values, by name."""
        return tuple(self._fields[name] for name in sorted(self._fields))

    def without_refused(self, reading: Reading, unjudged: Set[str] = frozenset()) -> Reading:
        """Return the Reading without its implausible values, and count these.

        `unjudged` names fields with a number of the bike's own instead of their unit.
        """
        found = implausible(reading)
        if not found:
            return reading
        refused = {name: value for name, value in found.items() if name not in unjudged}
        if not refused:
            return reading
        for name, value in refused.items():
            before = self._fields.get(name)
            self._fields[name] = RefusedValues(name, before.count + 1 if before else 1, value)
            self._recent_ns.append(reading.at_ns)
        nothing: dict[str, Any] = dict.fromkeys(refused)
        return replace(reading, **nothing)

    def are_frequent(self, now_ns: int) -> bool:
        """Return whether OFTEN values were refused in the last OFTEN_NS."""
        recent_ns = self._recent_ns
        return len(recent_ns) == OFTEN and now_ns - recent_ns[0] <= OFTEN_NS
