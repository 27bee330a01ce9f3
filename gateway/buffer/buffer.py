"""Buffer: holds every Telemetry until IoT Core has acknowledged it.

The promise: at any instant every message older than the commit interval is either acknowledged
or fsynced on disk. A message acknowledged before its commit is due never touches the disk.

Order: newest race first; within a race as produced. Memory holds what is not yet on disk and
the next log or two to send; the rest is read back log by log.

A disk that is full, broken or silent stops neither racing nor sending: what is in memory goes on,
is bounded, and what had to be given up is counted.

All methods belong to the event loop; the files belong to a thread of their own.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator

import structlog

from gateway.buffer.disk import RETRY_NS, Disk, log_missing
from gateway.buffer.ledger import IN_MEMORY_MAX, Ledger
from gateway.buffer.log_format import UNDATED
from gateway.buffer.send_order import Entry, RaceQueue, Segment
from gateway.buffer.status import BufferStatus
from gateway.buffer.store import Batch, Record, StoreError, Written
from gateway.telemetry.message import Telemetry
from gateway.telemetry.undated import Dater
from gateway.timing.clock import GatewayClock
from gateway.timing.pulse import Pulse
from gateway.timing.units import NS_PER_S

#: Written at this part of the interval, so that the fsync is over when the interval is.
COMMIT_AT = 0.8
#: What is due so soon goes with the write: one tick's messages are made one after the other.
COMMIT_TOGETHER_NS = NS_PER_S // 20
#: A `final` is not kept waiting; online it gets this long to be acknowledged first.
FINAL_GRACE_NS = NS_PER_S // 4
#: Deletions cost a write, so they go with the next one, or wait for company.
DELETE_BATCH = 100
DELETE_AFTER_NS = 5 * NS_PER_S
#: A log is read back from disk; older races wait this long for it.
READ_PATIENCE_NS = NS_PER_S // 2
#: A message this young belongs to the race that is being ridden: it does not wait for backlog.
LIVE_NS = 2 * NS_PER_S
#: A last write that fails is tried again.
CLOSING_TRIES = 3
#: A card that is busy with itself is not to be mistaken for a thread that hangs.
PATIENCE = 6
#: Nor is the migration of a large file of an earlier version: an hour.
OPENING_PATIENCE = 180

log = structlog.get_logger()


class Buffer:
    """See the module. Open with `open_buffer`, keep `run` running, end with `close`."""

    def __init__(self, disk: Disk, clock: GatewayClock, commit_interval_s: float) -> None:
        self._disk = disk
        self._clock = clock
        self._interval_ns = round(commit_interval_s * NS_PER_S)
        self._ledger = Ledger(sends_unwritten=commit_interval_s > 0)
        self._ledger.on_missing = log_missing
        self._dater: Dater | None = None
        self._housekeeping_due_ns: int | None = None
        #: A log that is being read, and until when older races wait for it.
        self._reading: asyncio.Task[None] | None = None
        self._read_due_ns = 0
        #: Races whose messages the disk does not return, and why.
        self._unreadable: dict[int, str] = {}
        self._notes: list[str] = []
        self._wake = asyncio.Event()
        self.pulse = Pulse("buffer", clock, self._wake.set, PATIENCE)
        self._sleeping_until_ns: int | None = None
        self._writing = asyncio.Lock()
        #: How many senders could get an acknowledgement now. If none, a final is written at once.
        self.senders_online = 0
        #: Whether the log has the first discarded message.
        self._has_discarded = False
        #: Each is called when there may be something new to take.
        self.on_available: list[Callable[[], None]] = []

    @property
    def status(self) -> BufferStatus:
        ledger, disk = self._ledger, self._disk
        return BufferStatus(
            depth=ledger.depth,
            on_disk=ledger.on_disk,
            lost=ledger.lost,
            quarantined=ledger.quarantined,
            unnamed=ledger.undated.pending,
            problem=disk.problem or self._read_problem,
            notes=tuple(self._notes),
            used_bytes=disk.used_bytes,
            free_bytes=disk.free_bytes,
        )

    def append(self, telemetry: Telemetry) -> None:
        """Take a message in. Never blocks, never fails."""
        self._admit(telemetry.race_id, telemetry.to_json(), is_final=telemetry.is_final)
        if self._disk.problem is not None:
            self._ledger.sends_unwritten = True
        self._tell_available()

    def append_undated(self, payload: bytes) -> None:
        """Take in a second whose race is not known yet. Never blocks, never fails."""
        self._admit(UNDATED, payload, is_final=False)

    def date_seconds(self, dater: Dater) -> None:
        """Begin to turn undated seconds, also an earlier process's, into messages."""
        self._dater = dater
        self._keep_house_by(self._clock.monotonic_ns())

    def discard(self, is_leftover: Callable[[bytes], bool]) -> None:
        """Forget leftovers of an earlier process when they are read, instead of sending them."""
        self._ledger.is_leftover = is_leftover

    def note(self, text: str) -> None:
        """Show a text in the status, and log it."""
        self._notes.append(text)
        log.error(text)

    def head(self, without: Collection[int] = ()) -> Entry | None:
        """Return the next message of a race that is not in `without`; None if there is none yet."""
        if self._is_dating:
            return None
        return self._live_head(without) or self._head(without)

    def heads(self) -> Iterator[Entry]:
        """Yield the first of each race and bike, newest race first; read more if need be."""
        order = self._ledger.order
        for number, queue in enumerate(() if self._is_dating else order.newest_first()):
            if queue.unread is not None:
                if number and order.in_memory + queue.unread.pending > IN_MEMORY_MAX:
                    return  # reading it would push a log out of memory that this loop still needs
                if self._expects(queue, queue.unread):
                    return  # older races wait for it
            yield from filter(self._may_be_sent, queue.heads())

    def _live_head(self, without: Collection[int]) -> Entry | None:
        """Return the next message of the newest race being ridden that has no backlog before it."""
        for queue in self._ledger.order.newest_first(without):
            if self._clock.monotonic_ns() - queue.produced_ns > LIVE_NS:
                return None
            first = queue.first
            if first is not None and queue.unread is None and self.is_live(first):
                return first if self._may_be_sent(first) else None
        return None

    def _head(self, without: Collection[int]) -> Entry | None:
        for queue in self._ledger.order.newest_first(without):
            if queue.unread is not None and self._expects(queue, queue.unread):
                return None
            # What memory has overtakes what the disk does not return.
            if queue.first is not None and self._may_be_sent(queue.first):
                return queue.first
        return None

    def _may_be_sent(self, entry: Entry) -> bool:
        return entry.segment is not None or self._ledger.sends_unwritten

    def is_live(self, entry: Entry) -> bool:
        """Return whether a message was just produced, so that it is not backlog."""
        produced_ns = entry.produced_ns
        return produced_ns is not None and self._clock.monotonic_ns() - produced_ns <= LIVE_NS

    def take(self, entry: Entry) -> None:
        """Hand out one of the `heads`, until it is acknowledged, given back or quarantined."""
        self._ledger.take(entry)

    def give_back(self, entry: Entry) -> None:
        """Return a message that was not delivered to its place in the order."""
        self._ledger.give_back(entry)
        self._tell_available()

    def acknowledge(self, entry: Entry) -> None:
        """Forget a message that IoT Core has received."""
        self._ledger.acknowledge(entry)
        waiting = len(self._ledger.to_delete)
        if waiting:  # else it never touched the disk
            delay_ns = 0 if waiting >= DELETE_BATCH else DELETE_AFTER_NS
            self._keep_house_by(self._clock.monotonic_ns() + delay_ns)

    def quarantine(self, entry: Entry, reason: str) -> None:
        """Set a message aside, with the reason, so that it blocks nothing behind it."""
        self._ledger.set_aside(entry, reason)
        self._keep_house_by(self._clock.monotonic_ns())

    async def release(self, batch: Batch) -> int:
        """Requeue or drop quarantined messages; return how many there were. Raises StoreError."""
        async with self._writing:
            try:
                await self._open()
                written = await self._disk.write(batch)
            except StoreError:
                self._keep_house_by(self._clock.monotonic_ns() + RETRY_NS)
                raise
            self._ledger.released(written)
            self._settle(written)
        self._keep_house_by(self._clock.monotonic_ns())
        return written.released

    async def run(self) -> None:
        """Write what is due, forever."""
        while True:
            if not self._disk.is_silent:
                self.pulse.beat()
            dues_ns = (self._ledger.next_due_ns(), self._housekeeping_due_ns)
            self._sleeping_until_ns = min((ns for ns in dues_ns if ns is not None), default=None)
            await self._clock.wait(self._wake, self._sleeping_until_ns)
            self._wake.clear()
            # A thread cannot be cancelled: wait until it has finished, and learn the outcome.
            await asyncio.shield(self.commit())

    async def commit(self, *, everything: bool = False) -> None:
        """Write what is due now, or everything, at once; if nothing is due, write nothing."""
        async with self._writing:
            try:
                await self._open()
                await self._write_due(everything=everything)
                await self._date_log()
            except StoreError:
                self._postpone()

    async def close(self) -> None:
        """Write everything that is not acknowledged to disk, if the disk lets it."""
        for _ in range(CLOSING_TRIES):
            await self.commit(everything=True)
            unwritten = self._ledger.in_memory_only
            if not unwritten:
                break
        if unwritten:
            log.error("messages lost", count=unwritten, reason=self._disk.problem)
        if self._reading is not None:
            await self._reading
        await self._disk.close()

    @property
    def _is_dating(self) -> bool:
        """Kept seconds are becoming messages; they come before those that are produced now."""
        undated = self._ledger.undated
        if self._dater is None or undated.is_over:
            return False
        return self._disk.problem is None and undated.race_id not in self._unreadable

    def _admit(self, race_id: int, payload: bytes, *, is_final: bool) -> None:
        now_ns = self._clock.monotonic_ns()
        delay_ns = round(self._interval_ns * COMMIT_AT)
        if is_final:
            delay_ns = min(delay_ns, FINAL_GRACE_NS) if self.senders_online else 0
        entry = self._ledger.admit(race_id, payload, now_ns + delay_ns, now_ns)
        self._wake_by(entry.commit_due_ns)

    @property
    def _read_problem(self) -> str | None:
        waits = self._ledger.waits
        return next((why for race_id, why in self._unreadable.items() if waits(race_id)), None)

    def _tell_available(self) -> None:
        for tell in self.on_available:
            tell()

    def _expects(self, queue: RaceQueue, segment: Segment) -> bool:
        """Return whether the race's next log is being read, and worth waiting for."""
        now_ns = self._clock.monotonic_ns()
        if not self._disk.is_open or now_ns < queue.read_again_ns:
            return False
        if self._reading is None:
            self._reading = asyncio.create_task(self._load(queue, segment))
            self._read_due_ns = now_ns + READ_PATIENCE_NS
        return now_ns < self._read_due_ns

    async def _load(self, queue: RaceQueue, segment: Segment) -> None:
        try:
            records = await self._read(segment)
            if self._ledger.loaded(segment, records):
                self._report_discarded()
        except StoreError:
            queue.read_again_ns = self._clock.monotonic_ns() + RETRY_NS
            self._keep_house_by(queue.read_again_ns)
        finally:
            self._reading = None
            self._tell_available()

    async def _read(self, segment: Segment) -> list[Record]:
        race_id = segment.name.race_id
        try:
            records = await self._disk.ask(lambda store: store.read(segment.name))
        except StoreError as error:
            if race_id not in self._unreadable:
                log.error("buffered race cannot be read", race_id=race_id, reason=str(error))
            self._unreadable[race_id] = str(error)
            raise
        self._unreadable.pop(race_id, None)
        return records

    def _report_discarded(self) -> None:
        self._keep_house_by(self._clock.monotonic_ns() + DELETE_AFTER_NS)
        if not self._has_discarded:
            self._has_discarded = True
            log.warning("discarding the buffered seconds of bikes that are no longer simulated")

    async def _write_due(self, *, everything: bool) -> None:
        now_ns = self._clock.monotonic_ns()
        next_ns, house_ns = self._ledger.next_due_ns(), self._housekeeping_due_ns
        if everything or any(ns is not None and ns <= now_ns for ns in (next_ns, house_ns)):
            due = self._ledger.due(None if everything else now_ns + COMMIT_TOGETHER_NS)
            await self._write(due)

    async def _write(self, due: list[Entry]) -> None:
        self._housekeeping_due_ns = None
        batch = self._ledger.batch(due)
        try:
            written = await self._disk.write(batch)
        except StoreError:
            self._ledger.failed(batch)
            raise
        self._ledger.sends_unwritten = self._interval_ns > 0
        self._ledger.written(due, batch, written)
        self._settle(written)
        if self._ledger.to_delete:
            self._keep_house_by(self._clock.monotonic_ns() + DELETE_AFTER_NS)

    async def _date_log(self) -> None:
        """Date some of the oldest log. Nothing is sent until all are dated: the order is kept."""
        if self._dater is None or self._ledger.undated.is_over:
            return
        segments = self._ledger.undated.segments
        if not segments:
            self._date_unwritten(self._dater)
            return
        try:
            records = await self._read(segments[0])
        except StoreError:
            segments.append(segments.pop(0))  # the others come first
            self._keep_house_by(self._clock.monotonic_ns() + RETRY_NS)
            return
        batch = self._ledger.dated_batch(segments[0], records, self._dater)
        await self._write_dated(segments[0], batch)

    def _date_unwritten(self, dater: Dater) -> None:
        self._ledger.date_unwritten(dater)
        if not self._ledger.undated.is_over:
            self._keep_house_by(self._clock.monotonic_ns())
        self._tell_available()

    async def _write_dated(self, segment: Segment, batch: Batch) -> None:
        written = await self._disk.write(batch)
        self._ledger.dated(segment, batch, written)
        self._settle(written)
        self._keep_house_by(self._clock.monotonic_ns())

    async def _open(self) -> None:
        """See that the directory is open, and what it holds is known."""
        if self._disk.is_open:
            return
        self.pulse.patience = OPENING_PATIENCE
        try:
            opened = await self._disk.open()
        finally:
            self.pulse.patience = PATIENCE
        for note in opened.notes:
            self.note(note)
        self._ledger.lost += opened.lost
        self._ledger.learn(opened.waiting, opened.quarantined, opened.last_id)
        self._keep_house_by(self._clock.monotonic_ns())  # there may be more than the bound allows
        self._tell_available()

    def _settle(self, written: Written) -> None:
        """Report what a write has done to other races, and that there may be more to take."""
        if written.evicted:
            lost, logs = self._ledger.lost, len(written.evicted)
            log.error("buffer full: oldest messages deleted", logs=logs, lost_in_all=lost)
        for name in written.vanished:
            log.error("buffered log deleted by another program", file=str(name))
        if written.vanished:
            self._keep_house_by(self._clock.monotonic_ns())
        self._tell_available()

    def _postpone(self) -> None:
        """Try the disk, which took nothing, again later; send from memory what waited for it."""
        retry_ns = self._clock.monotonic_ns() + RETRY_NS
        for entry in self._ledger.unwritten:
            entry.commit_due_ns = max(entry.commit_due_ns, retry_ns)
        self._housekeeping_due_ns = retry_ns
        self._ledger.sends_unwritten = True
        if self._dater is not None:
            self._ledger.date_unwritten(self._dater)
        self._tell_available()

    def _keep_house_by(self, due_ns: int) -> None:
        self._housekeeping_due_ns = min(due_ns, self._housekeeping_due_ns or due_ns)
        self._wake_by(self._housekeeping_due_ns)

    def _wake_by(self, due_ns: int) -> None:
        if self._sleeping_until_ns is None or due_ns < self._sleeping_until_ns:
            self._wake.set()
