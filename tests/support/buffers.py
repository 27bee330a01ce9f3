"""A Buffer over real files in virtual time, whose disk fails on demand."""

import asyncio
from pathlib import Path

from gateway.buffer.buffer import Buffer
from gateway.buffer.disk import Disk
from gateway.buffer.opening import open_store
from gateway.buffer.send_order import Entry
from gateway.buffer.store import Batch, Store, StoreError, Written
from gateway.telemetry.message import telemetry_from_json
from tests.support.virtual_clock import InlineExecutor, VirtualClock

#: Rounds in which logs may have to be read from disk before an entry is available.
PATIENCE_ROUNDS = 4

ROOMY = 100 * 1024 * 1024


class BufferBench:
    """A Buffer and its store. While `failure` is set, every open and write raises it.

    `writes`: the number of successful writes.
    """

    def __init__(
        self,
        path: Path,
        clock: VirtualClock | None = None,
        *,
        interval_s: float = 1.0,
        max_bytes: int = ROOMY,
    ) -> None:
        self.path = path
        self.clock = clock or VirtualClock()
        self.failure: StoreError | None = None
        self.writes = 0
        self.store: Store | None = None
        self._max_bytes = max_bytes
        self._opened = 0
        disk = Disk(self._open, InlineExecutor(), self.clock)
        self.buffer = Buffer(disk, self.clock, interval_s)
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.buffer.commit()
        self.writes = 0
        self._run = asyncio.create_task(self.buffer.run())
        await self.clock.settle()

    async def stop(self) -> None:
        """Stop as if killed: write nothing more."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait([self._run])
            self._run = None

    async def take(self) -> Entry | None:
        """Return the next message, read from disk if necessary; None if there is none."""
        for _ in range(PATIENCE_ROUNDS):
            await self.clock.settle()
            entry = self.buffer.head()
            if entry is not None:
                self.buffer.take(entry)
                return entry
        return None

    async def take_all(self) -> list[Entry]:
        taken = []
        while (entry := await self.take()) is not None:
            taken.append(entry)
        return taken

    def on_disk(self) -> list[int]:
        """Return the seconds of the messages that would survive a crash now."""
        assert self.store is not None
        records = [record for name in self.store.waiting() for record in self.store.read(name)]
        return [telemetry_from_json(record.payload).second for record in records]

    def _open(self) -> Store:
        if self.failure:
            raise self.failure
        self._opened += 1
        self.store = open_store(self.path, self._max_bytes, now_ms=self._opened)
        write = self.store.write

        def write_or_fail(batch: Batch) -> Written:
            if self.failure:
                write(Batch(done=batch.done_anyway))
                raise self.failure
            self.writes += 1
            return write(batch)

        self.store.write = write_or_fail  # type: ignore[method-assign]
        return self.store


def seconds(entries: list[Entry]) -> list[int]:
    return [telemetry_from_json(entry.payload).second for entry in entries]
