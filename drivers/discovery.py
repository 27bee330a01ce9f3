"""What a scan finds: bikes, each with what a config has to say to get it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drivers.reading import Reading


@dataclass(frozen=True, slots=True)
class FoundBike:
    """A bike, or what may be one. `where` is its address or port, `why` how it was told."""

    name: str
    where: str
    why: str
    #: The `[bikes.options]` that mean this bike.
    options: Mapping[str, object]
    rssi_dbm: int | None = None
    #: What it said without being connected for good.
    reading: Reading | None = None
    #: No bike itself, but worn beside one, to whose options `options` belong.
    is_companion: bool = False


@runtime_checkable
class Discoverer(Protocol):
    """A driver type that can look around. Drivers need not."""

    def discover(self, seconds: float) -> AsyncIterator[FoundBike]:
        """What there is, each once, for `seconds`. Raises BikeLost if it cannot look at all."""
        ...
