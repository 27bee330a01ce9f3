"""The promise, attacked: see also tests/e2e, which kills real processes."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from gateway.buffer.buffer import CLOSING_TRIES, DELETE_AFTER_NS, DELETE_BATCH
from gateway.buffer.inspect import BufferView, QuarantinedMessage
from gateway.buffer.ledger import DATED_AT_ONCE, IN_MEMORY_MAX, UNWRITTEN_MAX
from gateway.buffer.log_file import LOG_MESSAGES
from gateway.buffer.log_format import HEADER_BYTES, OVERHEAD_BYTES, UNDATED, LogName
from gateway.buffer.store import Batch, Record, StoreError, Written
from gateway.telemetry.message import Telemetry, telemetry_from_json
from gateway.telemetry.undated import NotDatable
from gateway.timing.units import NS_PER_S
from tests.support.buffers import BufferBench, seconds
from tests.support.telemetry import message


@pytest.fixture
async def open_bench(tmp_path: Path) -> AsyncIterator[Callable[..., BufferBench]]:
    benches: list[BufferBench] = []

    def open_(**kwargs: object) -> BufferBench:
        benches.append(BufferBench(tmp_path / "buffer", **kwargs))  # type: ignore[arg-type]
        return benches[-1]

    yield open_
    for bench in benches:
        await bench.stop()


@pytest.fixture
async def bench(open_bench: Callable[..., BufferBench]) -> BufferBench:
    bench = open_bench()
    await bench.start()
    return bench


async def reopened(bench: BufferBench) -> BufferBench:
    """Start the next process, after a kill. The test stops it."""
    await bench.stop()
    following = BufferBench(bench.path, bench.clock)
    await following.start()
    return following


def set_aside(bench: BufferBench) -> list[tuple[int, str]]:
    """Second and reason of what is in quarantine on disk."""
    return [
        (telemetry_from_json(message.payload).second, message.reason)
        for message in quarantine(bench)
    ]


def quarantine(bench: BufferBench) -> list[QuarantinedMessage]:
    return list(BufferView(bench.path).quarantine())


async def test_message_older_than_the_interval_is_on_disk(bench: BufferBench) -> None:
    bench.buffer.append(message(1))
    await bench.clock.run_for(0.7)
    assert bench.on_disk() == [], "its commit is not due"
    await bench.clock.run_for(0.3)
    assert bench.on_disk() == [1]


async def test_message_acknowledged_in_time_never_touches_the_disk(bench: BufferBench) -> None:
    for second in range(1, 30):
        bench.buffer.append(message(second))
        await bench.clock.run_for(0.7)
        for entry in await bench.take_all():
            bench.buffer.acknowledge(entry)
        await bench.clock.run_for(0.3)
    await bench.clock.run_for(60)
    assert bench.writes == 0
    assert bench.buffer.status.depth == 0


async def test_final_is_on_disk_at_once_when_offline(bench: BufferBench) -> None:
    bench.buffer.append(message(300))
    await bench.clock.run_for(0)
    assert bench.on_disk() == [300]


async def test_final_is_on_disk_after_a_quarter_second_when_online(bench: BufferBench) -> None:
    bench.buffer.senders_online = 1
    bench.buffer.append(message(300))
    await bench.clock.run_for(0.24)
    assert bench.on_disk() == []
    await bench.clock.run_for(0.02)
    assert bench.on_disk() == [300]


async def test_messages_of_one_second_share_one_write(bench: BufferBench) -> None:
    for number in range(100):
        bench.buffer.append(message(1, bike=f"bike-{number}"))
    await bench.clock.run_for(1)
    assert len(bench.on_disk()) == 100
    assert bench.writes == 1


async def test_message_is_sent_only_from_disk_with_no_interval(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench(interval_s=0)
    await bench.start()
    bench.buffer.append(message(1))
    assert bench.buffer.head() is None
    await bench.clock.run_for(0)
    assert bench.on_disk() == [1]
    assert seconds(await bench.take_all()) == [1]


async def test_deletions_join_the_next_write_or_come_after_five_seconds(
    bench: BufferBench,
) -> None:
    bench.buffer.append(message(1))
    await bench.clock.run_for(1)
    [entry] = await bench.take_all()
    bench.buffer.acknowledge(entry)
    bench.buffer.append(message(2))
    await bench.clock.run_for(1)
    assert (bench.on_disk(), bench.writes) == ([2], 2)
    [entry] = await bench.take_all()
    bench.buffer.acknowledge(entry)
    await bench.clock.run_for(DELETE_AFTER_NS / NS_PER_S + 0.1)
    assert bench.on_disk() == []
    assert bench.buffer.status.on_disk == 0


async def test_deletions_do_not_wait_when_there_are_many(bench: BufferBench) -> None:
    for number in range(DELETE_BATCH):
        bench.buffer.append(message(1, bike=f"bike-{number}"))
    await bench.clock.run_for(1)
    for entry in await bench.take_all():
        bench.buffer.acknowledge(entry)
    await bench.clock.run_for(0)
    assert bench.on_disk() == []


async def test_buffer_offers_the_newest_race_first_and_its_seconds_in_order(
    bench: BufferBench,
) -> None:
    for race_id in (1, 2):
        for second in (1, 2, 3):
            bench.buffer.append(message(second, race_id))
    taken = [telemetry_from_json(entry.payload) for entry in await bench.take_all()]
    assert [(t.race_id, t.second) for t in taken] == [
        (2, 1),
        (2, 2),
        (2, 3),
        (1, 1),
        (1, 2),
        (1, 3),
    ]


@pytest.mark.parametrize("age_s", [0, 3])
async def test_head_without_some_races_is_the_first_message_of_the_newest_other(
    bench: BufferBench, age_s: float
) -> None:
    for race_id in (1, 2, 3):
        for second in (1, 2):
            bench.buffer.append(message(10 * race_id + second, race_id))
    await bench.clock.run_for(age_s)

    def second_without(*race_ids: int) -> int | None:
        head = bench.buffer.head(race_ids)
        return None if head is None else telemetry_from_json(head.payload).second

    assert second_without() == 31
    assert second_without(3) == 21
    assert second_without(2) == 31
    assert second_without(3, 2) == 11
    assert second_without(1, 2, 3) is None


async def test_head_without_the_newest_race_is_read_from_disk(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench()
    await bench.start()
    for race_id in (1, 2):
        bench.buffer.append(message(race_id, race_id))
    await bench.clock.run_for(2)
    following = await reopened(bench)
    assert following.buffer.head({2}) is None, "not yet"
    await following.clock.settle()
    head = following.buffer.head({2})
    assert head is not None
    assert head.race_id == 1
    await following.stop()


async def test_message_given_back_returns_to_its_place(bench: BufferBench) -> None:
    for second in (1, 2, 3):
        bench.buffer.append(message(second))
    first, following = await bench.take(), await bench.take()
    assert first is not None
    assert following is not None
    bench.buffer.give_back(following)
    bench.buffer.give_back(first)
    assert seconds(await bench.take_all()) == [1, 2, 3]


@pytest.mark.slow
async def test_long_outage_is_read_back_in_order_with_bounded_memory(
    bench: BufferBench,
) -> None:
    count = IN_MEMORY_MAX + 3 * LOG_MESSAGES + 5
    for second in range(1, count + 1):
        bench.buffer.append(message(second, length_s=10_000))
        await bench.clock.run_for(1)
        assert bench.buffer._ledger.order.in_memory <= IN_MEMORY_MAX + 1
    assert len(bench.buffer._ledger.unwritten) <= 1
    bench.buffer.append(message(count + 1, length_s=10_000))  # not on disk yet
    assert seconds(await bench.take_all()) == list(range(1, count + 2))


async def test_new_process_continues_where_the_killed_one_was(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench()
    await bench.start()
    for second in (1, 2, 3):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    await bench.stop()

    bench = open_bench()
    await bench.start()
    assert (bench.buffer.status.depth, bench.buffer.status.on_disk) == (3, 3)
    bench.buffer.append(message(4))
    taken = await bench.take_all()
    assert seconds(taken) == [1, 2, 3, 4]
    assert len({entry.id for entry in taken}) == 4


async def test_buffer_close_writes_what_is_in_memory(
    bench: BufferBench, open_bench: Callable[..., BufferBench]
) -> None:
    bench.buffer.append(message(1))
    await bench.buffer.close()
    reopened = open_bench()
    await reopened.start()
    assert reopened.on_disk() == [1]


async def test_message_acknowledged_during_its_write_is_deleted(bench: BufferBench) -> None:
    bench.buffer.append(message(1))
    [entry] = await bench.take_all()
    assert bench.store is not None
    write = bench.store.write

    def acknowledge_meanwhile(batch: Batch) -> Written:
        bench.buffer.acknowledge(entry)
        return write(batch)

    bench.store.write = acknowledge_meanwhile  # type: ignore[method-assign]
    await bench.clock.run_for(1)
    bench.store.write = write  # type: ignore[method-assign]
    await bench.clock.run_for(10)
    assert bench.on_disk() == []
    assert bench.buffer.status.depth == 0


async def test_quarantined_message_is_kept_and_blocks_no_other(
    bench: BufferBench,
) -> None:
    for second in (1, 2):
        bench.buffer.append(message(second))
    first = await bench.take()
    assert first is not None
    bench.buffer.quarantine(first, "topic not valid")
    await bench.clock.run_for(1)
    assert bench.store is not None
    assert bench.store.quarantined == 1
    assert bench.buffer.status.quarantined == 1
    assert seconds(await bench.take_all()) == [2]
    assert bench.on_disk() == [2]


async def test_failing_disk_is_a_problem_until_a_later_try_succeeds(bench: BufferBench) -> None:
    bench.failure = StoreError("disk full")
    bench.buffer.append(message(1))
    await bench.clock.run_for(3)
    assert bench.buffer.status.problem == "disk full"
    assert seconds(await bench.take_all()) == [1], "it can still be sent"
    bench.failure = None
    await bench.clock.run_for(1)
    assert bench.buffer.status.problem is None
    assert bench.on_disk() == [1]


@pytest.mark.slow
async def test_memory_is_bounded_while_the_disk_fails_and_losses_are_counted(
    bench: BufferBench,
) -> None:
    bench.failure = StoreError("disk full")
    for _ in range(UNWRITTEN_MAX + 5):
        bench.buffer.append(message(1))
    status = bench.buffer.status
    assert (status.depth, status.lost) == (UNWRITTEN_MAX, 5)


async def test_evicted_races_are_counted_as_lost_and_the_rest_is_sent(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench(max_bytes=96 * 1024)
    await bench.start()
    produced = 0
    for race_id in range(1, 31):
        for second in range(1, 101):
            bench.buffer.append(message(second, race_id))
            produced += 1
        await bench.clock.run_for(1)
    held = await bench.take()
    assert held is not None
    status = bench.buffer.status
    assert status.lost >= 100
    assert status.lost % 100 == 0, "whole logs"
    assert status.depth + status.lost == produced
    assert status.on_disk == len(bench.on_disk()) == status.depth
    bench.buffer.give_back(held)
    taken = [telemetry_from_json(entry.payload) for entry in await bench.take_all()]
    assert len(taken) == status.depth
    assert min(t.race_id for t in taken) == 1 + status.lost // 100


async def test_eviction_of_many_logs_is_one_line_in_the_log(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench()
    await bench.start()
    for race_id in range(1, 21):
        for second in range(1, 101):
            bench.buffer.append(message(second, race_id))
    await bench.clock.run_for(1)
    await bench.stop()
    bench = open_bench(max_bytes=12 * 1024)
    with capture_logs() as lines:
        await bench.start()
    [line] = [line for line in lines if line["event"] == "buffer full: oldest messages deleted"]
    assert line["lost_in_all"] == bench.buffer.status.lost
    assert line["logs"] == line["lost_in_all"] / 100 > 1


async def test_acknowledgements_that_the_disk_does_not_take_need_no_memory(
    bench: BufferBench,
) -> None:
    for second in range(1, 101):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    bench.failure = StoreError("disk full")
    bench.buffer.append(message(101))
    for entry in (await bench.take_all())[:-1]:
        bench.buffer.acknowledge(entry)
        await bench.clock.run_for(1)
    assert len(bench.buffer._ledger.to_delete) <= 2
    refused = await bench.take()
    assert refused is None
    bench.failure = None
    await bench.clock.run_for(3)
    assert (bench.on_disk(), bench.buffer.status.depth) == ([101], 1)


async def test_message_set_aside_on_a_full_disk_stays_where_it_is_until_there_is_room(
    bench: BufferBench,
) -> None:
    for second in (1, 2):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    bench.failure = StoreError("disk full")
    first, following = await bench.take_all()
    bench.buffer.quarantine(first, "refused")
    bench.buffer.acknowledge(following)
    await bench.clock.run_for(10)
    assert bench.on_disk() == [1], "a kill costs nothing"
    bench.failure = None
    await bench.clock.run_for(3)
    assert (bench.on_disk(), set_aside(bench)) == ([], [(1, "refused")])


async def test_message_evicted_in_flight_but_acknowledged_is_not_lost(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench(max_bytes=96 * 1024)
    await bench.start()
    for second in range(1, 101):
        bench.buffer.append(message(second, race_id=1))
    await bench.clock.run_for(1)
    held = await bench.take()
    assert held is not None
    for race_id in range(2, 31):
        for second in range(1, 101):
            bench.buffer.append(message(second, race_id))
        await bench.clock.run_for(1)
    before = bench.buffer.status
    assert before.lost >= 100
    bench.buffer.acknowledge(held)
    assert bench.buffer.status == replace(before, lost=before.lost - 1)
    assert bench.buffer._ledger._taken == {}


async def test_message_found_in_a_log_during_its_commit_is_offered_once(
    bench: BufferBench,
) -> None:
    """A log read between a write and the word of it has what the write has added."""
    bench.buffer.append(message(1))
    await bench.clock.run_for(1)
    bench = await reopened(bench)
    assert bench.store is not None
    write = bench.store.write

    def write_when_read(batch: Batch) -> Written:
        written = write(batch)
        assert bench.buffer.head() is None, "the earlier log is being read"
        return written

    bench.store.write = write_when_read  # type: ignore[method-assign]
    bench.buffer.append(message(2))
    await bench.clock.run_for(1)
    assert seconds(await bench.take_all()) == [1, 2]
    await bench.stop()


async def test_failed_disk_read_is_tried_again_and_other_races_are_sent(
    bench: BufferBench,
) -> None:
    assert bench.store is not None
    for race_id in (1, 2):
        records = [Record(race_id * 10 + n, race_id, message(n, race_id).to_json()) for n in (1, 2)]
        bench.store.write(Batch(records))
    bench = await reopened(bench)
    store = bench.store
    assert store is not None
    read = store.read
    called = 0

    def available() -> None:
        nonlocal called
        called += 1

    def fail_for_race_2(name: LogName) -> list[Record]:
        if name.race_id == 2:
            raise StoreError("disk I/O error")
        return read(name)

    store.read = fail_for_race_2  # type: ignore[method-assign]
    bench.buffer.on_available.append(available)
    taken = [telemetry_from_json(entry.payload) for entry in await bench.take_all()]
    assert {t.race_id for t in taken} == {1}
    assert bench.buffer.status.problem == "disk I/O error"
    store.read = read  # type: ignore[method-assign]
    await bench.clock.run_for(2)
    assert called > 0, "the sender is told to try again"
    assert seconds(await bench.take_all()) == [1, 2]
    await bench.stop()
    assert bench.buffer.status.problem is None


@pytest.mark.slow
async def test_quarantine_never_evicts_messages_to_be_sent(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench(max_bytes=256 * 1024)
    await bench.start()
    for _ in range(2000):
        bench.buffer.append(message(1))
        refused = await bench.take()
        assert refused is not None
        bench.buffer.quarantine(refused, "not authorised")
    await bench.clock.run_for(1)
    assert bench.store is not None
    assert bench.buffer.status.quarantined == bench.store.quarantined < 2000
    for second in range(1, 11):
        bench.buffer.append(message(second, race_id=2))
        await bench.clock.run_for(1)
    assert bench.buffer.status.lost == 0
    assert bench.on_disk() == list(range(1, 11))


async def test_quarantine_before_opening_keeps_the_messages_in_the_file(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench()
    await bench.start()
    for second in (1, 2):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    await bench.stop()

    bench = open_bench()
    bench.failure = StoreError("not mounted yet")
    await bench.start()
    for second in (3, 4):
        bench.buffer.append(message(second))
    refused = await bench.take()
    assert refused is not None
    bench.buffer.quarantine(refused, "topic not valid")
    bench.failure = None
    await bench.clock.run_for(2)
    assert set_aside(bench) == [(3, "topic not valid")]
    assert bench.on_disk() == [1, 2, 4]


async def test_buffer_close_tries_a_failed_write_again(bench: BufferBench) -> None:
    assert bench.store is not None
    write, tries = bench.store.write, 0

    def write_at_last(batch: Batch) -> Written:
        nonlocal tries
        tries += 1
        if tries < CLOSING_TRIES:
            raise StoreError("disk I/O error")
        return write(batch)

    bench.store.write = write_at_last  # type: ignore[method-assign]
    bench.buffer.append(message(1))
    await bench.buffer.close()
    following = await reopened(bench)
    assert following.on_disk() == [1]
    await following.stop()


async def test_messages_found_damaged_when_they_are_read_are_logged(
    bench: BufferBench, open_bench: Callable[..., BufferBench]
) -> None:
    for second in (1, 2):
        bench.buffer.append(message(second))
        await bench.clock.run_for(1)
    assert bench.store is not None
    [name] = bench.store.waiting()
    await bench.stop()
    bench.store.close()
    file = bench.path / str(name)
    data = bytearray(file.read_bytes())
    data[HEADER_BYTES + OVERHEAD_BYTES] ^= 1
    file.write_bytes(data)
    following = open_bench()
    await following.start()
    with capture_logs() as logs:
        assert seconds(await following.take_all()) == [2]
    assert following.buffer.status.lost == 1
    assert logs == [
        {
            "event": "buffered messages lost: damaged or deleted",
            "file": str(name),
            "count": 1,
            "log_level": "error",
        }
    ]


async def test_buffer_close_logs_unwritten_messages_as_lost(bench: BufferBench) -> None:
    bench.failure = StoreError("disk full")
    for second in (1, 2):
        bench.buffer.append(message(second))
    with capture_logs() as logs:
        await bench.buffer.close()
    [lost] = [log for log in logs if log["event"] == "messages lost"]
    assert (lost["count"], lost["reason"]) == (2, "disk full")


async def test_messages_evicted_on_opening_are_counted_as_lost(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench()
    await bench.start()
    for race_id in range(1, 6):
        for second in range(1, 101):
            bench.buffer.append(message(second, race_id))
    await bench.clock.run_for(1)
    await bench.stop()

    bench = open_bench(max_bytes=12 * 1024)
    await bench.start()
    status = bench.buffer.status
    assert status.depth == len(bench.on_disk()) < 500
    assert status.lost == 500 - status.depth


async def test_unreadable_undated_seconds_do_not_hold_back_messages(
    open_bench: Callable[..., BufferBench],
) -> None:
    bench = open_bench()
    await bench.start()
    bench.buffer.append_undated(b"undated")
    await bench.clock.run_for(1)
    assert bench.store is not None
    read = bench.store.read

    def fail_for_undated(name: LogName) -> list[Record]:
        if name.race_id == UNDATED:
            raise StoreError("disk I/O error")
        return read(name)

    bench.store.read = fail_for_undated  # type: ignore[method-assign]
    bench.buffer.date_seconds(lambda _: message(1))
    await bench.clock.run_for(0)
    bench.buffer.append(message(2, race_id=2))
    assert seconds(await bench.take_all()) == [2]


@pytest.mark.parametrize("interval_s", [0, 1])
async def test_unreadable_undated_seconds_delay_no_write(
    open_bench: Callable[..., BufferBench], interval_s: float
) -> None:
    bench = open_bench(interval_s=interval_s)
    await bench.start()
    bench.buffer.append_undated(b"undated")
    await bench.clock.run_for(1)
    assert bench.store is not None

    def fail(name: LogName) -> list[Record]:
        raise StoreError("disk I/O error")

    read, bench.store.read = bench.store.read, fail  # type: ignore[method-assign]
    bench.buffer.date_seconds(lambda _: message(99))
    for second in range(1, 6):
        bench.buffer.append(message(second))
        await bench.clock.run_for(interval_s)
        assert bench.buffer._ledger.sends_unwritten is (interval_s > 0)
        assert bench.buffer._ledger.in_memory_only == 0
    bench.store.read = read  # type: ignore[method-assign]
    await bench.clock.run_for(3)
    assert 99 in seconds(await bench.take_all())


async def test_undated_log_that_can_be_read_is_dated_before_one_that_cannot(
    bench: BufferBench,
) -> None:
    for payload in (b"1", b"2"):
        bench.buffer.append_undated(payload)
        await bench.clock.run_for(1)
        bench = await reopened(bench)
    assert bench.store is not None
    read, (first, _) = bench.store.read, bench.store.waiting()

    def fail_for_first(name: LogName) -> list[Record]:
        if name == first:
            raise StoreError("disk I/O error")
        return read(name)

    bench.store.read = fail_for_first  # type: ignore[method-assign]
    bench.buffer.date_seconds(lambda payload: message(int(payload)))
    await bench.clock.run_for(3)
    assert bench.buffer.status.unnamed == 1
    await bench.stop()


async def test_senders_looking_at_many_races_do_not_read_logs_in_turn_for_ever(
    bench: BufferBench,
) -> None:
    """More races than memory has room for: to read one would make another one be forgotten."""
    races, each = 35, 60
    assert races * each > IN_MEMORY_MAX
    for race_id in range(1, races + 1):
        for second in range(1, each + 1):
            bench.buffer.append(message(second, race_id))
    await bench.clock.run_for(1)
    bench = await reopened(bench)
    assert bench.store is not None
    read, reads = bench.store.read, list[LogName]()

    def counted(name: LogName) -> list[Record]:
        reads.append(name)
        return read(name)

    bench.store.read = counted  # type: ignore[method-assign]
    for _ in range(10 * races):
        heads = list(bench.buffer.heads())
        await bench.clock.settle()
    assert len(reads) <= races
    assert len(heads) >= IN_MEMORY_MAX // each
    await bench.stop()


async def test_live_message_does_not_wait_for_the_backlog_of_another_race(
    bench: BufferBench,
) -> None:
    for second in (1, 2):
        bench.buffer.append(message(second, race_id=2, bike="bike-2"))
    await bench.clock.run_for(10)
    bench.buffer.append(message(7, race_id=1))
    bench.buffer.append(message(3, race_id=2, bike="bike-2"))
    assert seconds(await bench.take_all()) == [7, 1, 2, 3]


async def test_undated_seconds_are_dated_once_the_disk_has_recovered(bench: BufferBench) -> None:
    bench.buffer.append_undated(b"undated")
    await bench.clock.run_for(1)
    bench.failure = StoreError("disk full")
    bench.buffer.date_seconds(lambda _: message(1))
    await bench.clock.run_for(0)
    bench.failure = None
    await bench.clock.run_for(5)
    assert seconds(await bench.take_all()) == [1]


@pytest.mark.parametrize("is_on_disk", [False, True])
async def test_undated_seconds_are_dated_some_at_a_time(
    bench: BufferBench, *, is_on_disk: bool
) -> None:
    """All at once would keep the event loop busy for longer than a bike may wait."""
    count = 3 * DATED_AT_ONCE + 1
    for second in range(1, count + 1):
        bench.buffer.append_undated(b"%d" % second)
    if is_on_disk:
        await bench.clock.run_for(1)
    at_once = list[int]()

    def dater(payload: bytes) -> Telemetry:
        at_once[-1] += 1
        return message(int(payload), length_s=10_000)

    bench.buffer.date_seconds(dater)
    commit = bench.buffer.commit

    async def counted(*, everything: bool = False) -> None:
        at_once.append(0)
        await commit(everything=everything)

    bench.buffer.commit = counted  # type: ignore[method-assign]
    bench.buffer.append(message(9000, length_s=10_000))
    await bench.clock.run_for(2)
    assert max(at_once) == DATED_AT_ONCE
    assert sum(at_once) == count
    assert bench.buffer.status.unnamed == 0
    assert seconds(await bench.take_all()) == [*range(1, count + 1), 9000]


async def test_live_message_does_not_wait_for_seconds_just_dated(bench: BufferBench) -> None:
    bench.buffer.append_undated(b"undated")
    await bench.clock.run_for(10)
    bench.buffer.append(message(7, race_id=9))
    bench.buffer.date_seconds(lambda _: message(1, race_id=3))
    await bench.clock.run_for(0)
    assert seconds(await bench.take_all()) == [7, 1]


async def refused(bench: BufferBench, *seconds: int, race_id: int = 1) -> list[int]:
    """Put seconds of a race into quarantine; return their ids."""
    for second in seconds:
        bench.buffer.append(message(second, race_id))
    await bench.clock.run_for(1)
    entries = await bench.take_all()
    for entry in entries:
        bench.buffer.quarantine(entry, "refused")
    await bench.clock.run_for(1)
    return [entry.id for entry in entries]


async def test_requeued_messages_are_sent_before_newer_ones_of_their_race(
    bench: BufferBench,
) -> None:
    ids = await refused(bench, 1, 2, 3)
    for second in (4, 5):
        bench.buffer.append(message(second))
    assert await bench.buffer.release(Batch(requeued_ids=ids[:2])) == 2
    status = bench.buffer.status
    assert (status.depth, status.quarantined) == (4, 1)
    entries = await bench.take_all()
    assert seconds(entries) == [1, 2, 4, 5]
    for entry in entries:
        bench.buffer.acknowledge(entry)
    await bench.clock.run_for(10)
    assert (bench.on_disk(), bench.buffer.status.depth) == ([], 0)
    assert set_aside(bench) == [(3, "refused")]


async def test_requeue_leaves_messages_in_flight_alone(bench: BufferBench) -> None:
    ids = await refused(bench, 1)
    for second in (2, 3):
        bench.buffer.append(message(second))
    await bench.clock.run_for(1)
    in_flight = await bench.take()
    assert in_flight is not None
    await bench.buffer.release(Batch(requeued_ids=ids))
    entries = await bench.take_all()
    assert seconds([in_flight]) == [2]
    assert seconds(entries) == [1, 3]
    for entry in (in_flight, *entries):
        bench.buffer.acknowledge(entry)
    await bench.clock.run_for(10)
    assert (bench.on_disk(), bench.buffer.status.depth) == ([], 0)


async def test_requeued_messages_survive_a_kill(bench: BufferBench) -> None:
    ids = await refused(bench, 1, 2)
    await bench.buffer.release(Batch(requeued_ids=ids))
    following = await reopened(bench)
    assert seconds(await following.take_all()) == [1, 2]
    assert (following.buffer.status.depth, following.buffer.status.quarantined) == (2, 0)
    await following.stop()


async def test_message_requeued_again_and_again_is_counted_once(bench: BufferBench) -> None:
    for _ in range(3):
        await bench.buffer.release(Batch(requeued_ids=await refused(bench, 1)))
        [entry] = await bench.take_all()
        bench.buffer.quarantine(entry, "refused")
        await bench.clock.run_for(1)
        [id_] = await ids_set_aside(bench)
        await bench.buffer.release(Batch(dropped_ids=[id_]))
    assert (bench.buffer.status.depth, bench.buffer.status.quarantined) == (0, 0)
    assert bench.on_disk() == []


async def ids_set_aside(bench: BufferBench) -> list[int]:
    return [message.id for message in quarantine(bench)]


async def test_dropped_messages_are_gone_and_not_counted(bench: BufferBench) -> None:
    ids = await refused(bench, 1, 2, 3)
    assert await bench.buffer.release(Batch(dropped_ids=[*ids[1:], 999])) == 2
    status = bench.buffer.status
    assert (status.depth, status.quarantined, status.lost) == (0, 1, 0)
    assert set_aside(bench) == [(1, "refused")]


async def test_requeued_second_of_an_unknown_race_is_dated_again(bench: BufferBench) -> None:
    bench.buffer.append_undated(b"{}")
    await bench.clock.run_for(2)

    def refuse(_: bytes) -> NoReturn:
        raise NotDatable("ridden in an earlier boot")

    bench.buffer.date_seconds(refuse)
    await bench.clock.run_for(2)
    assert bench.buffer.status.quarantined == 1
    bench.buffer.date_seconds(lambda _: message(7))
    await bench.buffer.release(Batch(requeued_ids=await ids_set_aside(bench)))
    await bench.clock.run_for(2)
    assert seconds(await bench.take_all()) == [7]
    assert (bench.buffer.status.quarantined, bench.buffer.status.unnamed) == (0, 0)


async def test_release_fails_with_the_disk_and_changes_nothing(bench: BufferBench) -> None:
    ids = await refused(bench, 1)
    bench.failure = StoreError("disk full")
    with pytest.raises(StoreError, match="disk full"):
        await bench.buffer.release(Batch(requeued_ids=ids))
    assert (bench.buffer.status.depth, bench.buffer.status.quarantined) == (0, 1)
    bench.failure = None
    await bench.buffer.release(Batch(requeued_ids=ids))
    assert (bench.buffer.status.depth, bench.buffer.status.problem) == (1, None)


async def test_problem_of_a_failed_release_ends_when_the_disk_is_well(bench: BufferBench) -> None:
    ids = await refused(bench, 1)
    bench.failure = StoreError("disk full")
    with pytest.raises(StoreError):
        await bench.buffer.release(Batch(dropped_ids=ids))
    assert bench.buffer.status.problem == "disk full"
    bench.failure = None
    await bench.clock.run_for(3)
    assert bench.buffer.status.problem is None
