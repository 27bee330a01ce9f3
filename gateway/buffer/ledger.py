"""Ledger: the messages that are not done with, and which are in memory or on disk. Pure.

A message is either `unwritten`, and then in memory, or in a log, which is a Segment here. See
`send_order` for the states of a message.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from gateway.buffer.log_format import UNDATED, LogName
from gateway.buffer.send_order import Entry, EntryState, RaceQueue, Segment, SendOrder
from gateway.buffer.store import Batch, Record, Written
from gateway.telemetry.undated import Dater, NotDatable

#: Messages in memory while the disk refuses them: 100 bikes for over 3 minutes, some 10 MB.
UNWRITTEN_MAX = 20_000
#: Beyond this number in memory, logs are forgotten until they are needed; some 2 MB.
IN_MEMORY_MAX = 2048
#: Dating a message takes up to 0.1 ms on a Raspberry Pi, for which the event loop waits.
DATED_AT_ONCE = 200


class Ledger:
    """All messages. Those of a race are counted where they are: unwritten, and in its segments."""

    def __init__(self, *, sends_unwritten: bool) -> None:
        #: A message may be sent before it was written.
        self.sends_unwritten = sends_unwritten
        #: Whether a message of an earlier process is to be discarded instead of sent.
        self.is_leftover: Callable[[bytes], bool] = lambda payload: False
        #: Called with a log, and how many of its messages turn out to be missing.
        self.on_missing: Callable[[LogName, int], None] = lambda name, count: None
        self.order = SendOrder()
        #: Seconds that wait for the clock to be set. Memory has none of those that are written.
        self.undated = RaceQueue(UNDATED)
        self.unwritten: dict[Entry, None] = {}
        self.lost = 0
        #: Done with, but still on disk.
        self.to_delete: list[tuple[LogName, int]] = []
        self._to_set_aside: list[tuple[Entry, str]] = []
        self._set_aside_on_disk = 0
        self._segments: dict[LogName, Segment] = {}
        self._taken: dict[Entry, None] = {}
        self._next_id = 1

    @property
    def on_disk(self) -> int:
        """The number of messages that are on disk and not done with."""
        return sum(segment.pending for segment in self._segments.values())

    @property
    def depth(self) -> int:
        """The number of messages that are not done with."""
        return len(self.unwritten) + self.on_disk

    @property
    def in_memory_only(self) -> int:
        """The number of messages that would be lost now."""
        return len(self.unwritten) + len(self._to_set_aside)

    @property
    def quarantined(self) -> int:
        """The number of messages that are set aside."""
        return self._set_aside_on_disk + len(self._to_set_aside)

    def waits(self, race_id: int) -> bool:
        """Return whether a race, or UNDATED, has messages that are not done with."""
        return not self.undated.is_over if race_id == UNDATED else race_id in self.order

    def admit(self, race_id: int, payload: bytes, due_ns: int, now_ns: int) -> Entry:
        """Take in a message, to be written by `due_ns`. If memory is full the oldest one goes."""
        if len(self.unwritten) >= UNWRITTEN_MAX:
            self._give_up(next(iter(self.unwritten)))
        entry = Entry(self._next_id, race_id, payload, due_ns, produced_ns=now_ns)
        self._next_id += 1
        self.unwritten[entry] = None
        if race_id == UNDATED:
            self.undated.unwritten += 1
        else:
            queue = self.order.newest(race_id)
            queue.unwritten += 1
            queue.produced_ns = now_ns
            self.order.put(entry)
        return entry

    def take(self, entry: Entry) -> None:
        """Hand out what is next of its race and bike."""
        self.order.withdraw(entry)
        entry.state = EntryState.TAKEN
        self._taken[entry] = None

    def give_back(self, entry: Entry) -> None:
        """Put what was not delivered back into its place in the order."""
        self._taken.pop(entry, None)
        if entry.done:
            return
        if entry.segment is not None and not entry.segment.is_loaded:
            entry.state = EntryState.ON_DISK
        else:
            entry.state = EntryState.WAITING
            self.order.put(entry)

    def acknowledge(self, entry: Entry) -> None:
        """Forget a message that has arrived."""
        self._taken.pop(entry, None)
        if entry.state is EntryState.LOST:
            self.lost -= 1
            entry.state = EntryState.DONE
        elif not entry.done:
            self._finish(entry)

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Keep a message, with the reason, but never send it."""
        self._taken.pop(entry, None)
        if not entry.done:
            self._finish(entry)
            self._to_set_aside.append((entry, reason))

    # To the disk.

    def due(self, until_ns: int | None) -> list[Entry]:
        """Return what is to be written by then; None: everything."""
        return [one for one in self.unwritten if until_ns is None or one.commit_due_ns <= until_ns]

    def next_due_ns(self) -> int | None:
        return min((entry.commit_due_ns for entry in self.unwritten), default=None)

    def batch(self, due: Iterable[Entry]) -> Batch:
        """Return what a write is to contain; `written` must follow if it succeeds, or `failed`."""
        set_aside = [(_record(entry), reason) for entry, reason in self._to_set_aside]
        return Batch([_record(entry) for entry in due], [*self.to_delete], set_aside)

    def written(self, due: Iterable[Entry], batch: Batch, written: Written) -> None:
        """Note that a `batch` is on disk."""
        del self.to_delete[: len(batch.done)]
        del self._to_set_aside[: len(batch.quarantined)]
        for entry in due:
            self._written(entry, written.placed[entry.id])
        self.count(written)
        self._make_room()

    def failed(self, batch: Batch) -> None:
        """Note that a `batch` could not be written, apart from what is done with anyway."""
        gone = set(batch.done_anyway)
        self.to_delete[: len(batch.done)] = [one for one in batch.done if one not in gone]

    def _written(self, entry: Entry, name: LogName) -> None:
        if entry.done:  # while it was being written
            self.to_delete.append((name, entry.id))
        else:
            del self.unwritten[entry]
            self._queue(entry.race_id).unwritten -= 1
            entry.segment = self._place(name)
            if entry.state is EntryState.WAITING and not entry.segment.is_loaded:
                self._forget(entry)

    def count(self, written: Written) -> None:
        """Note what a write has done to the logs."""
        self._set_aside_on_disk = written.quarantined
        for name in written.vanished:
            self._vanished(name)
        for name in written.evicted:
            self._evicted(name)

    def released(self, written: Written) -> None:
        """Note that messages have left the quarantine: to be sent again, or for good."""
        self._store(written.requeued.values())
        self.order.sort()
        self.count(written)

    # From the disk.

    def learn(self, waiting: dict[LogName, int], quarantined: int, last_id: int) -> None:
        """Note what the logs hold. What this process has produced so far gets higher ids."""
        set_aside = (entry for entry, _ in self._to_set_aside)
        for entry in {*self.unwritten, *self._taken, *set_aside}:
            entry.id += last_id
        self._next_id += last_id
        self._set_aside_on_disk = quarantined
        for name, pending in waiting.items():
            self._segments[name] = segment = Segment(name, pending, is_loaded=False)
            is_dated = name.race_id != UNDATED
            queue = self.order.newest(name.race_id) if is_dated else self.undated
            queue.add_segment(segment)
        self.order.sort()

    def loaded(self, segment: Segment, records: Sequence[Record]) -> int:
        """Take in the messages of a log; what is missing among them is lost.

        Return the number of leftovers among them, which are done with.
        """
        if segment.is_loaded or self._segments.get(segment.name) is not segment:
            return 0  # evicted or dated meanwhile
        segment.is_loaded = True
        fresh = self._unknown(segment, records)
        entries = [Entry(one.id, one.race_id, one.payload, segment=segment) for one in fresh]
        leftovers = [entry for entry in entries if self.is_leftover(entry.payload)]
        for entry in entries:
            if entry not in leftovers:
                self.order.put(entry)
        for entry in leftovers:
            self._finish(entry)
        self._make_room(keep=segment.name.race_id)
        return len(leftovers)

    # Undated seconds become messages.

    def date_unwritten(self, dater: Dater) -> None:
        """Date some of what memory has. Not to be called while a write is under way."""
        undated = (one for one in self.unwritten if one.race_id == UNDATED)
        for entry in list(islice(undated, DATED_AT_ONCE)):
            try:
                message = dater(entry.payload)
            except NotDatable as reason:
                self.set_aside(entry, str(reason))
                continue
            if message is None:
                self._finish(entry)
                continue
            self.undated.unwritten -= 1
            entry.race_id, entry.payload = message.race_id, message.to_json()
            queue = self.order.queue(entry.race_id)
            queue.unwritten += 1
            queue.produced_ns = max(queue.produced_ns, entry.produced_ns or 0)
            self.order.put(entry)
        self.order.sort()

    def dated_batch(self, segment: Segment, records: Sequence[Record], dater: Dater) -> Batch:
        """Return what becomes of the first of a log of undated seconds.

        `dated` must follow if it is written.
        """
        quarantined: list[tuple[Record, str]] = []
        dated: list[Record] = []
        fresh = self._unknown(segment, records)[:DATED_AT_ONCE]
        for record in fresh:
            try:
                message = dater(record.payload)
            except NotDatable as reason:
                quarantined.append((record, str(reason)))
                continue
            if message is not None:
                dated.append(Record(record.id, message.race_id, message.to_json()))
        return Batch(dated, [(segment.name, record.id) for record in fresh], quarantined)

    def dated(self, segment: Segment, batch: Batch, written: Written) -> None:
        """Note that a `dated_batch` is on disk."""
        self._leave(segment, len(batch.done))
        self._store(written.placed.values())
        self.order.sort()
        self.count(written)

    def _unknown(self, segment: Segment, records: Sequence[Record]) -> list[Record]:
        """Return those that are neither taken nor done with; note what is missing."""
        taken = [entry.id for entry in self._taken if entry.segment is segment]
        known = {*taken, *(id_ for name, id_ in self.to_delete if name == segment.name)}
        fresh = [record for record in records if record.id not in known]
        # There may be more: the disk did not return them before, or what was done is damaged.
        missing = segment.pending - len(taken) - len(fresh)
        lost = max(missing, -segment.lost)
        segment.lost += lost
        self.lost += lost
        if lost > 0:
            self.on_missing(segment.name, lost)
        self._leave(segment, missing)
        return fresh

    def _queue(self, race_id: int) -> RaceQueue:
        return self.undated if race_id == UNDATED else self.order.queue(race_id)

    def _place(self, name: LogName) -> Segment:
        """Count one more message in a log."""
        segment = self._segments.get(name)
        if segment is None:
            segment = Segment(name, is_loaded=name.race_id != UNDATED)
            self._segments[name] = segment
            self._queue(name.race_id).add_segment(segment)
        segment.pending += 1
        return segment

    def _store(self, placed: Iterable[LogName]) -> None:
        """Count messages that only the disk has, each by its log."""
        for name in placed:
            segment = self._place(name)
            self._unload(self._queue(name.race_id), segment)

    def _finish(self, entry: Entry) -> None:
        """Count as done a message that is not in the order."""
        entry.state = EntryState.DONE
        self._taken.pop(entry, None)
        if entry.segment is None:
            del self.unwritten[entry]
            self._queue(entry.race_id).unwritten -= 1
            self.order.drop_if_over(entry.race_id)
        else:
            self.to_delete.append((entry.segment.name, entry.id))
            self._leave(entry.segment, 1)

    def _leave(self, segment: Segment, count: int) -> None:
        """Count fewer messages in a log."""
        segment.pending -= count
        if segment.pending <= 0 and segment.name in self._segments:
            self._drop(segment)

    def _drop(self, segment: Segment) -> None:
        del self._segments[segment.name]
        self._queue(segment.name.race_id).segments.remove(segment)
        self.order.drop_if_over(segment.name.race_id)

    def _make_room(self, keep: int | None = None) -> None:
        """Forget what is on disk until memory is small enough; begin with what is sent last.

        A suspect stays: what speaks against it is known of this Entry alone.
        """
        if self.order.in_memory <= IN_MEMORY_MAX:
            return
        for queue in self.order.oldest_first():
            suspects = {entry.segment for entry in queue.entries if entry.is_suspect}
            for segment in reversed(queue.segments) if queue.race_id != keep else ():
                if self.order.in_memory > IN_MEMORY_MAX and segment not in suspects:
                    self._unload(queue, segment)

    def _unload(self, queue: RaceQueue, segment: Segment) -> None:
        if segment.is_loaded:
            segment.is_loaded = False
            for entry in [one for one in queue.entries if one.segment is segment]:
                self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        if entry.race_id != UNDATED:
            self.order.withdraw(entry)
        entry.state = EntryState.ON_DISK

    def _vanished(self, name: LogName) -> None:
        """Note that something has deleted a log: what memory has of it is written again."""
        segment = self._segments.get(name)
        if segment is None:
            return
        queue = self._queue(name.race_id)
        kept = [one for one in (*queue.entries, *self._taken) if one.segment is segment]
        for entry in kept:
            entry.segment, entry.commit_due_ns = None, 0
            self.unwritten[entry] = None
        queue.unwritten += len(kept)
        self.lost += segment.pending - len(kept)
        self._drop(segment)

    def _evicted(self, name: LogName) -> None:
        """Note that a log had to go for room: all of its messages are lost."""
        segment = self._segments.get(name)
        if segment is None:
            return
        queue = self._queue(name.race_id)
        for entry in [one for one in queue.entries if one.segment is segment]:
            self.order.withdraw(entry)
            entry.state = EntryState.LOST
        for entry in self._taken:
            if entry.segment is segment:
                entry.state = EntryState.LOST
        self.lost += segment.pending
        self._drop(segment)

    def _give_up(self, entry: Entry) -> None:
        """Lose an unwritten message, since memory has no room for it."""
        self.lost += 1
        if entry.state is EntryState.WAITING and entry.race_id != UNDATED:
            self.order.withdraw(entry)
        self._finish(entry)
        entry.state = EntryState.LOST


def _record(entry: Entry) -> Record:
    return Record(entry.id, entry.race_id, entry.payload)
