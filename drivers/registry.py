"""Drivers by name. Built-in and third-party drivers register in the same way, by entry point."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from drivers.contract import BikeLost, Clock, Driver, DriverOptions, DriverType
from drivers.reading import Reading

GROUP = "alleycat_gateway.drivers"


@dataclass(frozen=True, slots=True)
class DriverStatus:
    """A registered driver, or the reason why it cannot be used: exactly one of the two."""

    name: str
    driver: DriverType | None = None
    problem: str | None = None


def load_drivers() -> Mapping[str, DriverStatus]:
    """Return every registered driver by name; an import that fails is a status, not a crash.

    A driver is imported when it is first asked for: a bike on a serial line needs no Bluetooth
    library, which takes 6 MiB.
    """
    return _Registered()


class _Registered(Mapping[str, DriverStatus]):
    """The drivers whose distributions are installed."""

    def __init__(self) -> None:
        self._points = {point.name: point for point in entry_points(group=GROUP)}
        self._loaded: dict[str, DriverStatus] = {}

    def __getitem__(self, name: str) -> DriverStatus:
        if name not in self._loaded:
            self._loaded[name] = _load(self._points[name])
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)


def _load(point: EntryPoint) -> DriverStatus:
    try:
        driver = point.load()
    # A plugin's import may fail in any way, and must not take the other bikes down with it.
    except (Exception, SystemExit) as error:
        return DriverStatus(point.name, problem=f"{point.value}: {type(error).__name__}: {error}")
    options = getattr(driver, "Options", None)
    if not (isinstance(options, type) and issubclass(options, DriverOptions)):
        return DriverStatus(
            point.name,
            problem=f"{point.value} is not a driver: "
            "expected a class whose attribute Options is a subclass of DriverOptions",
        )
    return DriverStatus(point.name, driver=cast(DriverType, driver))


class UnusableDriver:
    """Substitute for a driver that could not be loaded: its bike is lost, with the reason."""

    stale_after_s = 3.0

    def __init__(self, problem: str) -> None:
        self._problem = problem

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        raise BikeLost(self._problem)
        yield  # The contract requires a generator.


def make_driver(status: DriverStatus, options: Mapping[str, object], clock: Clock) -> Driver:
    """Create the driver for one bike. Raises pydantic's ValidationError for invalid options."""
    if status.driver is None:
        return UnusableDriver(f"driver {status.name!r} cannot be loaded: {status.problem}")
    checked = status.driver.Options.model_validate(options)
    try:
        return status.driver(checked, clock)
    # As with the import, a failing plugin must affect its own bike only.
    except (Exception, SystemExit) as error:
        return UnusableDriver(f"driver {status.name!r}: {type(error).__name__}: {error}")
