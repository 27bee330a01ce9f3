import sqlite3
from pathlib import Path

import pytest

from gateway.buffer.store import UNDATED, Batch, Record, Store, StoreError

ROOMY = 100 * 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer.db"


def open_store(path: Path, max_bytes: int = ROOMY) -> Store:
    return Store(path, max_bytes)


def test_store_has_its_records_after_reopening(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, 7, b"a"), Record(2, 7, b"b"), Record(3, 8, b"c")]))
    store.close()

    store = open_store(path)
    assert store.pending_by_race() == {7: 2, 8: 1}
    assert store.last_id() == 3
    assert store.page(7, from_id=0, limit=10) == [Record(1, 7, b"a"), Record(2, 7, b"b")]
    store.close()


def test_store_page_starts_at_from_id_and_ends_at_its_limit(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(n, 1, b"") for n in range(1, 8)]))
    assert [record.id for record in store.page(1, from_id=3, limit=3)] == [3, 4, 5]
    store.close()


def test_store_write_changes_nothing_the_second_time(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, 1, b"a")]))
    store.write(Batch([Record(1, 1, b"a")]))
    assert store.pending_by_race() == {1: 1}
    store.close()


def test_deleted_records_are_gone_and_counted(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, 1, b"a"), Record(2, 1, b"b")]))
    written = store.write(Batch([Record(3, 1, b"c")], deleted_ids=[1, 2, 99]))
    assert written.rows_added == 1 - 2
    assert store.page(1, 0, 10) == [Record(3, 1, b"c")]
    store.close()


def test_quarantine_keeps_the_message_with_its_reason(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, 1, b"poison")]))
    store.write(Batch(quarantined=[(Record(1, 1, b"poison"), "topic not valid")]))
    assert store.pending_by_race() == {}
    assert store.quarantined_count() == 1
    assert store.last_id() == 1, "its id must not be given to another message"
    store.close()
    with sqlite3.connect(path) as reader:
        rows = reader.execute("SELECT payload, reason FROM quarantine").fetchall()
    reader.close()
    assert rows == [(b"poison", "topic not valid")]


def test_commits_are_synced_in_full(path: Path) -> None:
    store = open_store(path)
    connection = store._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_oldest_races_are_evicted_whole_when_the_file_is_full(path: Path) -> None:
    store = open_store(path, max_bytes=64 * 1024)
    ids = iter(range(1, 10_000))
    for race_id in (1, 2):
        store.write(Batch([Record(next(ids), race_id, bytes(1000)) for _ in range(20)]))
    written = store.write(Batch([Record(next(ids), 3, bytes(1000)) for _ in range(20)]))
    assert written.evicted_race_ids == [1]
    assert written.rows_added == 20 - 20
    assert store.pending_by_race() == {2: 20, 3: 20}
    store.close()


def test_store_error_names_the_path_of_a_directory_in_the_way(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=str(path)):
        open_store(path)


def test_store_takes_a_write_after_a_failed_one(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, 1, b"a")]))
    with pytest.raises(StoreError):
        store.write(Batch([Record(2, 1, None)]))  # type: ignore[arg-type]
    store.write(Batch([Record(2, 1, b"b")]))
    assert store.pending_by_race() == {1: 2}
    store.close()


def test_state_directory_is_closed_to_others(path: Path) -> None:
    open_store(path).close()
    assert path.parent.stat().st_mode & 0o077 == 0


def test_dated_record_keeps_its_place(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, UNDATED, b"a"), Record(2, UNDATED, b"b"), Record(3, 7, b"c")]))
    written = store.write(Batch(dated=[Record(2, 7, b"named")], deleted_ids=[1]))
    assert written.rows_added == -1
    assert store.page(7, 0, 10) == [Record(2, 7, b"named"), Record(3, 7, b"c")]
    assert store.pending_by_race() == {7: 2}
    store.close()


def test_race_last_written_to_comes_last_in_pending_by_race(path: Path) -> None:
    store = open_store(path)
    store.write(Batch([Record(1, 9, b""), Record(2, 4, b""), Record(3, 9, b""), Record(4, 6, b"")]))
    assert list(store.pending_by_race()) == [4, 9, 6]
    store.close()


def test_free_bytes_are_what_the_bound_leaves(path: Path) -> None:
    store = open_store(path, max_bytes=1024 * 1024)
    before = store.free_bytes()
    assert 0 < before < 1024 * 1024
    written = store.write(Batch([Record(n, 1, bytes(1000)) for n in range(100)]))
    assert before - store.free_bytes() > 100_000
    assert written.used_bytes + store.free_bytes() == 1024 * 1024
    store.close()


@pytest.fixture
def quarantined(path: Path) -> Store:
    """A store with messages 1 to 4 in quarantine, and 5 to be sent."""
    store = open_store(path)
    refused = [Record(n, 7 + n % 2, b"%d" % n) for n in range(1, 5)]
    store.write(Batch([Record(5, 7, b"5")], quarantined=[(one, "refused") for one in refused]))
    return store


def test_requeued_messages_are_to_be_sent_again_byte_for_byte(quarantined: Store) -> None:
    written = quarantined.write(Batch(requeued_ids=[3, 1, 2, 5, 99]))
    assert written.requeued == {8: [3, 1], 7: [2]}
    assert (written.rows_added, written.released, written.quarantine_dropped) == (3, 3, 0)
    assert quarantined.quarantined_count() == 1
    assert quarantined.page(8, 0, 10) == [Record(1, 8, b"1"), Record(3, 8, b"3")]
    assert quarantined.page(7, 0, 10) == [Record(2, 7, b"2"), Record(5, 7, b"5")]
    assert quarantined.pending_by_race() == {8: 2, 7: 2}
    assert quarantined.write(Batch(requeued_ids=[1])).released == 0, "it is there once"
    quarantined.close()


def test_dropped_messages_are_gone_and_others_stay(quarantined: Store) -> None:
    written = quarantined.write(Batch(dropped_ids=[1, 4, 5, 99]))
    assert (written.dropped_on_request, written.released, written.rows_added) == (2, 2, 0)
    assert quarantined.quarantined_count() == 2
    assert quarantined.pending_by_race() == {7: 1}, "only what is in quarantine"
    quarantined.close()


@pytest.mark.parametrize("batch", [Batch(requeued_ids=[1]), Batch(dropped_ids=[1])])
def test_batch_that_releases_messages_is_not_empty(batch: Batch) -> None:
    assert not batch.is_empty
