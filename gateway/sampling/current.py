"""The newest values of a bike, for displays between two seconds of a race. Pure."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, slots=True)
class CurrentValue:
    """A value as the race will count it, unless the bike reports another one."""

    value: Annotated[float, Field(description="the value")]
    age_s: Annotated[float, Field(description="seconds since the bike reported it")]
    is_stale: Annotated[
        bool,
        Field(
            description="whether it is too old to count: a cadence then counts as 0, and a power "
            "is left out. A resistance never becomes stale"
        ),
    ] = False


@dataclass(frozen=True, slots=True)
class CurrentValues:
    """The newest values of a bike; each is null if the bike has not reported it."""

    cadence_rpm: Annotated[CurrentValue | None, Field(description="rpm")] = None
    resistance_percent: Annotated[
        CurrentValue | None, Field(description="percent, 0 … 100; calibrated, or derived")
    ] = None
    power_w: Annotated[CurrentValue | None, Field(description="W")] = None
