"""Whatever has become of the file, a store opens, or the reason is said."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer.recovery import open_store
from gateway.buffer.store import (
    SCHEMA_VERSION,
    Batch,
    DamagedStoreError,
    Record,
    Store,
    StoreError,
    Written,
)
from tests.support.telemetry import message

ROOMY = 100 * 1024 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "buffer.db"


@pytest.mark.parametrize("content", [b"not a database at all " * 400, b"SQLite format 3\x00" * 500])
def test_unreadable_file_is_set_aside_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    opened = open_store(path, ROOMY, now_ms=1234)
    aside = path.with_name("buffer.db.damaged-1234")
    assert opened.note is not None
    assert str(aside) in opened.note
    assert aside.read_bytes() == content
    opened.store.write(Batch([Record(1, 1, b"a")]))
    opened.store.close()


@pytest.mark.slow
def test_damage_behind_the_header_is_found_on_opening(path: Path) -> None:
    store = Store(path, ROOMY)
    store.write(Batch([Record(n, n % 7, bytes(100)) for n in range(1, 2000)]))
    store.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 :] = bytes(len(content) - 3 * 4096)
    path.write_bytes(content)
    opened = open_store(path, ROOMY, now_ms=9)
    assert opened.note is not None
    assert opened.store.pending_by_race() == {}
    opened.store.close()


@pytest.mark.slow
def test_locked_file_is_left_alone(path: Path) -> None:
    store = Store(path, ROOMY)
    store.write(Batch([Record(1, 1, b"a")]))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    store.close()
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        open_store(path, ROOMY, now_ms=9)
    holder.execute("ROLLBACK")
    holder.close()
    store = Store(path, ROOMY)
    assert store.pending_by_race() == {1: 1}
    store.close()


def test_file_of_a_newer_version_is_set_aside(path: Path) -> None:
    Store(path, ROOMY).close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()
    content = path.read_bytes()
    opened = open_store(path, ROOMY, now_ms=5)
    assert opened.note is not None
    assert f"has format {SCHEMA_VERSION + 1}" in opened.note
    assert opened.lost is None, "what is in it is for that version to say"
    assert path.with_name("buffer.db.damaged-5").read_bytes() == content
    opened.store.close()


def damage_leaf(path: Path, payload: bytes) -> None:
    """Zero the page in which a message lies."""
    content = bytearray(path.read_bytes())
    page = content.index(payload) // 4096
    content[page * 4096 : (page + 1) * 4096] = bytes(4096)
    path.write_bytes(content)


def records_of(store: Store) -> dict[int, Record]:
    return {
        record.id: record
        for race_id in store.pending_by_race()
        for record in store.page(race_id, 0, 1_000_000)
    }


def test_salvage_keeps_readable_messages_and_counts_the_lost(path: Path) -> None:
    messages = {n: message(n % 300 + 1, race_id=n // 300) for n in range(1, 900)}
    written = {n: Record(n, one.race_id, one.to_json()) for n, one in messages.items()}
    store = Store(path, ROOMY)
    store.write(Batch(list(written.values())))
    store.close()
    damage_leaf(path, written[450].payload)
    opened = open_store(path, ROOMY, now_ms=7, is_damaged=True)
    kept = records_of(opened.store)
    assert kept.items() <= written.items()
    assert opened.lost == len(written) - len(kept)
    assert 0 < opened.lost < 30, "one page of 4 KiB"
    assert opened.note is not None
    assert f"{len(kept)} messages were recovered, {opened.lost} were lost" in opened.note
    opened.store.close()
    assert not list(path.parent.glob("*.new*"))


def test_failed_salvage_leaves_the_damaged_file_for_the_next_try(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(path, ROOMY)
    store.write(Batch([Record(1, 1, message(1).to_json())]))
    store.close()

    def full(store: Store, batch: Batch) -> Written:
        raise StoreError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", full)
        with pytest.raises(StoreError, match="disk full"):
            open_store(path, ROOMY, now_ms=7, is_damaged=True)
    opened = open_store(path, ROOMY, now_ms=8, is_damaged=True)
    assert opened.lost == 0
    assert list(records_of(opened.store)) == [1]
    opened.store.close()


def test_salvage_that_cannot_copy_the_log_can_be_tried_again(path: Path) -> None:
    killed = Store(path, ROOMY)
    killed.write(Batch([Record(1, 1, message(1).to_json())]))
    in_the_way = path.with_name("buffer.db.salvage")
    in_the_way.touch()
    with pytest.raises(StoreError, match="cannot be salvaged"):
        open_store(path, ROOMY, now_ms=7, is_damaged=True)
    in_the_way.unlink()
    opened = open_store(path, ROOMY, now_ms=8, is_damaged=True)
    assert list(records_of(opened.store)) == [1]
    opened.store.close()
    killed.close()


@pytest.mark.parametrize(("at", "value"), [(36, 128), (36, 127), (38, 1), (39, 200)])
def test_damaged_free_page_count_evicts_nothing(path: Path, at: int, value: int) -> None:
    with closing(Store(path, ROOMY)) as store:
        store.write(Batch([Record(1, 1, message(1).to_json())]))
    content = bytearray(path.read_bytes())
    content[at] = value
    path.write_bytes(content)
    with closing(open_store(path, ROOMY, now_ms=1).store) as store:
        written = store.write(Batch([Record(9, 1, message(2).to_json())]))
        assert list(records_of(store)) == [1, 9]
        assert 0 < written.used_bytes < ROOMY


@given(at=st.integers(0, 4095), value=st.integers(0, 255))
def test_store_with_a_damaged_first_page_takes_a_write_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    """Header and schema lie there: the file opens, or is salvaged; then it takes a write."""
    path = tmp_path_factory.mktemp("scribbled") / "buffer.db"
    with closing(Store(path, ROOMY)) as store:
        store.write(Batch([Record(1, 1, message(1).to_json())]))
    content = bytearray(path.read_bytes())
    content[at] = value
    path.write_bytes(content)
    try:
        opened = open_store(path, ROOMY, now_ms=1)
    except StoreError as error:
        pytest.fail(f"byte {at} = {value}: {error}")
    new = Batch([Record(9, 1, message(2).to_json())])
    try:
        opened.store.write(new)
    except DamagedStoreError:  # some damage shows when it is first written
        opened.store.close()
        opened = open_store(path, ROOMY, now_ms=2, is_damaged=True)
        opened.store.write(new)
    with closing(opened.store) as store:
        assert 9 in records_of(store)
