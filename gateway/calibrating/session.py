"""CalibrationSession: one bike being calibrated, whether the daemon holds it or nobody does.

OwnBike (gateway/calibrating/local.py) opens bike and files by itself; DaemonBike
(gateway/calibrating/remote.py) asks the daemon that holds them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from drivers import Reading
from drivers.contract import ResistanceTable
from gateway.bike.calibration_choice import CalibrationInUse
from gateway.bike.link import LinkState
from gateway.host.errors import GatewayError
from gateway.sampling.calibration import AS_PERCENT, Calibration, CalibrationTable, Quantity
from gateway.sampling.calibration_record import CalibrationRecord


class CalibrationError(GatewayError):
    """What was asked is not done, or the session has ended. The text says why, and what to do."""


class Origin(StrEnum):
    """Where the calibration comes from by which a bike's numbers are read."""

    #: Being tried out; undone when the session ends.
    TRIAL = "trial"
    #: What `calibrate` has saved.
    SAVED = "saved"
    #: The `calibration` points in the config.
    CONFIG = "config"
    #: There is none: the bike's own numbers count.
    BIKE = "bike"


@dataclass(frozen=True, slots=True)
class CalibrationState:
    """How a bike is calibrated at one moment."""

    bike_id: str
    #: Which machine it is, as a CalibrationRecord names it.
    device: str
    #: What the race goes by.
    in_use: Calibration
    origin: Origin
    #: What is saved, if it is of this machine.
    record: CalibrationRecord | None = None
    #: Why what is saved is not used: it is another machine's, or damaged. Else empty.
    problem: str = ""
    #: What was saved before: 1 is the newest.
    backups: Mapping[int, CalibrationRecord] = field(default_factory=dict)
    #: Of bikes that have one. Look at its `origin`: the bike's own may come some seconds after the
    #: bike was connected, and another bike's is none to go by.
    resistance_table: ResistanceTable | None = None

    def percent_table(self, quantity: Quantity) -> CalibrationTable:
        """By which the race makes percent of that number of the bike now."""
        if self.in_use.table is not None and self.in_use.quantity == quantity:
            return self.in_use.table
        if quantity == "raw" and self.resistance_table is not None:
            return CalibrationTable(self.resistance_table.points)
        return AS_PERCENT


def state_of(
    bike_id: str,
    found: CalibrationInUse,
    trial: Calibration | None,
    backups: Mapping[int, CalibrationRecord],
    table: ResistanceTable | None,
) -> CalibrationState:
    """`found`: what holds but for the `trial`. `table`: the driver's."""
    if trial is not None:
        origin = Origin.TRIAL
    elif found.record is not None:
        origin = Origin.SAVED
    else:
        origin = Origin.BIKE if found.calibration.table is None else Origin.CONFIG
    return CalibrationState(
        bike_id=bike_id,
        device=found.device,
        in_use=found.calibration if trial is None else trial,
        origin=origin,
        record=found.record,
        problem=found.problem,
        backups=backups,
        resistance_table=table,
    )


@dataclass(frozen=True, slots=True)
class Link:
    """How the link to the bike is; `reason` says why it was lost."""

    state: LinkState
    reason: str = ""


class CalibrationDesk(Protocol):
    """What is kept of one bike's calibration. The bike itself need not be there.

    Everything raises CalibrationError. What is saved, rolled back or reset is on disk and in use
    when the call returns, and ends a trial.
    """

    @property
    def state(self) -> CalibrationState: ...

    async def save(self, record: CalibrationRecord) -> Path:
        """Gives the file. `record` must be of this bike and this machine."""
        ...

    async def rollback(self, number: int = 1) -> CalibrationRecord:
        """Backup `number` is saved again; what was saved becomes backup 1."""
        ...

    async def reset(self) -> None:
        """Nothing is saved any more; what was becomes backup 1."""
        ...


class CalibrationSession(CalibrationDesk, Protocol):
    """Beside that the bike, live. Its only session; when it ends, a trial is undone.

    Entered as a context manager; it ends with it.
    """

    @property
    def link(self) -> Link: ...

    def news(self) -> AsyncGenerator[Reading | Link, None]:
        """First how the link is, then every Reading and change of the link, as they come.

        For one listener at a time. `at_ns` of a Reading is on this machine's monotonic clock. Who
        listens too slowly misses Readings, never changes of the link. Raises CalibrationError when
        the session has ended: the daemon stopped, or the bike was taken out of the config.
        """
        ...

    async def try_out(self, record: CalibrationRecord | None) -> None:
        """Live at once, also in a race that is on; None is the bike's own numbers."""
        ...

    async def undo(self) -> None:
        """Back to what is saved, else in the config. Nothing happens without a trial."""
        ...


#: Readings that wait for a slow listener; the oldest go first.
WAITING_MAX = 256


class CalibrationNews:
    """Told by a session; ended with it."""

    def __init__(self, link: Callable[[], Link]) -> None:
        """`link` gives how the link is now."""
        self._link = link
        self._listeners: list[_Listener] = []
        self._ended: str | None = None

    def tell(self, news: Reading | Link) -> None:
        for listener in self._listeners:
            listener.tell(news)

    def end(self, why: str) -> None:
        """Listeners hear what waits for them, and then why."""
        self._ended = why
        for listener in self._listeners:
            listener.wake.set()

    async def listen(self) -> AsyncGenerator[Reading | Link, None]:
        """CalibrationSession.news."""
        listener = _Listener(self._link())
        self._listeners.append(listener)
        try:
            while True:
                while listener.waiting:
                    yield listener.waiting.popleft()
                if self._ended is not None:
                    raise CalibrationError(self._ended)
                listener.wake.clear()
                await listener.wake.wait()
        finally:
            self._listeners.remove(listener)


class _Listener:
    def __init__(self, link: Link) -> None:
        self.waiting: deque[Reading | Link] = deque([link])
        self.wake = asyncio.Event()

    def tell(self, news: Reading | Link) -> None:
        if len(self.waiting) >= WAITING_MAX:
            readings = (at for at, one in enumerate(self.waiting) if isinstance(one, Reading))
            del self.waiting[next(readings, 0)]
        self.waiting.append(news)
        self.wake.set()
