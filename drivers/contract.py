"""The contract of a driver: it opens a bike, yields its Readings, and reports when it is lost.

A driver never retries, smooths, calibrates or fills gaps: the gateway does that for all bikes.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from drivers.reading import Frame, Reading


class BikeLost(Exception):
    """The bike cannot be reached or was lost. The text gives the reason; the gateway retries."""


class BikeAbsent(BikeLost):
    """The bike is absent, and the driver has already waited for it: no need to back off."""


class DriverOptions(BaseModel):
    """Base of a driver's own options, the `[bikes.options]` table of the config.

    Unknown keys and wrong types are rejected at startup, with the name of the key.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @property
    def who(self) -> str:
        """The bike's identity within its driver: shown to people, and used to recognise it."""
        return ""

    @property
    def reports_own_number(self) -> bool:
        """Whether the bike's resistance is a number of its own, not percent; False if unknown.

        Without a calibration such a number is taken as a percentage.
        """
        return False


class Clock(Protocol):
    """The gateway's time, as a driver sees it. Tests supply a simulated one, to run races fast.

    Instants are integer nanoseconds on the monotonic clock. The wall clock is the one that the
    current race is anchored to; the two conversions are exact inverses of each other.
    """

    def monotonic_ns(self) -> int: ...

    async def sleep_until(self, monotonic_ns: int) -> None: ...

    def timeout(self, seconds: float) -> AbstractAsyncContextManager[object]:
        """Return a context that raises TimeoutError if its body takes longer than `seconds`.

        The body is cancelled, as with `asyncio.timeout`.
        """
        ...

    def wall_ms_at(self, monotonic_ns: int) -> int: ...

    def monotonic_ns_at(self, wall_ms: int) -> int: ...


class Driver(Protocol):
    """One configured bike. The gateway calls the registered class with `(options, clock)`.

    The class has an attribute `Options`: a subclass of DriverOptions that describes `options`.
    """

    #: A field not repeated for this many seconds is stale: the rider may have stopped without the
    #: bike reporting it. Read after each opening, when the driver may know the bike better.
    stale_after_s: float

    def open_bike(self) -> AbstractAsyncContextManager[AsyncIterator[Reading]]:
        """Connect; the iterator yields Readings in order of `at_ns` until the bike is lost.

        Entering and iterating both raise BikeLost. Leaving always releases the bike. No state
        outlives a connection, except a `memory` (RememberingDriver).
        """
        ...


#: Called for each Frame that is received or sent, with the name of its protocol.
FrameListener = Callable[[str, Frame], None]


def ignore_frame(protocol: str, frame: Frame) -> None:
    """Ignore the Frame: the FrameListener of a bike that is not being captured."""
    del protocol, frame


class FrameSource(ABC):
    """Base of a driver that exposes the bytes behind its Readings, so that they can be captured."""

    @abstractmethod
    def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AbstractAsyncContextManager[AsyncIterator[Reading]]:
        """Connect as every Driver does, and pass each Frame to `on_frame` while connected."""


class TableOrigin(StrEnum):
    """The origin of a resistance table."""

    BIKE = "bike"
    CONFIG = "config"
    #: It was read from another bike of the same model, which is better than no table.
    ANOTHER_BIKE = "another bike"


@dataclass(frozen=True, slots=True)
class ResistanceTable:
    """The table that converts raw resistance to percent: points (raw, percent), by rising raw."""

    points: tuple[tuple[float, float], ...]
    origin: TableOrigin


@runtime_checkable
class ResistanceTableSource(Protocol):
    """A driver of bikes that have a ResistanceTable, which may change while the bike is open."""

    @property
    def resistance_table(self) -> ResistanceTable | None:
        """The table in use; None for a bike without one."""
        ...


@runtime_checkable
class WaitingDriver(Protocol):
    """A driver that knows why its bike is not open yet, before it gives up and raises BikeLost."""

    @property
    def waits_because(self) -> str:
        """The reason for which `open_bike` is waiting, in the words of a BikeLost; else empty."""
        ...


@runtime_checkable
class RememberingDriver(Protocol):
    """A driver that knows facts of its bike that are worth keeping over a restart of the gateway.

    The bike may have been exchanged meanwhile: what is remembered is to be verified, or harmless.
    """

    @property
    def memory(self) -> Mapping[str, object]:
        """The facts known now, as values that JSON can represent; empty if there are none.

        The gateway reads it now and then. Before the first opening, the gateway sets it to what was
        last read for the same driver and `who`, which may be from another version of the driver; if
        there is none, to an empty mapping.
        """
        ...

    @memory.setter
    def memory(self, memory: Mapping[str, object]) -> None: ...


@dataclass(frozen=True, slots=True)
class Reception:
    """The reception of a bike by radio: the adapter, such as hci0, and the signal of the bike.

    BlueZ measures broadcasts only, and a connected bike sends none: its signal is that of the last
    broadcast before (hbldh/bleak #1674). The kernel's management socket measures connections, but
    only for processes with CAP_NET_ADMIN, which the service does without (Linux
    net/bluetooth/mgmt.c, mgmt_untrusted_commands).
    """

    adapter: str
    #: The signal strength; None before it is measured.
    rssi_dbm: int | None = None
    #: When it was measured, by the Clock's `monotonic_ns`.
    measured_ns: int | None = None


@runtime_checkable
class RadioDriver(Protocol):
    """A driver that receives its bike by radio."""

    @property
    def reception(self) -> Reception | None:
        """The latest reception, which a lost bike keeps; None before there is an adapter."""
        ...


class DriverType(Protocol):
    """The class that an entry point of the group `alleycat_gateway.drivers` refers to."""

    Options: type[DriverOptions]

    def __call__(self, options: DriverOptions, clock: Clock) -> Driver: ...
