"""The bookkeeping of messages between memory and disk; the promise: test_promise.py."""

import pytest

from gateway.buffer.ledger import UNWRITTEN_MAX, Ledger
from gateway.buffer.send_order import Entry
from gateway.buffer.store import UNDATED, Batch, Record, Written
from gateway.telemetry.message import Telemetry
from gateway.telemetry.undated import NotDatable
from tests.support.telemetry import message

NOTHING_EVICTED = Written(0, [], 0, 0)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(sends_unwritten=True)


def admit(ledger: Ledger, count: int = 1, race_id: int = 1) -> list[Entry]:
    return [ledger.admit(race_id, b"%d" % n, due_ns=n, now_ns=0) for n in range(count)]


def write_all(ledger: Ledger) -> None:
    due = ledger.due(None)
    batch = ledger.batch(due)
    ledger.written(due, batch, Written(len(due) - len(batch.deleted_ids), [], 0, 0))


def sendable(ledger: Ledger) -> list[int]:
    """Ids in the order in which they would be sent, if nothing had to come from disk."""
    ids = []
    for queue in list(ledger.order.newest_first()):
        while queue.resident:
            ids.append(queue.resident[0].id)
            ledger.take(queue.resident[0])
    return ids


def test_message_acknowledged_before_its_write_is_never_written(ledger: Ledger) -> None:
    [entry] = admit(ledger)
    ledger.take(entry)
    ledger.acknowledge(entry)
    assert (ledger.due(None), ledger.to_delete, ledger.depth) == ([], {}, 0)


def test_message_acknowledged_during_its_write_is_deleted(ledger: Ledger) -> None:
    [entry] = admit(ledger)
    ledger.take(entry)
    due = ledger.due(None)
    batch = ledger.batch(due)
    ledger.acknowledge(entry)
    ledger.written(due, batch, Written(1, [], 0, 0))
    assert ledger.batch([]).deleted_ids == [entry.id]


def test_message_evicted_in_flight_is_lost_unless_acknowledged(ledger: Ledger) -> None:
    [entry] = admit(ledger)
    write_all(ledger)
    ledger.take(entry)
    ledger.count(Written(-1, [1], 0, 0))
    assert (ledger.depth, ledger.lost, ledger.on_disk) == (0, 1, 0)
    ledger.give_back(entry)
    assert (ledger.depth, ledger.lost, sendable(ledger)) == (0, 1, [])
    ledger.acknowledge(entry)
    assert (ledger.depth, ledger.lost, sendable(ledger)) == (0, 0, [])


def test_oldest_unwritten_message_is_dropped_when_memory_is_full(ledger: Ledger) -> None:
    first, *_ = admit(ledger, UNWRITTEN_MAX)
    ledger.take(first)
    admit(ledger)
    assert (first.done, ledger.depth, ledger.lost) == (True, UNWRITTEN_MAX, 1)
    ledger.acknowledge(first)
    assert (ledger.depth, ledger.lost) == (UNWRITTEN_MAX, 0), "it arrived all the same"


def test_set_aside_message_is_written_with_its_reason_once(ledger: Ledger) -> None:
    [entry] = admit(ledger)
    ledger.take(entry)
    ledger.set_aside(entry, "poison")
    batch = ledger.batch([])
    assert batch.quarantined == [(Record(entry.id, 1, b"0"), "poison")]
    ledger.written([], batch, NOTHING_EVICTED)
    assert ledger.batch([]).quarantined == []
    assert (ledger.depth, ledger.quarantined) == (0, 1)


def test_messages_produced_before_opening_follow_those_in_the_file(
    ledger: Ledger,
) -> None:
    waiting = admit(ledger, 3)
    ledger.take(waiting[0])
    ledger.raise_ids(100)
    ledger.learn({7: 4, 1: 2}, quarantined=5, held=Batch())
    assert [entry.id for entry in waiting] == [101, 102, 103]
    assert (ledger.depth, ledger.on_disk, ledger.quarantined) == (9, 6, 5)
    queue = ledger.order.queue(1)
    assert (queue.pending, queue.gap_from_id, queue.resident) == (5, 0, [])
    records = [Record(41, 1, b"old"), Record(42, 1, b"old")]
    ledger.admit_page(queue, records, is_last=True)
    assert [entry.id for entry in sorted(queue.resident)] == [41, 42, 102, 103]
    [new] = admit(ledger)
    assert new.id == 104


def test_page_brings_no_message_twice(ledger: Ledger) -> None:
    taken, acknowledged, waiting = admit(ledger, 3)
    write_all(ledger)
    ledger.take(taken)
    ledger.take(acknowledged)
    ledger.acknowledge(acknowledged)
    queue = ledger.order.queue(1)
    queue.gap_from_id = 1
    ledger.admit_page(queue, [Record(n, 1, b"") for n in (1, 2, 3, 4)], is_last=True)
    assert [entry.id for entry in sorted(queue.resident)] == [waiting.id, 4]


def test_leftovers_in_a_page_are_done_with_and_deleted(ledger: Ledger) -> None:
    ledger.learn({1: 3}, quarantined=0, held=Batch())
    ledger.is_leftover = b"fake".__eq__
    queue = ledger.order.queue(1)
    records = [Record(1, 1, b"fake"), Record(2, 1, b"real"), Record(3, 1, b"fake")]
    assert ledger.admit_page(queue, records, is_last=True) == 2
    assert sendable(ledger) == [2]
    assert (ledger.depth, ledger.on_disk, ledger.lost) == (1, 3, 0)
    assert list(ledger.batch([]).deleted_ids) == [1, 3]


def test_race_of_leftovers_alone_is_over(ledger: Ledger) -> None:
    ledger.learn({1: 2}, quarantined=0, held=Batch())
    ledger.is_leftover = b"fake".__eq__
    records = [Record(1, 1, b"fake"), Record(2, 1, b"fake")]
    assert ledger.admit_page(ledger.order.queue(1), records, is_last=True) == 2
    assert ledger.order.get(1) is None
    assert ledger.depth == 0


def test_page_does_not_bring_back_a_message_set_aside(ledger: Ledger) -> None:
    refused, waiting = admit(ledger, 2)
    write_all(ledger)
    ledger.take(refused)
    ledger.set_aside(refused, "poison")
    queue = ledger.order.queue(1)
    ledger.admit_page(queue, [Record(refused.id, 1, b"")], is_last=True)
    assert sendable(ledger) == [waiting.id]


def test_unwritten_messages_before_a_page_are_not_skipped(ledger: Ledger) -> None:
    """A final is on disk before the seconds ahead of it."""
    first, second = admit(ledger, 2)
    queue = ledger.order.queue(1)
    ledger.order.replace(queue, [])
    first.offered = second.offered = False
    queue.gap_from_id = 1
    ledger.admit_page(queue, [Record(9, 1, b"final")], is_last=False)
    assert [entry.id for entry in sorted(queue.resident)] == [1, 2, 9]


def test_gap_that_the_disk_does_not_fill_can_be_bypassed(ledger: Ledger) -> None:
    ledger.learn({1: 50}, quarantined=0, held=Batch())
    ledger.raise_ids(50)
    admit(ledger, 3)
    assert sendable(ledger) == []
    ledger.bypass_gap(ledger.order.queue(1))
    assert sendable(ledger) == [51, 52, 53]


def dated(payload: bytes) -> Telemetry | None:
    """Second n of race 5; the 2 had no bike, the 3 was in another boot."""
    if payload == b"3":
        raise NotDatable("another boot")
    return None if payload == b"2" else message(int(payload) + 1, race_id=5)


def test_undated_seconds_wait_and_become_messages_of_their_race(ledger: Ledger) -> None:
    undated = admit(ledger, 6, race_id=UNDATED)
    assert (ledger.undated, sendable(ledger)) == (6, [])
    ledger.date_unwritten(dated)
    assert (ledger.undated, ledger.depth, ledger.quarantined) == (0, 4, 1)
    assert sendable(ledger) == [undated[n].id for n in (0, 1, 4, 5)]


def test_undated_seconds_on_disk_are_dated_before_later_messages(ledger: Ledger) -> None:
    admit(ledger, 4, race_id=UNDATED)
    write_all(ledger)
    live = ledger.admit(5, b"live", due_ns=9, now_ns=0)
    page = [Record(n + 1, UNDATED, b"%d" % n) for n in range(4)]
    batch = ledger.dated_batch(page, dated)
    assert (batch.deleted_ids, [record.id for record in batch.dated]) == ([3], [1, 2])
    assert batch.quarantined == [(page[3], "another boot")]
    ledger.dated(batch, Written(-2, [], 0, 0))
    assert (ledger.undated, ledger.depth, ledger.on_disk, ledger.quarantined) == (0, 3, 2, 1)
    queue = ledger.order.queue(5)
    assert (queue.pending, queue.gap_from_id, queue.resident) == (3, 1, [])
    ledger.admit_page(queue, list(batch.dated), is_last=True)
    assert sendable(ledger) == [1, 2, live.id]


def test_unwritten_messages_wait_unless_told_to_be_sent(ledger: Ledger) -> None:
    ledger.sends_unwritten = False
    admit(ledger, 2)
    assert sendable(ledger) == []
    write_all(ledger)
    assert sendable(ledger) == [1, 2]
    ledger.sends_unwritten = False
    admit(ledger, 1)
    ledger.send_unwritten()
    assert sendable(ledger) == [3], "the disk takes nothing"
