"""The bookkeeping of messages between memory and disk; the promise: test_promise.py."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.buffer import ledger as ledger_module
from gateway.buffer.ledger import IN_MEMORY_MAX, UNWRITTEN_MAX, Ledger
from gateway.buffer.log_format import UNDATED, LogKind, LogName
from gateway.buffer.send_order import Entry, EntryState, Segment
from gateway.buffer.store import Batch, Record, Written
from gateway.telemetry.message import Telemetry
from gateway.telemetry.undated import NotDatable
from tests.support.telemetry import message


class Logs:
    """A Store in memory: what it is asked to write it keeps, unless a log is to go."""

    def __init__(self) -> None:
        self.logs: dict[LogName, dict[int, Record]] = {}
        self.quarantined: list[tuple[Record, str]] = []
        #: What was done with, and where it was.
        self.deleted: list[tuple[LogName, Record]] = []
        #: What happens with the next write.
        self.evicted: list[LogName] = []
        self.vanished: list[LogName] = []
        self._open: dict[int, LogName] = {}
        self._made = 0

    def write(self, batch: Batch) -> Written:
        for name in self.vanished:
            self._remove(name)
        for name, id_ in batch.done:
            record = self.logs.get(name, {}).pop(id_, None)
            if record is not None:
                self.deleted.append((name, record))
        placed = {record.id: self._put(record) for record in sorted(batch.records, key=_id)}
        self.quarantined += batch.quarantined
        for name in self.evicted:
            self._remove(name)
        count = len(self.quarantined)
        written = Written(0, placed, {}, self.evicted, self.vanished, count)
        self.evicted, self.vanished = [], []
        return written

    def requeue(self) -> Written:
        again = sorted((record for record, _ in self.quarantined), key=_id)
        self.quarantined = []
        return Written(0, requeued={record.id: self._put(record) for record in again})

    def read(self, name: LogName) -> list[Record]:
        return sorted(self.logs.get(name, {}).values(), key=_id)

    def roll_over(self) -> None:
        self._open.clear()

    def _put(self, record: Record) -> LogName:
        name = self._open.get(record.race_id)
        if name is None or name.first_id >= record.id:
            kind = LogKind.UNDATED if record.race_id == UNDATED else LogKind.RACE
            self._made += 1
            name = self._open[record.race_id] = LogName(record.id, kind, record.race_id, self._made)
        self.logs.setdefault(name, {})[record.id] = record
        return name

    def _remove(self, name: LogName) -> None:
        self.logs.pop(name, None)
        self._open = {race_id: one for race_id, one in self._open.items() if one != name}


def _id(record: Record) -> int:
    return record.id


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(sends_unwritten=True)


@pytest.fixture
def logs() -> Logs:
    return Logs()


def admit(ledger: Ledger, count: int = 1, race_id: int = 1) -> list[Entry]:
    return [ledger.admit(race_id, b"%d" % n, due_ns=n, now_ns=0) for n in range(count)]


def write(ledger: Ledger, logs: Logs) -> Written:
    due = ledger.due(None)
    batch = ledger.batch(due)
    written = logs.write(batch)
    ledger.written(due, batch, written)
    return written


def sendable(ledger: Ledger) -> list[int]:
    """Take all that is in memory, and return the ids."""
    ids = []
    for queue in list(ledger.order.newest_first()):
        while queue.first is not None and queue.unread is None:
            ids.append(queue.first.id)
            ledger.take(queue.first)
    return ids


def counts(ledger: Ledger) -> tuple[int, int, int, int]:
    return ledger.depth, ledger.on_disk, ledger.lost, ledger.quarantined


def named(first_id: int, race_id: int = 1) -> LogName:
    kind = LogKind.UNDATED if race_id == UNDATED else LogKind.RACE
    return LogName(first_id, kind, race_id, first_id)


def segment_of(ledger: Ledger, race_id: int = 1) -> Segment:
    queue = ledger.undated if race_id == UNDATED else ledger.order.queue(race_id)
    return queue.segments[0]


# Written and done with.


def test_message_acknowledged_before_its_write_is_never_written(ledger: Ledger) -> None:
    [entry] = admit(ledger)
    ledger.take(entry)
    ledger.acknowledge(entry)
    assert (ledger.due(None), ledger.to_delete, ledger.depth) == ([], [], 0)
    assert not ledger.waits(1)


def test_message_acknowledged_during_its_write_is_deleted(ledger: Ledger, logs: Logs) -> None:
    [entry] = admit(ledger)
    ledger.take(entry)
    due = ledger.due(None)
    batch = ledger.batch(due)
    ledger.acknowledge(entry)
    ledger.written(due, batch, logs.write(batch))
    assert counts(ledger) == (0, 0, 0, 0)
    write(ledger, logs)
    assert logs.read(named(1)) == []


def test_messages_are_due_in_order_and_at_their_time(ledger: Ledger) -> None:
    first, second, third = admit(ledger, 3)
    assert ledger.next_due_ns() == 0
    assert ledger.due(1) == [first, second]
    ledger.take(first)
    ledger.acknowledge(first)
    assert (ledger.next_due_ns(), ledger.due(None)) == (1, [second, third])


def test_written_message_stays_in_memory_and_is_deleted_when_it_is_acknowledged(
    ledger: Ledger, logs: Logs
) -> None:
    first, second = admit(ledger, 2)
    write(ledger, logs)
    assert (counts(ledger), ledger.order.in_memory) == ((2, 2, 0, 0), 2)
    ledger.take(first)
    ledger.acknowledge(first)
    write(ledger, logs)
    [name] = logs.logs
    assert [one.id for one in logs.read(name)] == [second.id]
    assert ledger.to_delete == []


def test_oldest_unwritten_message_is_dropped_when_memory_is_full(ledger: Ledger) -> None:
    first, *_ = admit(ledger, UNWRITTEN_MAX)
    ledger.take(first)
    admit(ledger)
    assert (first.done, ledger.depth, ledger.lost) == (True, UNWRITTEN_MAX, 1)
    ledger.acknowledge(first)
    assert (ledger.depth, ledger.lost) == (UNWRITTEN_MAX, 0), "it arrived all the same"


def test_message_dropped_during_its_write_is_deleted(ledger: Ledger, logs: Logs) -> None:
    admit(ledger, UNWRITTEN_MAX)
    due = ledger.due(None)
    batch = ledger.batch(due)
    admit(ledger)
    ledger.written(due, batch, logs.write(batch))
    assert counts(ledger) == (UNWRITTEN_MAX, UNWRITTEN_MAX - 1, 1, 0)
    assert [id_ for _, id_ in ledger.to_delete] == [1]


def test_set_aside_message_is_written_with_its_reason_once(ledger: Ledger, logs: Logs) -> None:
    unwritten, written = admit(ledger, 2)
    write(ledger, logs)
    [unwritten] = admit(ledger)
    for entry in (unwritten, written):
        ledger.take(entry)
        ledger.set_aside(entry, "poison")
    batch = ledger.batch([])
    assert [(one.id, reason) for one, reason in batch.quarantined] == [(3, "poison"), (2, "poison")]
    ledger.written([], batch, logs.write(batch))
    assert ledger.batch([]).quarantined == []
    assert counts(ledger) == (1, 1, 0, 2)


# Given back.


def test_message_given_back_is_first_again(ledger: Ledger) -> None:
    entries = admit(ledger, 3)
    for entry in entries[:2]:
        ledger.take(entry)
    ledger.give_back(entries[1])
    ledger.give_back(entries[0])
    assert sendable(ledger) == [1, 2, 3]


def test_message_given_back_after_its_log_was_forgotten_is_read_again(
    ledger: Ledger, logs: Logs
) -> None:
    [first, *_] = admit(ledger, 3)
    write(ledger, logs)
    ledger.take(first)
    segment = segment_of(ledger)
    ledger.admit(2, b"", 0, 0)
    ledger._unload(ledger.order.queue(1), segment)
    ledger.give_back(first)
    assert (first.state, ledger.order.in_memory) == (EntryState.ON_DISK, 1)
    ledger.loaded(segment, logs.read(segment.name))
    assert sendable(ledger) == [4, 1, 2, 3]
    assert counts(ledger) == (4, 3, 0, 0)


def test_message_taken_while_its_log_is_read_again_is_there_once(
    ledger: Ledger, logs: Logs
) -> None:
    [first, *_] = admit(ledger, 3)
    write(ledger, logs)
    ledger.take(first)
    segment = segment_of(ledger)
    ledger._unload(ledger.order.queue(1), segment)
    ledger.loaded(segment, logs.read(segment.name))
    ledger.give_back(first)
    assert sendable(ledger) == [1, 2, 3]


# From the disk.


def test_messages_produced_before_opening_follow_those_on_disk(ledger: Ledger, logs: Logs) -> None:
    entries = admit(ledger, 4)
    ledger.take(entries[0])
    ledger.take(entries[1])
    ledger.set_aside(entries[1], "refused")
    ledger.learn({named(10, 7): 4, named(41): 2}, quarantined=5, last_id=100)
    assert [entry.id for entry in entries] == [101, 102, 103, 104], "whatever has become of them"
    assert counts(ledger) == (9, 6, 0, 6)
    assert ledger.order.queue(1).pending == 5
    segment = segment_of(ledger)
    ledger.loaded(segment, [Record(41, 1, b"old"), Record(42, 1, b"old")])
    ledger.give_back(entries[0])
    assert sendable(ledger) == [41, 42, 101, 103, 104]
    [new] = admit(ledger)
    assert new.id == 105


def test_race_that_goes_on_is_newer_than_all_on_disk(ledger: Ledger) -> None:
    ledger.admit(1, b"", 0, now_ns=5)
    ledger.learn({named(41, 1): 1, named(50, 2): 1, named(60, 3): 1}, 0, 100)
    assert [queue.race_id for queue in ledger.order.newest_first()] == [1, 3, 2]


def test_messages_that_are_missing_in_a_log_are_lost(ledger: Ledger) -> None:
    ledger.learn({named(1): 5}, 0, 5)
    ledger.loaded(segment_of(ledger), [Record(2, 1, b""), Record(5, 1, b"")])
    assert (counts(ledger), sendable(ledger)) == ((2, 2, 3, 0), [2, 5])


def test_more_messages_than_were_counted_are_sent_and_undo_no_loss_of_another_log(
    ledger: Ledger,
) -> None:
    """The record of what is done with was damaged."""
    ledger.learn({named(1): 5, named(11): 2}, 0, 20)
    first, second = list(ledger.order.queue(1).segments)
    ledger.loaded(first, [Record(1, 1, b"")])
    assert (counts(ledger), first.pending) == ((3, 3, 4, 0), 1)
    ledger.loaded(second, [Record(n, 1, b"") for n in range(11, 16)])
    assert (counts(ledger), second.pending) == ((6, 6, 4, 0), 5)
    assert sendable(ledger) == [1, *range(11, 16)]


def test_lost_messages_that_the_disk_gives_later_are_not_lost(ledger: Ledger) -> None:
    ledger.learn({named(1): 5}, 0, 5)
    segment = segment_of(ledger)
    ledger.loaded(segment, [Record(1, 1, b"")])
    ledger._unload(ledger.order.queue(1), segment)
    ledger.loaded(segment, [Record(n, 1, b"") for n in range(1, 5)])
    assert (counts(ledger), sendable(ledger)) == ((4, 4, 1, 0), [1, 2, 3, 4])


def test_missing_messages_are_told_once_for_each_log(ledger: Ledger) -> None:
    told: list[tuple[LogName, int]] = []
    ledger.on_missing = lambda name, count: told.append((name, count))
    ledger.learn({named(1): 3, named(11): 1}, 0, 11)
    first, second = list(ledger.order.queue(1).segments)
    for _ in range(2):
        ledger.loaded(first, [Record(2, 1, b"")])
        ledger._unload(ledger.order.queue(1), first)
    ledger.loaded(first, [Record(n, 1, b"") for n in (1, 2, 3)])
    ledger.loaded(second, [Record(11, 1, b"")])
    assert told == [(named(1), 2)]


def test_race_of_which_all_is_missing_is_over(ledger: Ledger) -> None:
    ledger.learn({named(1): 5}, 0, 5)
    ledger.loaded(segment_of(ledger), [])
    assert counts(ledger) == (0, 0, 5, 0)
    assert not ledger.waits(1)


def test_log_that_was_read_twice_is_taken_in_once(ledger: Ledger) -> None:
    ledger.learn({named(1): 1}, 0, 1)
    segment = segment_of(ledger)
    for _ in range(2):
        ledger.loaded(segment, [Record(1, 1, b"")])
    assert (sendable(ledger), counts(ledger)) == ([1], (1, 1, 0, 0))


def test_acknowledged_message_is_not_taken_in_again_before_it_is_deleted(
    ledger: Ledger, logs: Logs
) -> None:
    first, second = admit(ledger, 2)
    write(ledger, logs)
    ledger.take(first)
    ledger.acknowledge(first)
    segment = segment_of(ledger)
    ledger._unload(ledger.order.queue(1), segment)
    ledger.loaded(segment, logs.read(segment.name))
    assert (sendable(ledger), ledger.lost) == ([second.id], 0)


def test_leftovers_in_a_log_are_done_with_and_deleted(ledger: Ledger) -> None:
    ledger.learn({named(1): 3}, 0, 3)
    ledger.is_leftover = b"fake".__eq__
    records = [Record(1, 1, b"fake"), Record(2, 1, b"real"), Record(3, 1, b"fake")]
    assert ledger.loaded(segment_of(ledger), records) == 2
    assert sendable(ledger) == [2]
    assert counts(ledger) == (1, 1, 0, 0)
    assert ledger.batch([]).done == [(named(1), 1), (named(1), 3)]


def test_race_of_leftovers_alone_is_over(ledger: Ledger) -> None:
    ledger.learn({named(1): 2}, 0, 2)
    ledger.is_leftover = b"fake".__eq__
    assert ledger.loaded(segment_of(ledger), [Record(n, 1, b"fake") for n in (1, 2)]) == 2
    assert (ledger.waits(1), ledger.depth) == (False, 0)


def test_memory_forgets_the_logs_of_the_oldest_races(ledger: Ledger, logs: Logs) -> None:
    for race_id in (1, 2, 3):
        admit(ledger, IN_MEMORY_MAX // 2 - 1, race_id)
        write(ledger, logs)
    assert [queue.unread is None for queue in ledger.order.newest_first()] == [True, True, False]
    assert ledger.order.in_memory <= IN_MEMORY_MAX
    assert ledger.depth == ledger.on_disk == 3 * (IN_MEMORY_MAX // 2 - 1)


def test_memory_keeps_what_is_not_written_and_what_was_just_read(
    ledger: Ledger, logs: Logs
) -> None:
    admit(ledger, 10, race_id=1)
    write(ledger, logs)
    admit(ledger, IN_MEMORY_MAX, race_id=2)
    segment = segment_of(ledger)
    ledger._unload(ledger.order.queue(1), segment)
    ledger.loaded(segment, logs.read(segment.name))
    assert ledger.order.in_memory == IN_MEMORY_MAX + 10


def test_memory_does_not_forget_what_speaks_against_a_message(ledger: Ledger, logs: Logs) -> None:
    suspect, *_ = admit(ledger, IN_MEMORY_MAX // 2, race_id=1)
    write(ledger, logs)
    suspect.is_suspect, suspect.failures = True, 3
    for race_id in (2, 3, 4):
        admit(ledger, IN_MEMORY_MAX // 2, race_id)
        write(ledger, logs)
    assert ledger.order.queue(1).first is suspect
    assert ledger.order.in_memory <= IN_MEMORY_MAX


def test_memory_forgets_what_is_sent_last_of_a_race_first(ledger: Ledger, logs: Logs) -> None:
    for _ in range(3):
        logs.roll_over()
        admit(ledger, IN_MEMORY_MAX // 2)
        write(ledger, logs)
    assert [one.is_loaded for one in ledger.order.queue(1).segments] == [True, True, False]


# Logs that go.


def test_message_evicted_in_flight_is_lost_unless_acknowledged(ledger: Ledger, logs: Logs) -> None:
    first, _ = admit(ledger, 2)
    write(ledger, logs)
    ledger.take(first)
    ledger.count(Written(0, evicted=[*logs.logs]))
    assert counts(ledger) == (0, 0, 2, 0)
    ledger.give_back(first)
    assert (ledger.lost, sendable(ledger)) == (2, [])
    ledger.acknowledge(first)
    assert (counts(ledger), sendable(ledger)) == ((0, 0, 1, 0), [])


def test_evicted_log_that_memory_had_forgotten_is_lost(ledger: Ledger) -> None:
    ledger.learn({named(1): 5, named(9): 2}, 0, 10)
    ledger.count(Written(0, evicted=[named(1)]))
    assert counts(ledger) == (2, 2, 5, 0)
    ledger.loaded(Segment(named(1)), [Record(1, 1, b"")])
    assert ledger.order.in_memory == 0, "it was being read meanwhile"


def test_log_deleted_by_others_is_written_again_as_far_as_memory_has_it(
    ledger: Ledger, logs: Logs
) -> None:
    entries = admit(ledger, 3)
    write(ledger, logs)
    ledger.take(entries[0])
    ledger.count(Written(0, vanished=[*logs.logs]))
    assert counts(ledger) == (3, 0, 0, 0)
    assert (sorted(ledger.due(0)), ledger.next_due_ns()) == (entries, 0), "at once"
    logs = Logs()
    write(ledger, logs)
    assert counts(ledger) == (3, 3, 0, 0)
    ledger.give_back(entries[0])
    assert sendable(ledger) == [1, 2, 3]


def test_log_deleted_by_others_that_memory_does_not_have_is_lost(ledger: Ledger) -> None:
    ledger.learn({named(1): 5, named(9, UNDATED): 2}, 0, 10)
    ledger.count(Written(0, vanished=[named(1), named(9, UNDATED), named(77)]))
    assert counts(ledger) == (0, 0, 7, 0)
    assert (ledger.undated.pending, ledger.waits(1), ledger.waits(UNDATED)) == (0, False, False)


def test_messages_that_leave_the_quarantine_are_read_from_disk(ledger: Ledger, logs: Logs) -> None:
    first, *_ = admit(ledger, 3)
    write(ledger, logs)
    ledger.take(first)
    ledger.set_aside(first, "refused")
    write(ledger, logs)
    ledger.released(logs.requeue())
    assert (counts(ledger), sendable(ledger)) == ((3, 3, 0, 0), [])
    for segment in list(ledger.order.queue(1).segments):
        ledger.loaded(segment, logs.read(segment.name))
    assert sendable(ledger) == [1, 2, 3]


def test_quarantined_messages_that_are_gone_are_counted_out(ledger: Ledger) -> None:
    ledger.learn({}, quarantined=9, last_id=9)
    ledger.released(Written(0, quarantined=4))
    assert ledger.quarantined == 4


# Undated seconds.


def dated(payload: bytes) -> Telemetry | None:
    """Second n of race 5; the 2 had no bike, the 3 was in another boot."""
    if payload == b"3":
        raise NotDatable("another boot")
    return None if payload == b"2" else message(int(payload) % 300 + 1, race_id=5)


def test_undated_seconds_wait_and_become_messages_of_their_race(ledger: Ledger) -> None:
    undated = admit(ledger, 6, race_id=UNDATED)
    assert (ledger.undated.pending, ledger.waits(UNDATED), sendable(ledger)) == (6, True, [])
    ledger.date_unwritten(dated)
    assert (ledger.undated.pending, ledger.depth, ledger.quarantined) == (0, 4, 1)
    assert sendable(ledger) == [undated[n].id for n in (0, 1, 4, 5)]


def test_undated_seconds_on_disk_are_dated_before_later_messages(
    ledger: Ledger, logs: Logs
) -> None:
    admit(ledger, 4, race_id=UNDATED)
    write(ledger, logs)
    assert ledger.order.in_memory == 0
    live = ledger.admit(5, b"live", due_ns=9, now_ns=9)
    segment = segment_of(ledger, UNDATED)
    batch = ledger.dated_batch(segment, logs.read(segment.name), dated)
    assert [record.id for record in batch.records] == [1, 2]
    assert [id_ for _, id_ in batch.done] == [1, 2, 3, 4]
    assert batch.quarantined == [(Record(4, UNDATED, b"3"), "another boot")]
    ledger.dated(segment, batch, logs.write(batch))
    assert (counts(ledger), ledger.undated.pending) == ((3, 2, 0, 1), 0)
    [segment] = ledger.order.queue(5).segments
    assert ledger.order.queue(5).unread is segment
    ledger.loaded(segment, logs.read(segment.name))
    assert sendable(ledger) == [1, 2, live.id]


def test_damaged_undated_seconds_are_lost_when_they_are_dated(ledger: Ledger) -> None:
    ledger.learn({named(1, UNDATED): 3}, 0, 3)
    segment = segment_of(ledger, UNDATED)
    batch = ledger.dated_batch(segment, [Record(2, UNDATED, b"1")], dated)
    ledger.dated(segment, batch, Logs().write(batch))
    assert (counts(ledger), ledger.undated.pending) == ((1, 1, 2, 0), 0)


# At random.

RACES = (1, 2, UNDATED)


class LedgerModel(RuleBasedStateMachine):
    """A Ledger, and lists of what has become of every message, which must agree with it."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.logs = Ledger(sends_unwritten=True), Logs()
        self.produced = self.arrived = self.undatable = 0
        self.acknowledged: set[int] = set()
        #: Messages that are to be sent again, in logs that have not been read.
        self.again: list[tuple[LogName, Record]] = []
        self.taken: list[Entry] = []
        self.unreadable: list[tuple[Segment, Record]] = []
        self.limits = ledger_module.IN_MEMORY_MAX, ledger_module.UNWRITTEN_MAX
        ledger_module.IN_MEMORY_MAX, ledger_module.UNWRITTEN_MAX = 6, 12

    def teardown(self) -> None:
        self.drain()
        ledger_module.IN_MEMORY_MAX, ledger_module.UNWRITTEN_MAX = self.limits

    @initialize(earlier=st.lists(st.sampled_from(RACES), max_size=9), is_late=st.booleans())
    def open(self, earlier: list[int], *, is_late: bool) -> None:
        self.logs.write(Batch([Record(n, race, b"%d" % n) for n, race in enumerate(earlier, 1)]))
        self.logs.roll_over()
        if is_late:
            self.admit(1, 3)
            self.take()
        waiting = {name: len(log) for name, log in self.logs.logs.items()}
        self.ledger.learn(waiting, 0, len(earlier))
        self.produced += len(earlier)

    @rule(race_id=st.sampled_from(RACES), count=st.integers(1, 4))
    def admit(self, race_id: int, count: int) -> None:
        for _ in range(count):
            self.produced += 1
            self.ledger.admit(race_id, b"%d" % (self.produced + 10), self.produced, self.produced)

    @rule(which=st.integers(0, 9))
    def take(self, which: int = 0) -> None:
        heads = [one for queue in self.ledger.order.newest_first() for one in queue.heads()]
        if heads:
            self.taken.append(heads[which % len(heads)])
            self.ledger.take(self.taken[-1])

    def taken_one(self, which: int) -> Entry | None:
        return self.taken.pop(which % len(self.taken)) if self.taken else None

    @rule(which=st.integers(0, 9))
    def give_back(self, which: int) -> None:
        if entry := self.taken_one(which):
            self.ledger.give_back(entry)

    @rule(which=st.integers(0, 9))
    def acknowledge(self, which: int) -> None:
        if entry := self.taken_one(which):
            self.ledger.acknowledge(entry)
            self.arrived += 1
            self.acknowledged.add(entry.id)

    @rule(which=st.integers(0, 9))
    def set_aside(self, which: int) -> None:
        if entry := self.taken_one(which):
            self.ledger.set_aside(entry, "refused")

    @rule(until=st.integers(-20, 0), meanwhile=st.sampled_from(["", "acknowledge", "admit"]))
    def write(self, until: int, meanwhile: str) -> None:
        due = self.ledger.due(self.produced + until)
        batch = self.ledger.batch(due)
        written = self.logs.write(batch)
        if meanwhile == "acknowledge":
            self.acknowledge(0)
        if meanwhile == "admit":
            self.admit(1, 9)
        self.ledger.written(due, batch, written)

    def some_log(self, which: int) -> list[LogName]:
        names = [*self.logs.logs]
        return [names[which % len(names)]] if names else []

    @rule(which=st.integers(0, 9))
    def evict(self, which: int) -> None:
        self.logs.evicted = self.some_log(which)
        self.write(0, "")

    @rule(which=st.integers(0, 9))
    def vanish(self, which: int) -> None:
        self.logs.vanished = self.some_log(which)
        self.write(0, "")

    def segments(self) -> list[Segment]:
        queues = [*self.ledger.order.newest_first(), self.ledger.undated]
        return [segment for queue in queues for segment in queue.segments]

    def unread(self) -> list[Segment]:
        return [segment for segment in self.segments() if not segment.is_loaded]

    @rule(which=st.integers(0, 9))
    def damage(self, which: int) -> None:
        """Damage is only seen when a log is read: not in one that memory has.

        In a log that also has again what was done with, only the difference would be seen.
        """
        again = [name for name, _ in self.again]
        if unread := [one for one in self.unread() if one.name not in again]:
            segment = unread[which % len(unread)]
            log = self.logs.logs[segment.name]
            deleted = {id_ for _, id_ in self.ledger.to_delete} | {one.id for one in self.taken}
            for id_ in [id_ for id_ in log if id_ not in deleted][:1]:
                self.unreadable.append((segment, log.pop(id_)))

    @rule(count=st.integers(1, 3))
    def damage_what_is_done_with(self, count: int) -> None:
        """The record of it is damaged: the log has more messages than were counted."""
        damaged = [segment for segment, _ in self.unreadable]
        unread, deleted = [o.name for o in self.unread() if o not in damaged], self.logs.deleted
        done = [one for one in deleted if one[0] in unread and one[1].id in self.acknowledged]
        for name, record in done[:count]:
            self.logs.logs[name][record.id] = record
            self.logs.deleted.remove((name, record))
            self.acknowledged.remove(record.id)
            self.again.append((name, record))

    def count_again(self, name: LogName) -> None:
        """A log has been read: what is sent again is known to be there."""
        found = [one for one in self.again if one[0] == name]
        self.arrived -= sum(one[1].id in self.logs.logs.get(name, {}) for one in found)
        self.again = [one for one in self.again if one[0] != name]

    @rule()
    def give_what_was_unreadable(self) -> None:
        """The disk gives what it did not before: of logs with messages that are not done with."""
        segments = self.segments()
        for segment, record in self.unreadable:
            if segment in segments:
                self.logs.logs[segment.name][record.id] = record
        self.unreadable.clear()

    @rule(which=st.integers(0, 9))
    def load(self, which: int) -> None:
        unread = [one.unread for one in self.ledger.order.newest_first() if one.unread is not None]
        if unread:
            self.read(unread[which % len(unread)])

    def read(self, segment: Segment) -> None:
        self.ledger.loaded(segment, self.logs.read(segment.name))
        self.count_again(segment.name)

    @rule()
    def roll_over(self) -> None:
        self.logs.roll_over()

    @rule()
    def requeue(self) -> None:
        self.write(0, "")
        self.ledger.released(self.logs.requeue())

    @precondition(lambda self: self.ledger.undated.pending)
    @rule()
    def date(self) -> None:
        if self.ledger.undated.segments:
            [segment, *_] = self.ledger.undated.segments
            batch = self.ledger.dated_batch(segment, self.logs.read(segment.name), self.dater)
            self.ledger.dated(segment, batch, self.logs.write(batch))
        else:
            self.ledger.date_unwritten(self.dater)

    def dater(self, payload: bytes) -> Telemetry | None:
        if int(payload) % 5 == 0:
            raise NotDatable("another boot")
        if int(payload) % 7 == 0:
            self.undatable += 1
            return None
        return message(int(payload) % 300 + 1, race_id=int(payload) % 3, bike="b")

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        ledger = self.ledger
        queues = [*ledger.order.newest_first(), ledger.undated]
        segments = self.segments()
        assert ledger.depth == len(ledger.unwritten) + ledger.on_disk
        assert ledger.depth == sum(queue.pending for queue in queues)
        assert ledger.on_disk == sum(one.pending for one in segments)
        assert all(one.pending > 0 for one in segments)
        gone = ledger.quarantined + ledger.lost + self.arrived + self.undatable
        assert self.produced == ledger.depth + gone

    @invariant()
    def memory_is_sorted_and_counted(self) -> None:
        queues = [*self.ledger.order.newest_first()]
        assert self.ledger.order.in_memory == sum(len(queue.entries) for queue in queues)
        assert self.ledger.undated.entries == []
        for queue in queues:
            assert queue.pending > 0
            assert queue.entries == sorted(queue.entries)
            for entry in queue.entries:
                assert (entry.state, entry.race_id) == (EntryState.WAITING, queue.race_id)
                if entry.segment is None:
                    assert entry in self.ledger.unwritten
                else:
                    assert entry.segment.is_loaded

    def drain(self) -> None:
        """Send everything: each race in order, and nothing twice."""
        while self.taken:
            self.give_back(0)
        while self.ledger.undated.pending:
            self.date()
        sent: dict[int, list[int]] = {}
        while queues := [*self.ledger.order.newest_first()]:
            [queue, *_] = queues
            if queue.unread is not None:
                self.read(queue.unread)
                continue
            assert queue.first is not None
            sent.setdefault(queue.race_id, []).append(queue.first.id)
            self.take()
            self.acknowledge(0)
        assert all(ids == sorted(set(ids)) for ids in sent.values())
        assert self.ledger.depth == 0


TestLedgerModel = LedgerModel.TestCase
