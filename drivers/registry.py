"""Drivers by name. Built-ins and third parties register alike, by entry point."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from drivers.contract import DriverType

GROUP = "alleycat_gateway.drivers"


@dataclass(frozen=True, slots=True)
class DriverStatus:
    """A registered driver, or the reason why it cannot be used: exactly one of the two."""

    name: str
    driver: DriverType | None = None
    problem: str | None = None


def load_drivers() -> dict[str, DriverStatus]:
    """Every registered driver by name; one that does not import is a status, not a crash."""
    return {point.name: _load(point) for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> DriverStatus:
    try:
        driver = point.load()
    # A plugin's import may fail in any way; whatever it is must not take the other bikes along.
    except Exception as error:
        return DriverStatus(point.name, problem=f"{point.value}: {type(error).__name__}: {error}")
    return DriverStatus(point.name, driver=cast(DriverType, driver))
