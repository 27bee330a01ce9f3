"""The results of a scan: bikes, each with the options that select it in a config."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drivers.reading import Reading


@dataclass(frozen=True, slots=True)
class FoundBike:
    """A bike, or a device that may be one.

    `where` is its address or port, `why` the reason to take it for a bike.
    """

    name: str
    where: str
    why: str
    #: The `[bikes.options]` that select this bike.
    options: Mapping[str, object]
    rssi_dbm: int | None = None
    #: A Reading that the scan obtained, without a lasting connection.
    reading: Reading | None = None
    #: Not a bike, but a device that a rider wears; its `options` are to be added to a bike's.
    is_companion: bool = False


@runtime_checkable
class Discoverer(Protocol):
    """A driver type that can scan for bikes. Drivers need not be able to."""

    def discover(self, seconds: float) -> AsyncIterator[FoundBike]:
        """Scan for `seconds` and yield each bike once. Raises BikeLost if it cannot scan."""
        ...


@runtime_checkable
class AdapterDiscoverer(Protocol):
    """A driver type that scans with an adapter of the computer, of which there may be several.

    Its `Options` have the field `adapter`, which selects the adapter for a bike.
    """

    def discover_with(self, adapter: str, seconds: float) -> AsyncIterator[FoundBike]:
        """Scan as `discover` does, with this adapter, such as hci1."""
        ...
