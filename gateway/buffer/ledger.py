"""Ledger: every message that is not done with: what memory has of it, what the disk. Pure.

A message is in memory (`unwritten`), on disk, or both; it waits in the order, or is `taken` by a
sender. It is done when it was acknowledged, set aside, or had to be given up.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from gateway.buffer.send_order import RESIDENT_MAX, Entry, RaceQueue, SendOrder
from gateway.buffer.store import UNDATED, Batch, Record, Written
from gateway.telemetry.undated import Dater, NotDatable

#: Messages in memory while the disk refuses them: 100 bikes for over 3 minutes, some 10 MB.
UNWRITTEN_MAX = 20_000


class Ledger:
    """Counts of messages are public: `depth` not done, `on_disk` of them or waiting to be deleted
    there, `lost` given up or unreadable, `quarantined` set aside.
    """

    def __init__(self, *, sends_unwritten: bool) -> None:
        #: A message may be sent before it was written.
        self.sends_unwritten = sends_unwritten
        #: Whether a message of an earlier process is to be discarded instead of sent.
        self.is_leftover: Callable[[bytes], bool] = lambda payload: False
        self.order = SendOrder()
        self.unwritten: dict[int, Entry] = {}
        #: Done, but still on disk: id → race.
        self.to_delete: dict[int, int] = {}
        self.depth = 0
        self.on_disk = 0
        self.lost = 0
        self.quarantined = 0
        self._taken: dict[int, Entry] = {}
        self._to_set_aside: dict[int, tuple[Record, str]] = {}
        self._next_id = 1

    @property
    def waiting_on_disk(self) -> int:
        """Messages that are on disk and not done."""
        return self.on_disk - len(self.to_delete)

    @property
    def undated(self) -> int:
        """Seconds that wait for the clock to be set."""
        queue = self.order.get(UNDATED)
        return queue.pending if queue else 0

    def admit(self, race_id: int, payload: bytes, due_ns: int, now_ns: int) -> Entry:
        """A new message, to be written by `due_ns`. If memory is full the oldest unwritten goes."""
        if len(self.unwritten) >= UNWRITTEN_MAX:
            self._give_up(next(iter(self.unwritten.values())))
        entry = Entry(self._next_id, race_id, payload, due_ns, produced_ns=now_ns)
        self._next_id += 1
        self.unwritten[entry.id] = entry
        self.depth += 1
        queue = self.order.newest(race_id)
        queue.pending += 1
        queue.produced_ns = now_ns
        if self.sends_unwritten and race_id != UNDATED:
            self.order.offer(entry)
        return entry

    def take(self, entry: Entry) -> None:
        """Hand out what is next of its race and bike."""
        self.order.withdraw(entry)
        self._taken[entry.id] = entry

    def give_back(self, entry: Entry) -> None:
        """Not delivered: it returns to its place in the order."""
        self._taken.pop(entry.id, None)
        if not entry.done:
            self.order.put(entry)

    def acknowledge(self, entry: Entry) -> None:
        self._taken.pop(entry.id, None)
        if entry.given_up:
            self.lost -= 1
        elif not entry.done:
            self._finish(entry)

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Not to be sent any more, but kept, with the reason."""
        self._taken.pop(entry.id, None)
        if not entry.done:
            self._finish(entry)
            self.quarantined += 1
            self._to_set_aside[entry.id] = _record(entry), reason

    # To the disk.

    def due(self, until_ns: int | None) -> list[Entry]:
        """What is to be written by then; None: everything."""
        unwritten = self.unwritten.values()
        return [one for one in unwritten if until_ns is None or one.commit_due_ns <= until_ns]

    def next_due_ns(self) -> int | None:
        return min((entry.commit_due_ns for entry in self.unwritten.values()), default=None)

    def batch(self, due: Sequence[Entry]) -> Batch:
        """What one transaction is to write; `written` must follow if it succeeds."""
        return Batch(
            [_record(entry) for entry in due],
            list(self.to_delete),
            list(self._to_set_aside.values()),
        )

    def written(self, due: Sequence[Entry], batch: Batch, written: Written) -> None:
        for id_ in batch.deleted_ids:
            self.to_delete.pop(id_, None)
        for record, _ in batch.quarantined:
            self._to_set_aside.pop(record.id, None)
        for entry in due:
            entry.on_disk = True
            self.unwritten.pop(entry.id, None)
            if entry.done:  # acknowledged while it was being written
                self.to_delete[entry.id] = entry.race_id
            elif not entry.offered and entry.race_id != UNDATED:
                self.order.offer(entry)
        self.count(written)

    def count(self, written: Written) -> None:
        """What a transaction has changed."""
        self.on_disk += written.rows_added
        self.quarantined -= written.quarantine_dropped + written.dropped_on_request
        for race_id in written.evicted_race_ids:
            self._evicted(race_id)

    def released(self, written: Written) -> None:
        """Messages have left the quarantine: to be sent again, or for good."""
        for race_id, ids in written.requeued.items():
            self.depth += len(ids)
            self.quarantined -= len(ids)
            self.order.add_stored(race_id, len(ids), from_id=min(ids))
        self.order.sort()
        self.count(written)

    def send_unwritten(self) -> None:
        """The disk takes nothing: what waited to be written first goes on from memory."""
        if self.sends_unwritten:
            return
        self.sends_unwritten = True
        for entry in self.unwritten.values():
            if not entry.offered and entry.race_id != UNDATED:
                self.order.offer(entry)

    # From the disk.

    def admit_page(self, queue: RaceQueue, records: Sequence[Record], *, is_last: bool) -> int:
        """The next messages of a race were read back, from its gap on.

        Return the number of leftovers among them, which are done with.
        """
        leftovers = []
        for record in records:
            if self._is_known(queue, record.id):
                continue
            entry = Entry(record.id, record.race_id, record.payload, on_disk=True)
            if self.is_leftover(record.payload):
                leftovers.append(entry)
            else:
                self.order.put(entry)
        queue.gap_from_id = None if is_last else records[-1].id + 1
        self._put_unwritten(queue, self._next_id if is_last else records[-1].id + 1)
        for entry in leftovers:
            self._finish(entry)
        return len(leftovers)

    def races_unwritten(self) -> set[int]:
        return {entry.race_id for entry in self.unwritten.values()}

    def bypass_gap(self, queue: RaceQueue) -> None:
        """The disk does not give what comes next: what is in memory goes on without it."""
        self._put_unwritten(queue, self._next_id, at_most=RESIDENT_MAX)

    def raise_ids(self, last_id: int) -> None:
        """What was produced before the file could be read comes after what is in it."""
        for entry in {**self.unwritten, **self._taken}.values():
            entry.id += last_id
        self.unwritten = {entry.id: entry for entry in self.unwritten.values()}
        self._taken = {entry.id: entry for entry in self._taken.values()}
        set_aside = self._to_set_aside.values()
        self._to_set_aside = {
            one.id + last_id: (replace(one, id=one.id + last_id), why) for one, why in set_aside
        }
        self._next_id += last_id

    def held(self) -> Batch:
        """What memory knows better than a file that has just been opened."""
        entries = (*self._taken.values(), *self.order.residents())
        on_disk = [_record(entry) for entry in entries if entry.on_disk]
        return Batch(on_disk, list(self.to_delete), list(self._to_set_aside.values()))

    def learn(self, pending: dict[int, int], quarantined: int, held: Batch) -> None:
        """This is what the file holds now, each race's count; memory adds what is unwritten."""
        for id_ in held.deleted_ids:
            self.to_delete.pop(id_, None)
        for record, _ in held.quarantined:
            self._to_set_aside.pop(record.id, None)
        self.quarantined = quarantined + len(self._to_set_aside)
        self.on_disk = sum(pending.values())
        self.depth = self.waiting_on_disk + len(self.unwritten)
        for entry in self.order.residents():
            entry.done = entry.on_disk  # it comes back with a page, as another object
        self.order = SendOrder()
        done = Counter(self.to_delete.values())
        for race_id, count in pending.items():
            if count > done[race_id]:
                self.order.add_stored(race_id, count - done[race_id])
        for entry in self.unwritten.values():
            self.order.newest(entry.race_id).pending += 1
            entry.offered = entry.id in self._taken
        for queue in self.order.newest_first():
            if queue.gap_from_id is None:
                self._put_unwritten(queue, self._next_id)

    # Undated seconds become messages.

    def date_unwritten(self, dater: Dater) -> None:
        """Date what memory has. Not to be called while a write is under way."""
        for entry in [one for one in self.unwritten.values() if one.race_id == UNDATED]:
            try:
                message = dater(entry.payload)
            except NotDatable as reason:
                self.set_aside(entry, str(reason))
                continue
            if message is None:
                self._finish(entry)
            else:
                self.order.finish_one(UNDATED)
                entry.race_id, entry.payload = message.race_id, message.to_json()
                queue = self.order.queue(entry.race_id)
                queue.pending += 1
                queue.produced_ns = max(queue.produced_ns, entry.produced_ns or 0)
                if queue.gap_from_id is None or entry.id < queue.gap_from_id:
                    self._put_unwritten(queue, entry.id + 1)
        self.order.sort()

    def dated_batch(self, page: Sequence[Record], dater: Dater) -> Batch:
        """What becomes of a page of undated records; `dated` must follow if it is written."""
        deleted: list[int] = []
        quarantined: list[tuple[Record, str]] = []
        dated: list[Record] = []
        for record in page:
            try:
                message = dater(record.payload)
            except NotDatable as reason:
                quarantined.append((record, str(reason)))
                continue
            if message is None:
                deleted.append(record.id)
            else:
                dated.append(Record(record.id, message.race_id, message.to_json()))
        return Batch(deleted_ids=deleted, quarantined=quarantined, dated=dated)

    def dated(self, batch: Batch, written: Written) -> None:
        """A `dated_batch` is on disk."""
        gone = len(batch.deleted_ids) + len(batch.quarantined)
        self.depth -= gone
        self.quarantined += len(batch.quarantined)
        for _ in range(gone + len(batch.dated)):
            self.order.finish_one(UNDATED)
        for race_id in {record.race_id for record in batch.dated}:
            ids = [record.id for record in batch.dated if record.race_id == race_id]
            self.order.add_stored(race_id, len(ids), from_id=min(ids))
        self.order.sort()
        self.count(written)

    def forget_undated(self) -> None:
        """The file has none any more, and memory neither."""
        queue = self.order.get(UNDATED)
        if queue is not None and not any(e.race_id == UNDATED for e in self.unwritten.values()):
            self.depth -= queue.pending
            self.order.shrink(queue, [], pending=0)

    def _is_known(self, queue: RaceQueue, id_: int) -> bool:
        return (
            id_ in self._taken
            or id_ in self.to_delete
            or id_ in self._to_set_aside
            or id_ in self.unwritten
            or any(entry.id == id_ for entry in queue.resident)
        )

    def _put_unwritten(self, queue: RaceQueue, before_id: int, at_most: int | None = None) -> None:
        if not self.sends_unwritten or queue.race_id == UNDATED:
            return
        waiting = (
            entry
            for entry in self.unwritten.values()
            if entry.race_id == queue.race_id and not entry.offered and entry.id < before_id
        )
        for entry in list(islice(waiting, at_most)):
            self.order.put(entry)

    def _evicted(self, race_id: int) -> None:
        """What of this race was on disk is gone; what is only in memory goes on."""
        queue = self.order.get(race_id)
        if queue is None:
            return
        for entry in (*queue.resident, *self._taken.values()):
            if entry.race_id == race_id:
                entry.done = entry.given_up = entry.on_disk
        left = [entry for entry in self.unwritten.values() if entry.race_id == race_id]
        waiting = [entry for entry in left if entry.offered and entry.id not in self._taken]
        lost = self.order.shrink(queue, waiting, pending=len(left))
        self.lost += lost
        self.depth -= lost
        self._put_unwritten(queue, self._next_id)

    def _give_up(self, entry: Entry) -> None:
        self.lost += 1
        entry.given_up = True
        self.order.withdraw(entry)
        self._finish(entry)

    def _finish(self, entry: Entry) -> None:
        entry.done = True
        self.depth -= 1
        self._taken.pop(entry.id, None)
        self.order.finish_one(entry.race_id)
        if self.unwritten.pop(entry.id, None) is None:
            self.to_delete[entry.id] = entry.race_id


def _record(entry: Entry) -> Record:
    return Record(entry.id, entry.race_id, entry.payload)
