"""Buffer: holds every Telemetry until IoT Core has acknowledged it.

The promise: at any instant every message older than the commit interval is either acknowledged
or fsynced on disk. A message acknowledged before its commit is due never touches the disk.

Order: newest race first; within a race as produced. Memory holds what is not yet on disk and
the next few hundred messages to send; the rest is read back page by page.

All methods belong to the event loop; the file belongs to one thread of its own.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.clock import NS_PER_S, Clock
from gateway.send_order import Entry, RaceQueue, SendOrder
from gateway.store import Record, Store, StoreError
from gateway.telemetry import Telemetry

#: Written at this part of the interval, so that the fsync is over when the interval is.
COMMIT_AT = 0.8
#: A `final` is not kept waiting; online it gets this long to be acknowledged first.
FINAL_GRACE_NS = NS_PER_S // 4
#: Deletions cost a transaction, so they ride with the next one, or wait for company.
DELETE_BATCH = 100
DELETE_AFTER_NS = 5 * NS_PER_S
#: After a failed write the disk is left alone for this long.
DISK_RETRY_NS = NS_PER_S
#: Messages read back from disk at once.
PAGE = 64
#: Messages in memory while the disk refuses them: 100 bikes for over 3 minutes, some 10 MB.
UNCOMMITTED_MAX = 20_000

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BufferStatus:
    """Counts of messages. `lost`: given up for want of room since the start."""

    depth: int
    on_disk: int
    lost: int
    quarantined: int
    problem: str | None


class Buffer:
    """See the module. Open with `open_buffer`, keep `run` running, end with `close`."""

    def __init__(
        self, store: Store, clock: Clock, commit_interval_s: float, disk: Executor
    ) -> None:
        self._store = store
        self._clock = clock
        self._interval_ns = round(commit_interval_s * NS_PER_S)
        self._disk = disk
        self._order = SendOrder()
        self._uncommitted: dict[int, Entry] = {}
        self._taken: dict[int, Entry] = {}
        self._to_delete: list[int] = []
        self._to_quarantine: list[tuple[Record, str]] = []
        self._housekeeping_due_ns: int | None = None
        self._on_disk = 0
        self._depth = 0
        self._lost = 0
        self._quarantined = 0
        self._next_id = 1
        self._wake = asyncio.Event()
        self._sleeping_until_ns: int | None = None
        self._writing = asyncio.Lock()
        self.problem: str | None = None
        #: Set by whoever sends: nobody can acknowledge now, so a final is written at once.
        self.online = False
        #: Called when there may be something new to take.
        self.on_available: Callable[[], None] = lambda: None

    @property
    def status(self) -> BufferStatus:
        return BufferStatus(self._depth, self._on_disk, self._lost, self._quarantined, self.problem)

    async def load(self) -> None:
        """Learn what an earlier process left on disk. Raises StoreError."""
        pending = await self._on_disk_thread(self._store.pending_by_race)
        self._next_id = await self._on_disk_thread(self._store.last_id) + 1
        self._quarantined = await self._on_disk_thread(self._store.quarantined_count)
        for race_id, count in pending.items():
            self._order.add_stored(race_id, count)
            self._depth += count
            self._on_disk += count

    def append(self, telemetry: Telemetry) -> None:
        """Take a message in. Never blocks, never fails."""
        now_ns = self._clock.monotonic_ns()
        due_ns = now_ns + self._commit_delay_ns(telemetry.is_final)
        entry = Entry(self._next_id, telemetry.race_id, telemetry.to_json(), due_ns)
        self._next_id += 1
        if len(self._uncommitted) >= UNCOMMITTED_MAX:
            self._give_up(next(iter(self._uncommitted.values())))
        self._uncommitted[entry.id] = entry
        self._depth += 1
        self._order.queue(entry.race_id).pending += 1
        if self._interval_ns > 0:
            self._offer(entry)
        self._wake_by(entry.commit_due_ns)

    async def take(self) -> Entry | None:
        """The next message to send, handed out until acknowledged, given back or refused."""
        unreadable: set[int] = set()
        while (queue := self._order.next_queue(unreadable)) is not None:
            if queue.resident:
                entry = self._order.pop(queue)
                self._taken[entry.id] = entry
                return entry
            if not await self._load_page(queue):
                unreadable.add(queue.race_id)
        return None

    def give_back(self, entry: Entry) -> None:
        """Not delivered: it returns to its place in the order."""
        self._taken.pop(entry.id, None)
        if not entry.done:
            self._order.put(entry)
            self.on_available()

    def acknowledge(self, entry: Entry) -> None:
        """IoT Core has it: forget it."""
        self._taken.pop(entry.id, None)
        if entry.done:
            return
        self._finish(entry)
        if entry.on_disk:
            self._delete_later(entry.id)

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Set a message aside, with the reason, so that it blocks nothing behind it."""
        self._taken.pop(entry.id, None)
        if entry.done:
            return
        self._finish(entry)
        self._quarantined += 1
        self._to_quarantine.append((_record(entry), reason))
        self._keep_house_by(self._clock.monotonic_ns())

    async def run(self) -> None:
        """Write what is due, for ever."""
        while True:
            self._sleeping_until_ns = self._next_due_ns()
            await self._clock.wait(self._wake, self._sleeping_until_ns)
            self._wake.clear()
            await self.commit()

    async def commit(self, *, everything: bool = False) -> None:
        """Write what is due now (or everything), in one transaction; nothing due, no write."""
        async with self._writing:
            now_ns = self._clock.monotonic_ns()
            batch = [
                entry
                for entry in self._uncommitted.values()
                if everything or entry.commit_due_ns <= now_ns
            ]
            due_ns = self._housekeeping_due_ns
            if batch or everything or (due_ns is not None and due_ns <= now_ns):
                await self._write(batch)

    async def close(self) -> None:
        """Everything that is not acknowledged is on disk afterwards, if the disk lets it."""
        await self.commit(everything=True)
        if self._uncommitted:
            log.error("messages lost", count=len(self._uncommitted), reason=self.problem)
        await self._on_disk_thread(self._store.close)
        self._disk.shutdown()

    def _commit_delay_ns(self, is_final: bool) -> int:
        delay_ns = round(self._interval_ns * COMMIT_AT)
        if is_final:
            return min(delay_ns, FINAL_GRACE_NS) if self.online else 0
        return delay_ns

    def _offer(self, entry: Entry) -> None:
        self._order.offer(entry)
        self.on_available()

    async def _load_page(self, queue: RaceQueue) -> bool:
        """Read the next messages of a race back; False if the disk does not let us now."""
        from_id = queue.gap_from_id
        assert from_id is not None
        try:
            records = await self._on_disk_thread(
                lambda: self._store.page(queue.race_id, from_id, PAGE)
            )
        except StoreError as error:
            self.problem = str(error)
            self._keep_house_by(self._clock.monotonic_ns() + DISK_RETRY_NS)
            return False
        if queue.gap_from_id == from_id:  # else the race was evicted meanwhile
            self._admit_page(queue, from_id, records)
        return True

    def _admit_page(self, queue: RaceQueue, from_id: int, records: list[Record]) -> None:
        for record in records:
            entry = self._uncommitted.get(record.id) or Entry(
                record.id, record.race_id, record.payload, on_disk=True
            )
            self._order.put(entry)
            from_id = record.id + 1
        if len(records) == PAGE:
            queue.gap_from_id = from_id
        else:
            self._close_gap(queue, from_id)

    def _close_gap(self, queue: RaceQueue, from_id: int) -> None:
        """The disk has no more of this race; what follows has not been written yet."""
        queue.gap_from_id = None
        for entry in self._uncommitted.values():
            if entry.race_id == queue.race_id and entry.id >= from_id and self._interval_ns > 0:
                self._order.put(entry)

    def _next_due_ns(self) -> int | None:
        dues_ns = [entry.commit_due_ns for entry in self._uncommitted.values()]
        if self._housekeeping_due_ns is not None:
            dues_ns.append(self._housekeeping_due_ns)
        return min(dues_ns, default=None)

    async def _write(self, batch: list[Entry]) -> None:
        deleted, self._to_delete = self._to_delete, []
        quarantined, self._to_quarantine = self._to_quarantine, []
        self._housekeeping_due_ns = None
        records = [_record(entry) for entry in batch]
        try:
            # Shielded: the thread would go on anyway, and the write can be repeated.
            written = await asyncio.shield(
                self._on_disk_thread(lambda: self._store.write(records, quarantined, deleted))
            )
        except StoreError as error:
            self._to_delete[:0] = deleted
            self._to_quarantine[:0] = quarantined
            await self._postpone(batch, str(error))
            return
        if self.problem is not None:
            self.problem = None
            self.on_available()
        self._on_disk += written.rows_added
        self._quarantined -= written.quarantine_dropped
        for entry in batch:
            self._written(entry)
        for race_id in written.evicted_race_ids:
            self._evicted(race_id)

    def _written(self, entry: Entry) -> None:
        entry.on_disk = True
        self._uncommitted.pop(entry.id, None)
        if entry.done:
            self._delete_later(entry.id)
        elif self._interval_ns == 0 and not entry.offered:
            self._offer(entry)

    async def _postpone(self, batch: list[Entry], problem: str) -> None:
        self.problem = problem
        retry_ns = self._clock.monotonic_ns() + DISK_RETRY_NS
        for entry in batch:
            entry.commit_due_ns = retry_ns
        self._housekeeping_due_ns = retry_ns
        try:
            await self._on_disk_thread(self._store.reopen)
        except StoreError as error:
            self.problem = str(error)

    def _evicted(self, race_id: int) -> None:
        """What of this race was on disk is gone; what is only in memory goes on."""
        queue = self._order.get(race_id)
        if queue is None:
            return
        for entry in (*queue.resident, *self._taken.values()):
            if entry.race_id == race_id:
                entry.done = entry.on_disk
        left = [entry for entry in self._uncommitted.values() if entry.race_id == race_id]
        waiting = [entry for entry in left if entry.id not in self._taken and self._interval_ns > 0]
        lost = self._order.shrink(queue, waiting, pending=len(left))
        self._lost += lost
        self._depth -= lost

    def _give_up(self, entry: Entry) -> None:
        """Memory is full and the disk takes nothing: the oldest unwritten message goes."""
        self._lost += 1
        self._order.withdraw(entry)
        self._finish(entry)

    def _finish(self, entry: Entry) -> None:
        entry.done = True
        self._depth -= 1
        self._taken.pop(entry.id, None)
        self._uncommitted.pop(entry.id, None)
        self._order.finish_one(entry.race_id)

    def _delete_later(self, id_: int) -> None:
        self._to_delete.append(id_)
        now_ns = self._clock.monotonic_ns()
        self._keep_house_by(
            now_ns if len(self._to_delete) >= DELETE_BATCH else now_ns + DELETE_AFTER_NS
        )

    def _keep_house_by(self, due_ns: int) -> None:
        self._housekeeping_due_ns = min(due_ns, self._housekeeping_due_ns or due_ns)
        self._wake_by(self._housekeeping_due_ns)

    def _wake_by(self, due_ns: int) -> None:
        if self._sleeping_until_ns is None or due_ns < self._sleeping_until_ns:
            self._wake.set()

    def _on_disk_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._disk, work)


def _record(entry: Entry) -> Record:
    return Record(entry.id, entry.race_id, entry.payload)


async def open_buffer(
    path: Path, clock: Clock, *, commit_interval_s: float, max_bytes: int
) -> Buffer:
    """A Buffer over the file at `path`, made if missing. Raises StoreError."""
    disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="buffer-disk")
    now_ms = clock.wall_ms_at(clock.monotonic_ns())
    store, damaged = await asyncio.get_running_loop().run_in_executor(
        disk, Store.open_or_replace, path, max_bytes, now_ms
    )
    buffer = Buffer(store, clock, commit_interval_s, disk)
    if damaged is not None:
        log.error("buffer file could not be read, set aside", path=str(path), aside=str(damaged))
    await buffer.load()
    return buffer
