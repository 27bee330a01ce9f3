"""Disk: the Store on a thread of its own. What fails there is a state, not an end."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gateway.buffer.log_format import LogName
from gateway.buffer.store import Batch, Store, StoreError, Written
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: After a failure the disk is left alone for this long.
RETRY_NS = NS_PER_S
#: A disk that is silent for longer is reported as a problem.
SILENT_NS = 2 * NS_PER_S

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Opened:
    """What the disk holds at the start: messages in each log, damaged ones, and notes."""

    waiting: dict[LogName, int]
    quarantined: int
    last_id: int
    lost: int
    notes: list[str]


def log_missing(name: LogName, count: int) -> None:
    """Log that messages are not in their file any more, or cannot be read."""
    log.error("buffered messages lost: damaged or deleted", file=str(name), count=count)


class Disk:
    """Opened, read and written from the event loop. All methods raise StoreError.

    A disk that cannot be written can often still be read.
    """

    def __init__(
        self, opener: Callable[[], Store], executor: Executor, clock: GatewayClock
    ) -> None:
        self._opener = opener
        self._executor = executor
        self._clock = clock
        self._store: Store | None = None
        #: When each job that is not done yet was given to the thread.
        self._given_ns: list[int] = []
        self._failure: str | None = None
        self.free_bytes: int | None = None
        self.used_bytes = 0

    @property
    def is_open(self) -> bool:
        return self._store is not None

    @property
    def problem(self) -> str | None:
        """What is wrong, in words, or None."""
        if self.is_silent:
            return f"the disk has not answered for {self._silent_ns // NS_PER_S} s"
        return self._failure

    @property
    def is_silent(self) -> bool:
        """It was asked for something a while ago, and has not answered."""
        return self._silent_ns > SILENT_NS

    @property
    def _silent_ns(self) -> int:
        return self._clock.monotonic_ns() - min(self._given_ns) if self._given_ns else 0

    async def open(self) -> Opened:
        """Open the store, and learn what it holds."""
        try:
            self._store, opened = await self._on_thread(self._open)
        except StoreError as error:
            self._failed(error)
            raise
        if opened.lost:
            log.error("buffered messages damaged and lost", count=opened.lost)
        return opened

    async def write(self, batch: Batch) -> Written:
        """As Store.write."""
        store = self._opened()

        def work() -> tuple[Written, int | None]:
            written = store.write(batch)
            with suppress(StoreError):  # what is written is written
                return written, store.free_bytes()
            return written, None

        try:
            written, self.free_bytes = await self._on_thread(work)
        except StoreError as error:
            self._failed(error)
            raise
        self.used_bytes = written.used_bytes
        self._succeeded()
        return written

    async def ask(self, question: Callable[[Store], T]) -> T:
        """Read something."""
        store = self._opened()
        return await self._on_thread(lambda: question(store))

    async def close(self) -> None:
        if self._store is not None:
            await self._on_thread(self._store.close)
        self._executor.shutdown()

    def _open(self) -> tuple[Store, Opened]:
        store = self._opener()
        notes = store.notes
        return store, Opened(store.waiting(), store.quarantined, store.last_id, store.lost, notes)

    def _opened(self) -> Store:
        if self._store is None:
            raise StoreError(self._failure or "the buffer's directory is not open yet")
        return self._store

    def _failed(self, error: StoreError) -> None:
        if self._failure is None:
            log.error("buffer not usable", reason=str(error))
        self._failure = str(error)

    def _succeeded(self) -> None:
        if self._failure is not None:
            log.info("buffer usable again")
        self._failure = None

    async def _on_thread(self, work: Callable[[], T]) -> T:
        given_ns = self._clock.monotonic_ns()
        self._given_ns.append(given_ns)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except OSError as error:
            raise StoreError(str(error)) from error
        finally:
            self._given_ns.remove(given_ns)
