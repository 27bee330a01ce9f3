import sqlite3
from pathlib import Path

import pytest

from gateway.store import SCHEMA_VERSION, Record, Store, StoreError

ROOMY = 100 * 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer.db"


def open_store(path: Path, max_bytes: int = ROOMY) -> Store:
    store, damaged = Store.open_or_replace(path, max_bytes, now_ms=1)
    assert damaged is None
    return store


def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    store = open_store(path)
    store.write([Record(1, 7, b"a"), Record(2, 7, b"b"), Record(3, 8, b"c")])
    store.close()

    store = open_store(path)
    assert store.pending_by_race() == {7: 2, 8: 1}
    assert store.last_id() == 3
    assert store.page(7, from_id=0, limit=10) == [Record(1, 7, b"a"), Record(2, 7, b"b")]
    store.close()


def test_a_page_starts_where_it_is_asked_to_and_ends_at_its_limit(path: Path) -> None:
    store = open_store(path)
    store.write([Record(n, 1, b"") for n in range(1, 8)])
    assert [record.id for record in store.page(1, from_id=3, limit=3)] == [3, 4, 5]
    store.close()


def test_a_write_changes_nothing_the_second_time(path: Path) -> None:
    store = open_store(path)
    store.write([Record(1, 1, b"a")])
    store.write([Record(1, 1, b"a")])
    assert store.pending_by_race() == {1: 1}
    store.close()


def test_deleted_is_gone_and_counted(path: Path) -> None:
    store = open_store(path)
    store.write([Record(1, 1, b"a"), Record(2, 1, b"b")])
    written = store.write([Record(3, 1, b"c")], deleted_ids=[1, 2, 99])
    assert written.rows_added == 1 - 2
    assert store.page(1, 0, 10) == [Record(3, 1, b"c")]
    store.close()


def test_quarantine_keeps_the_message_with_its_reason(path: Path) -> None:
    store = open_store(path)
    store.write([Record(1, 1, b"poison")])
    store.write(quarantined=[(Record(1, 1, b"poison"), "topic not valid")])
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


def test_the_oldest_races_go_whole_when_the_file_is_full(path: Path) -> None:
    store = open_store(path, max_bytes=64 * 1024)
    ids = iter(range(1, 10_000))
    for race_id in (1, 2):
        store.write([Record(next(ids), race_id, bytes(1000)) for _ in range(20)])
    written = store.write([Record(next(ids), 3, bytes(1000)) for _ in range(20)])
    assert written.evicted_race_ids == [1]
    assert written.rows_added == 20 - 20
    assert store.pending_by_race() == {2: 20, 3: 20}
    store.close()


@pytest.mark.parametrize("content", [b"not a database at all " * 400, b"SQLite format 3\x00" * 500])
def test_a_file_that_cannot_be_read_is_set_aside_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    store, damaged = Store.open_or_replace(path, ROOMY, now_ms=1234)
    assert damaged == path.with_name("buffer.db.damaged-1234")
    assert damaged.read_bytes() == content
    store.write([Record(1, 1, b"a")])
    store.close()


def test_damage_behind_the_header_is_found_at_the_start(path: Path) -> None:
    store = open_store(path)
    store.write([Record(n, n % 7, bytes(100)) for n in range(1, 2000)])
    store.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = bytes(len(content) - 3 * 4096)
    path.write_bytes(content)
    store, damaged = Store.open_or_replace(path, ROOMY, now_ms=9)
    assert damaged is not None
    assert store.pending_by_race() == {}
    store.close()


def test_a_file_that_is_only_out_of_reach_is_left_alone(path: Path) -> None:
    store = open_store(path)
    store.write([Record(1, 1, b"a")])
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    store.close()
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        Store.open_or_replace(path, ROOMY, now_ms=9)
    holder.execute("ROLLBACK")
    holder.close()
    store = open_store(path)
    assert store.pending_by_race() == {1: 1}
    store.close()


def test_a_file_of_a_newer_version_is_set_aside_too(path: Path) -> None:
    open_store(path).close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    store, damaged = Store.open_or_replace(path, ROOMY, now_ms=5)
    assert damaged is not None
    assert damaged.exists()
    store.close()


def test_a_directory_in_its_place_is_said_with_its_path(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=str(path)):
        Store.open_or_replace(path, ROOMY, now_ms=1)


def test_after_a_failed_write_a_new_connection_goes_on(path: Path) -> None:
    store = open_store(path)
    store.write([Record(1, 1, b"a")])
    with pytest.raises(StoreError):
        store.write([Record(2, 1, None)])  # type: ignore[arg-type]
    store.reopen()
    store.write([Record(2, 1, b"b")])
    assert store.pending_by_race() == {1: 2}
    store.close()


def test_the_state_directory_is_closed_to_others(path: Path) -> None:
    open_store(path).close()
    assert path.parent.stat().st_mode & 0o077 == 0
