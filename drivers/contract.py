"""What a driver is: it opens a bike, yields its Readings, and says when the bike is lost.

A driver never retries, smooths, calibrates or fills gaps: the gateway does, once for all bikes.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from drivers.reading import Frame, Reading


class BikeLost(Exception):
    """The bike cannot be reached or has gone. The text says why; the gateway tries again."""


class BikeAbsent(BikeLost):
    """The bike is not there, and the driver has waited for it: no reason to wait longer."""


class DriverOptions(BaseModel):
    """Base of a driver's own options, the `[bikes.options]` table of the config.

    Unknown keys and wrong types stop the start with the key's name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def who(self) -> str:
        """For people, and to know the bike again: what tells it from others of its driver."""
        return ""


class Clock(Protocol):
    """The time a driver lives in: the gateway's, so that tests can let a race pass in a blink.

    Instants are integer nanoseconds on the monotonic clock. The wall clock is the one the
    current race is anchored to: both conversions are exact inverses of each other.
    """

    def monotonic_ns(self) -> int: ...

    async def sleep_until(self, monotonic_ns: int) -> None: ...

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Return a context that ends with TimeoutError if it takes longer than `seconds`.

        What it was waiting for is cancelled, as by `asyncio.timeout`.
        """
        ...

    def wall_ms_at(self, monotonic_ns: int) -> int: ...

    def monotonic_ns_at(self, wall_ms: int) -> int: ...


class Driver(Protocol):
    """One configured bike. Registered as a class called with `(options, clock)`.

    The class carries `Options`, a subclass of DriverOptions that describes `options`.
    """

    #: A field not repeated for this long is stale: the rider may have stopped unheard. Read each
    #: time the bike was opened, when a driver may know better what it is talking to.
    stale_after_s: float

    def open_bike(self) -> AbstractAsyncContextManager[AsyncIterator[Reading]]:
        """Connect; the iterator yields Readings in order of `at_ns` until the bike is gone.

        Entering and iterating both raise BikeLost. Leaving always releases the bike, and
        every entry starts from nothing: no state outlives a connection.
        """
        ...


#: Called with the name of a protocol and each of its Frames, as it comes or goes.
FrameListener = Callable[[str, Frame], None]


def ignore_frame(protocol: str, frame: Frame) -> None:
    """Do nothing: the FrameListener of a bike that is not captured."""
    del protocol, frame


class FrameSource(ABC):
    """Base of a driver that shows the bytes behind its Readings, so that they can be captured."""

    @abstractmethod
    def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AbstractAsyncContextManager[AsyncIterator[Reading]]:
        """Connect, as every Driver does, and show each Frame to `on_frame` meanwhile."""


class TableOrigin(StrEnum):
    """Who says that a resistance table is this bike's."""

    BIKE = "bike"
    CONFIG = "config"
    #: Nobody: it was read from another bike of the model, and is better than none.
    ANOTHER_BIKE = "another bike"


@dataclass(frozen=True, slots=True)
class ResistanceTable:
    """What a driver makes percent of raw resistance by: points (raw, percent), by rising raw."""

    points: tuple[tuple[float, float], ...]
    origin: TableOrigin


@runtime_checkable
class ResistanceTableSource(Protocol):
    """A driver of bikes that have such a table. It may change while the bike is open."""

    @property
    def resistance_table(self) -> ResistanceTable | None:
        """None for a bike without one."""
        ...


class DriverType(Protocol):
    """What an entry point of the group `alleycat_gateway.drivers` names: the driver's class."""

    Options: type[DriverOptions]

    def __call__(self, options: DriverOptions, clock: Clock) -> Driver: ...
