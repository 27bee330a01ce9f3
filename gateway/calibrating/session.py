"""CalibrationSession: one bike being calibrated, whether a daemon holds it or this process does.

LocalSession (gateway/calibrating/local.py) opens bike and files in this process; DaemonSession
(gateway/calibrating/remote.py) asks the daemon that holds them.
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

#: Readings that wait for a slow listener; the oldest go first.
WAITING_MAX = 256


class SavedCalibrations(ABC):
    """The saved calibrations of one bike. The bike itself need not be there.

    Everything raises CalibrationError. What is saved, rolled back or reset is on disk and in use
    when the call returns, and ends a trial.
    """

    @property
    @abstractmethod
    def state(self) -> CalibrationState:
        """How the bike is calibrated now."""

    @abstractmethod
    async def carry_out(self, action: Action) -> Done:
        """Carry one of the actions out."""

    async def save(self, record: CalibrationRecord) -> Path:
        """Return the file. `record` must be of this bike and this machine."""
        return Path((await self.carry_out(Save(record))).file or "")

    async def rollback(self, number: int = 1) -> CalibrationRecord:
        """Save backup `number` again; what was saved becomes backup 1."""
        record = (await self.carry_out(Rollback(number))).record
        if record is None:
            raise CalibrationError("the gateway does not say what it rolled back to")
        return record

    async def reset(self) -> None:
        """Leave nothing saved; what was becomes backup 1."""
        await self.carry_out(Reset())


class CalibrationSession(SavedCalibrations):
    """Beside that the bike, live. Its only session; when it ends, a trial is undone.

    Entered as a context manager; it ends with it.
    """

    def __init__(self) -> None:
        self._news = CalibrationNews(lambda: self.link)

    @property
    @abstractmethod
    def link(self) -> LinkStatus:
        """How the link to the bike is now."""

    def news(self) -> AsyncGenerator[Reading | LinkStatus, None]:
        """First how the link is, then every Reading and change of the link, as they come.

        For one listener at a time. `at_ns` of a Reading is on this machine's monotonic clock. Who
        listens too slowly misses Readings, never changes of the link. Raises CalibrationError when
        the session has ended: the daemon stopped, or the bike was taken out of the config.
        """
        return self._news.listen()

    async def try_out(self, record: CalibrationRecord | None) -> None:
        """Use it at once, also in a race that is on; None is the bike's own numbers."""
        await self.carry_out(TryOut(record))

    async def undo(self) -> None:
        """Go back to what is saved, else in the config. Nothing happens without a trial."""
        await self.carry_out(Undo())


class CalibrationNews:
    """Passes a session's news on to its listeners; ends with the session."""

    def __init__(self, link: Callable[[], LinkStatus]) -> None:
        """`link` gives how the link is now."""
        self._link = link
        self._listeners: list[_NewsQueue] = []
        self._ended: str | None = None

    def tell(self, news: Reading | LinkStatus) -> None:
        for listener in self._listeners:
            listener.tell(news)

    def end(self, why: str) -> None:
        """Listeners hear what waits for them, and then why."""
        self._ended = why
        for listener in self._listeners:
            listener.wake.set()

    async def listen(self) -> AsyncGenerator[Reading | LinkStatus, None]:
        """CalibrationSession.news."""
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
