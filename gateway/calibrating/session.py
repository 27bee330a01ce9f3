"""CalibrationSession: the interface to one bike that is being calibrated.

LocalSession (gateway/calibrating/local.py) opens bike and files in this process; DaemonSession
(gateway/calibrating/remote.py) asks the daemon that has them open.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from drivers import Reading
from gateway.calibrating.messages import Action, Done, Reset, Rollback, Save, TryOut, Undo
from gateway.calibrating.state import CalibrationError, CalibrationState, LinkStatus
from gateway.sampling.calibration_record import CalibrationRecord

#: How many news items wait for a slow listener; beyond it the oldest Reading is dropped.
WAITING_MAX = 256


class SavedCalibrations(ABC):
    """The saved calibrations of one bike, which need not be connected.

    All methods raise CalibrationError. Each change is on disk and in use when the call returns,
    and ends a trial.
    """

    @property
    @abstractmethod
    def state(self) -> CalibrationState:
        """The bike's calibration and its backups now."""

    @abstractmethod
    async def carry_out(self, action: Action) -> Done:
        """Carry out one of the actions."""

    async def save(self, record: CalibrationRecord) -> Path:
        """Save `record`, which must be of this bike and device; return the file."""
        return Path((await self.carry_out(Save(record))).file or "")

    async def rollback(self, number: int = 1) -> CalibrationRecord:
        """Save backup `number` again; the calibration saved until now becomes backup 1."""
        record = (await self.carry_out(Rollback(number))).record
        if record is None:
            raise CalibrationError("the gateway did not report which backup it restored")
        return record

    async def reset(self) -> None:
        """Delete the saved calibration, which becomes backup 1."""
        await self.carry_out(Reset())


class CalibrationSession(SavedCalibrations):
    """A SavedCalibrations with live access to the bike. At most one per bike.

    It is a context manager; leaving it ends the session and reverts any trial.
    """

    def __init__(self) -> None:
        self._news = CalibrationNews(lambda: self.link)

    @property
    @abstractmethod
    def link(self) -> LinkStatus:
        """The link to the bike now."""

    def news(self) -> AsyncGenerator[Reading | LinkStatus, None]:
        """Yield the link first, then every Reading and every change of the link.

        For one listener at a time. `at_ns` of a Reading is on this computer's monotonic clock. A
        slow listener misses Readings, but no changes of the link. Raises CalibrationError when the
        session has ended: the daemon stopped, or the bike was removed from the config.
        """
        return self._news.listen()

    async def try_out(self, record: CalibrationRecord | None) -> None:
        """Use `record` at once, even during a race; None means the numbers that the bike sends."""
        await self.carry_out(TryOut(record))

    async def undo(self) -> None:
        """End a trial, if there is one: use the saved calibration again, or else the config's."""
        await self.carry_out(Undo())


class CalibrationNews:
    """The news of a session, forwarded to its listeners; `link` returns the link now."""

    def __init__(self, link: Callable[[], LinkStatus]) -> None:
        self._link = link
        self._listeners: list[_NewsQueue] = []
        self._ended: str | None = None

    def tell(self, news: Reading | LinkStatus) -> None:
        for listener in self._listeners:
            listener.tell(news)

    def end(self, why: str) -> None:
        """End the news; each listener receives what is queued, then a CalibrationError."""
        self._ended = why
        for listener in self._listeners:
            listener.wake.set()

    async def listen(self) -> AsyncGenerator[Reading | LinkStatus, None]:
        """Yield news as CalibrationSession.news does."""
        listener = _NewsQueue(self._link())
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


class _NewsQueue:
    def __init__(self, link: LinkStatus) -> None:
        self.waiting: deque[Reading | LinkStatus] = deque([link])
        self.wake = asyncio.Event()

    def tell(self, news: Reading | LinkStatus) -> None:
        if len(self.waiting) >= WAITING_MAX:
            readings = (at for at, one in enumerate(self.waiting) if isinstance(one, Reading))
            del self.waiting[next(readings, 0)]
        self.waiting.append(news)
        self.wake.set()
