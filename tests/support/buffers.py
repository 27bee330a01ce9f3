"""A Buffer over a real file in virtual time, whose disk fails on demand."""

import asyncio
from pathlib import Path

from gateway.buffer.buffer import Buffer
from gateway.buffer.disk import Disk
from gateway.buffer.recovery import Opened, open_store
from gateway.buffer.send_order import Entry
from gateway.buffer.store import Batch, Store, StoreError, Written
from gateway.telemetry.message import telemetry_from_json
from tests.support.virtual_clock import InlineExecutor, VirtualClock

#: Rounds in which pages may have to be read from disk before an entry is available.
PATIENCE_ROUNDS = 4

ROOMY = 100 * 1024 * 1024


class BufferBench:
    """A Buffer and its store. While `failure` is set, every open and write raises it.

    `writes`: the number of successful writes. `is_damaged`: the file appears damaged when it is
    first opened.
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
        self.is_damaged = False
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
        if self.store is not None:
            self.store.close()

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
        records = [
            record
            for race_id in self.store.pending_by_race()
            for record in self.store.page(race_id, 0, 1_000_000)
        ]
        return [telemetry_from_json(record.payload).second for record in records]

    def _open(self, *, is_damaged: bool) -> Opened:
        if self.failure:
            raise self.failure
        is_damaged, self.is_damaged = is_damaged or self.is_damaged, False
        self._opened += 1
        opened = open_store(self.path, self._max_bytes, now_ms=self._opened, is_damaged=is_damaged)
        self.store = opened.store
        write = opened.store.write

        def write_or_fail(batch: Batch) -> Written:
            if self.failure:
                raise self.failure
            self.writes += 1
            return write(batch)

        opened.store.write = write_or_fail  # type: ignore[method-assign]
        return opened


def seconds(entries: list[Entry]) -> list[int]:
    return [telemetry_from_json(entry.payload).second for entry in entries]
