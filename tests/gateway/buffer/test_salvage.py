"""Salvage: a real file, damaged in every way, gives what is left of it and invents nothing."""

import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer.salvage import salvage
from gateway.buffer.store import UNDATED, Batch, Record, Store
from tests.support.telemetry import message

PAGE = 4096
SCHEMA = """
CREATE TABLE telemetry (id INTEGER PRIMARY KEY, race_id INTEGER NOT NULL, payload BLOB NOT NULL);
CREATE INDEX telemetry_by_race ON telemetry (race_id);
CREATE TABLE quarantine
    (id INTEGER PRIMARY KEY, race_id INTEGER NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL);
PRAGMA user_version = 1;
"""
MESSAGES = 3000
NOT_NAMED_YET = b'{"bike_id":"bike-1","padding":"%s"}' % bytes(b"x" * 220)
RACE_LENGTH_S = 300

ById = dict[int, tuple[object, ...]]
Rows = dict[str, ById]


@dataclass(slots=True)
class Result:
    """What a salvage gave, by table and id, as (columns behind the id)."""

    rows: Rows = field(default_factory=dict)
    lost: int | None = None

    @property
    def count(self) -> int:
        return sum(len(rows) for rows in self.rows.values())

    @property
    def ids(self) -> set[int]:
        return set(self.rows["telemetry"])


def rows_of(messages: int) -> Rows:
    """Ten races, in each of them two bikes; now and then a hole where a message was delivered."""
    telemetry: ById = {}
    for id_ in range(1, messages + 1):
        race_id, second = 5_984_158 + id_ // (2 * RACE_LENGTH_S), id_ // 2 % RACE_LENGTH_S + 1
        if id_ % 50 >= 3:
            sent = message(second, race_id, f"bike-{id_ % 2}", RACE_LENGTH_S)
            telemetry[id_] = (race_id, sent.to_json())
        if id_ % 97 == 0:
            telemetry[id_] = (UNDATED, NOT_NAMED_YET)
    first = messages + 1
    quarantine: ById = {
        id_: (7, message(3, 7).to_json(), "topic not valid") for id_ in range(first, first + 60)
    }
    return {"telemetry": telemetry, "quarantine": quarantine}


WRITTEN = rows_of(MESSAGES)
COUNT = sum(len(rows) for rows in WRITTEN.values())
#: Deleted again, but still to be found on free pages.
DELIVERED: Rows = {"telemetry": {id_: (1, message(1).to_json()) for id_ in range(9000, 9080)}}


def insert(connection: sqlite3.Connection, rows: Rows) -> None:
    for table, by_id in rows.items():
        for id_, columns in by_id.items():
            marks = ", ?" * len(columns)
            connection.execute(f"INSERT INTO {table} VALUES (?{marks})", (id_, *columns))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file without damage, closed in order, with a few free pages in it."""
    path = tmp_path_factory.mktemp("written") / "buffer.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        insert(connection, WRITTEN)
        insert(connection, DELIVERED)
        connection.execute("DELETE FROM telemetry WHERE id >= 9000")
        connection.commit()
    return path


@pytest.fixture(scope="session")
def written(whole: Path) -> bytes:
    return whole.read_bytes()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where examples write their file, each over the one before."""
    return tmp_path_factory.mktemp("place") / "buffer.db.damaged-1795266906906"


def salvaged(path: Path) -> Result:
    """Salvage a file, and see that this leaves it and its directory as they were."""
    before = {one.name: (one.stat().st_mtime_ns, one.stat().st_size) for one in siblings(path)}
    result = Result()
    with salvage(path) as found:
        for table in ("telemetry", "quarantine"):
            rows = list(getattr(found, table))
            result.rows[table] = {row[0]: row[1:] for row in rows}
            assert len(rows) == len(result.rows[table]), "an id stands twice"
        result.lost = found.lost
    after = {one.name: (one.stat().st_mtime_ns, one.stat().st_size) for one in siblings(path)}
    assert after == before
    return result


def siblings(path: Path) -> list[Path]:
    return sorted(path.parent.iterdir()) if path.parent.is_dir() else []


def is_accounted(result: Result, written: int = COUNT) -> bool:
    return result.lost is None or result.count + result.lost == written


# The pages of a file.


@dataclass(frozen=True, slots=True)
class Pages:
    """Page numbers, from 1, by what is on them; `ids` of each leaf of the table telemetry."""

    root: int
    interiors: list[int]
    ids: dict[int, set[int]]
    index: list[int]

    @property
    def leaves(self) -> list[int]:
        return list(self.ids)


@pytest.fixture(scope="session")
def pages(written: bytes, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    path = tmp_path_factory.mktemp("pages") / "buffer.db"
    path.write_bytes(written)
    with closing(sqlite3.connect(path)) as connection:
        stat = connection.execute(
            "SELECT name, pagetype, pageno FROM dbstat ORDER BY path"
        ).fetchall()
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'telemetry'"
        ).fetchone()
    of_telemetry = [(kind, number) for name, kind, number in stat if name == "telemetry"]
    return Pages(
        root,
        [number for kind, number in of_telemetry if kind == "internal" and number != root],
        {
            number: set(rowids(written[(number - 1) * PAGE : number * PAGE]))
            for kind, number in of_telemetry
            if kind == "leaf"
        },
        [number for name, _, number in stat if name == "telemetry_by_race"],
    )


def cells(page: bytes) -> list[int]:
    """Where the cells of a page behind the first begin. sqlite.org/fileformat2.html#b_tree_pages"""
    (count,) = struct.unpack_from(">H", page, 3)
    return list(struct.unpack_from(f">{count}H", page, 8))


def varint(page: bytes, at: int) -> tuple[int, int]:
    """Its value, and where it ends. Up to 8 bytes."""
    value = 0
    while True:
        value = value << 7 | page[at] & 0x7F
        at += 1
        if page[at - 1] < 0x80:
            return value, at


def rowids(leaf: bytes) -> Iterator[int]:
    for cell in cells(leaf):
        _, behind_size = varint(leaf, cell)
        yield varint(leaf, behind_size)[0]


def zeroed(content: bytes, *numbers: int) -> bytes:
    damaged = bytearray(content)
    for number in numbers:
        damaged[(number - 1) * PAGE : number * PAGE] = bytes(PAGE)
    return bytes(damaged)


def changed(content: bytes, changes: dict[int, int]) -> bytes:
    """With these bytes at these offsets."""
    damaged = bytearray(content)
    for offset, byte in changes.items():
        damaged[offset % len(content)] = byte
    return bytes(damaged)


def of_file(place: Path, content: bytes) -> Result:
    place.write_bytes(content)
    return salvaged(place)


# What is lost, and what is not.


def test_salvage_of_an_undamaged_file_gives_every_row(written: bytes, place: Path) -> None:
    result = of_file(place, written)
    assert result.rows == WRITTEN
    assert result.lost == 0


def test_salvage_of_an_undamaged_file_keeps_the_order(written: bytes, place: Path) -> None:
    place.write_bytes(written)
    with salvage(place) as found:
        assert [row[0] for row in found.telemetry] == list(WRITTEN["telemetry"])
        assert found.lost is None, "known only when all is read"


@pytest.mark.slow
def test_zeroed_leaf_loses_only_its_own_rows(written: bytes, place: Path, pages: Pages) -> None:
    for leaf, ids in list(pages.ids.items())[::12]:
        result = of_file(place, zeroed(written, leaf))
        assert result.ids == set(WRITTEN["telemetry"]) - ids
        assert result.lost == len(ids) <= 20
        assert result.rows["telemetry"].items() <= WRITTEN["telemetry"].items()


@pytest.mark.slow
def test_zeroed_leaves_with_the_last_lose_only_their_own_rows(
    written: bytes, place: Path, pages: Pages
) -> None:
    for seed in (1, 7, 19):  # each seeks as often as is allowed behind what is left
        leaves = Random(seed).sample(pages.leaves, 1 + seed * 4)
        leaves.append(max(pages.ids, key=lambda leaf: max(pages.ids[leaf])))
        gone = set[int]().union(*(pages.ids[leaf] for leaf in leaves))
        result = of_file(place, zeroed(written, *leaves))
        assert result.ids == set(WRITTEN["telemetry"]) - gone
        assert result.lost == len(gone)


@pytest.mark.slow
def test_damaged_index_leaves_rows_readable_but_lost_ones_uncounted(
    written: bytes, place: Path, pages: Pages
) -> None:
    for seed in range(0, 20, 3):
        leaves = Random(seed).sample(pages.leaves, seed)
        gone = set[int]().union(*(pages.ids[leaf] for leaf in leaves))
        result = of_file(place, zeroed(written, pages.index[seed % len(pages.index)], *leaves))
        assert result.ids == set(WRITTEN["telemetry"]) - gone
        assert result.lost is None


@pytest.mark.slow
def test_rows_are_salvaged_without_the_index_and_the_last_leaf(
    written: bytes, place: Path, pages: Pages
) -> None:
    last = max(pages.ids, key=lambda leaf: max(pages.ids[leaf]))
    middle = pages.leaves[len(pages.leaves) // 2]
    result = of_file(place, zeroed(written, *pages.index, last, middle))
    assert result.ids == set(WRITTEN["telemetry"]) - pages.ids[last] - pages.ids[middle]
    assert result.lost is None


@pytest.mark.slow
def test_zeroed_root_page_loses_its_whole_table_and_is_counted(
    written: bytes, place: Path, pages: Pages
) -> None:
    result = of_file(place, zeroed(written, pages.root))
    assert result.ids == set()
    assert result.lost == len(WRITTEN["telemetry"])
    assert result.rows["quarantine"] == WRITTEN["quarantine"]


def test_damaged_row_is_lost_alone(written: bytes, place: Path) -> None:
    at = written.index(b'"cadence":80.0')
    result = of_file(place, changed(written, {at: 0xFF}))
    assert result.lost == 1


def test_row_with_a_damaged_id_is_lost(written: bytes, place: Path, pages: Pages) -> None:
    leaf = max(pages.ids, key=lambda leaf: max(pages.ids[leaf]))
    start = (leaf - 1) * PAGE
    last_cell = cells(written[start : start + PAGE])[-1]
    _, id_at = varint(written, start + last_cell)
    result = of_file(place, changed(written, {id_at: 0xFF}))
    assert result.rows["telemetry"].items() <= WRITTEN["telemetry"].items()
    assert result.lost == 1


def test_rows_missing_from_a_damaged_index_are_salvaged_uncounted(
    written: bytes, place: Path, pages: Pages
) -> None:
    leaf = pages.index[-1]
    cells_at = (leaf - 1) * PAGE + 3
    result = of_file(place, changed(written, {cells_at: 0, cells_at + 1: 9}))
    assert result.rows == WRITTEN
    assert result.lost is None


def test_changed_digit_in_a_payload_is_not_noticed(written: bytes, place: Path) -> None:
    """SQLite has no checksums, nor has a message: the limit of what can be done here."""
    at = written.index(b'"cadence":80.0') + len('"cadence":')
    result = of_file(place, changed(written, {at: ord("9")}))
    assert result.lost == 0
    assert len(result.rows["telemetry"].items() - WRITTEN["telemetry"].items()) == 1


def test_damaged_length_loses_only_rows_of_its_leaf(
    written: bytes, place: Path, pages: Pages
) -> None:
    leaf = pages.leaves[3]
    start = (leaf - 1) * PAGE
    cell = start + cells(written[start : start + PAGE])[0]
    result = of_file(place, changed(written, {cell: 0xFF, cell + 1: 0xFF, cell + 2: 0xFF}))
    assert 0 < (result.lost or 0) <= len(pages.ids[leaf])


def test_salvage_gives_what_the_store_wrote(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    store = Store(path, max_bytes=2**30)
    records = [Record(n, 7, message(n, 7).to_json()) for n in range(1, 200)]
    before_the_clock_was_set = Record(200, -1, b'{"boot_id":"b","end_ns":1}')
    store.write(Batch([*records, before_the_clock_was_set]))
    store.write(Batch(quarantined=[(records[4], "topic not valid")]))
    store.close()
    result = salvaged(path)
    ids = [record.id for record in records if record is not records[4]]
    assert list(result.rows["telemetry"]) == [*ids, 200]
    assert result.rows["telemetry"][200] == (-1, b'{"boot_id":"b","end_ns":1}')
    assert result.rows["quarantine"] == {5: (7, records[4].payload, "topic not valid")}
    assert result.lost == 0


# Nothing to be read.


@pytest.mark.parametrize(
    "content", [b"", b"not a database at all " * 400, b"SQLite format 3\x00" * 500, bytes(PAGE)]
)
def test_salvage_of_a_file_that_is_not_a_database_gives_nothing(
    place: Path, content: bytes
) -> None:
    result = of_file(place, content)
    assert result.count == 0
    assert result.lost is None


def test_salvage_of_a_file_without_its_header_gives_nothing(written: bytes, place: Path) -> None:
    for damaged in (zeroed(written, 1), bytes(100) + written[100:], b"x" + written[1:]):
        result = of_file(place, damaged)
        assert result.count == 0
        assert result.lost is None


def test_salvage_of_a_directory_or_missing_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    for name in ("directory", "missing", "missing/in/a/directory"):
        result = salvaged(tmp_path / name)
        assert result.count == 0
        assert result.lost is None


# Any damage.

#: Neither JSON nor UTF-8 has them: a payload with one of them is none.
VISIBLE = [*range(9), *range(0x0E, 0x20), *range(0xF8, 0x100)]
OFFSETS = st.integers(0, 2**30)


def payloads(*tables: ById) -> set[object]:
    rows = (columns for by_id in tables for columns in by_id.values())
    return {next(one for one in columns if isinstance(one, bytes)) for columns in rows}


#: A page can come to stand in another's place: what is shown was written at some time.
EVER = payloads(*WRITTEN.values(), *DELIVERED.values())


def is_as_written(result: Result) -> bool:
    """Every payload was written, and while the index can be trusted, under the same id."""
    is_same = result.rows["telemetry"].items() <= WRITTEN["telemetry"].items()
    return (is_same or result.lost is None) and payloads(*result.rows.values()) <= EVER


@pytest.mark.slow
@given(numbers=st.sets(st.integers(2, 200), min_size=1, max_size=40), seed=st.integers(0, 2**32))
def test_zeroed_or_random_pages_give_only_what_was_written(
    whole: Path, place: Path, numbers: set[int], seed: int
) -> None:
    random = Random(seed)
    damaged = bytearray(whole.read_bytes())
    for number in numbers:
        start = (number - 1) * PAGE % len(damaged)
        damaged[start : start + PAGE] = random.choice([bytes(PAGE), random.randbytes(PAGE)])
    result = of_file(place, bytes(damaged))
    assert is_as_written(result)
    assert is_accounted(result)


@pytest.mark.slow
@given(
    copies=st.sets(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20)
)
def test_misplaced_pages_give_only_what_was_written(
    whole: Path, place: Path, pages: Pages, copies: set[tuple[int, int]]
) -> None:
    """Onto telemetry and its index: of the small tables nobody knows what they had."""
    written = whole.read_bytes()
    targets = [pages.root, *pages.interiors, *pages.leaves, *pages.index]
    damaged = bytearray(written)
    for target, source in copies:
        start = (targets[target % len(targets)] - 1) * PAGE
        other = source % (len(written) // PAGE) * PAGE
        damaged[start : start + PAGE] = written[other : other + PAGE]
    result = of_file(place, bytes(damaged))
    assert is_as_written(result)
    assert is_accounted(result)


@pytest.mark.slow
@given(changes=st.dictionaries(OFFSETS, st.sampled_from(VISIBLE), min_size=1, max_size=40))
def test_invalid_bytes_give_only_payloads_that_were_written(
    whole: Path, place: Path, changes: dict[int, int]
) -> None:
    """What is given was written; its id may have become that of a neighbour."""
    result = of_file(place, changed(whole.read_bytes(), changes))
    assert payloads(*result.rows.values()) <= EVER
    assert is_accounted(result)


@pytest.mark.slow
@given(changes=st.dictionaries(OFFSETS, st.integers(0, 255), min_size=1, max_size=400))
def test_any_changed_bytes_give_no_more_rows_than_were_written(
    whole: Path, place: Path, changes: dict[int, int]
) -> None:
    result = of_file(place, changed(whole.read_bytes(), changes))
    assert result.count <= COUNT


@given(length=OFFSETS)
def test_truncated_file_gives_only_what_was_written(whole: Path, place: Path, length: int) -> None:
    written = whole.read_bytes()
    result = of_file(place, written[: length % len(written)])
    assert is_as_written(result)
    assert is_accounted(result)


# With a -wal beside it.

#: In the -wal alone, where as many old ones are deleted.
IN_THE_LOG = {3001 + n: (5_984_170, message(n + 1, 5_984_170).to_json()) for n in range(200)}


@dataclass(frozen=True, slots=True)
class Crashed:
    """What a killed process leaves behind."""

    database: bytes
    log: bytes
    rows: Rows

    @property
    def count(self) -> int:
        return sum(len(rows) for rows in self.rows.values())

    @property
    def end(self) -> int:
        """Where the last generation ends in the log. sqlite.org/fileformat2.html#walformat"""
        salts = self.log[16:24]
        starts = range(32, len(self.log), 24 + PAGE)
        return next(start for start in starts if self.log[start + 8 : start + 16] != salts)


@pytest.fixture(scope="session")
def crash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database and its -wal, in which the generation before shows behind the last frame."""
    path = tmp_path_factory.mktemp("crash") / "buffer.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.executescript(f"BEGIN; {SCHEMA} COMMIT")
        connection.execute("BEGIN")
        insert(connection, {"telemetry": WRITTEN["telemetry"]})
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint")
        for first in range(3001, 3201, 20):
            ids = range(first, first + 20)
            connection.execute("BEGIN")
            insert(connection, {"telemetry": {id_: IN_THE_LOG[id_] for id_ in ids}})
            deleted = [(id_ - 3001,) for id_ in ids]
            connection.executemany("DELETE FROM telemetry WHERE id = ?", deleted)
            connection.execute("COMMIT")
        (path.parent / "left").write_bytes(path.read_bytes())
        (path.parent / "left-wal").write_bytes(path.with_name("buffer.db-wal").read_bytes())
    return path.parent / "left"


def crashed(crash: Path) -> Crashed:
    kept = {id_: row for id_, row in WRITTEN["telemetry"].items() if id_ > 199} | IN_THE_LOG
    log = crash.with_name("left-wal").read_bytes()
    return Crashed(crash.read_bytes(), log, {"telemetry": kept, "quarantine": {}})


def of_files(place: Path, database: bytes, log: bytes) -> Result:
    place.write_bytes(database)
    place.with_name(f"{place.name}-wal").write_bytes(log)
    place.with_name(f"{place.name}-shm").write_bytes(b"not of this file")
    try:
        return salvaged(place)
    finally:
        for suffix in ("-wal", "-shm"):
            place.with_name(place.name + suffix).unlink()


def test_salvage_gives_rows_that_only_the_wal_has(crash: Path, place: Path) -> None:
    left = crashed(crash)
    result = of_files(place, left.database, left.log)
    assert result.rows == left.rows
    assert result.lost == 0


def test_salvage_reads_the_wal_where_hard_links_are_not_permitted(
    crash: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> NoReturn:
        raise PermissionError(1, "not permitted", source, target)

    monkeypatch.setattr(os, "link", link)
    left = crashed(crash)
    assert of_files(place, left.database, left.log).rows == left.rows


def test_salvage_replaces_what_a_killed_salvage_left_behind(crash: Path, tmp_path: Path) -> None:
    left = crashed(crash)
    path = tmp_path / "buffer.db"
    path.write_bytes(left.database)
    path.with_name("buffer.db-wal").write_bytes(left.log)
    private = tmp_path / "buffer.db.salvage"
    private.mkdir()
    (private / "db").write_bytes(b"of another time")
    with salvage(path) as found:
        assert len(list(found.telemetry)) == left.count
    assert not private.exists()


def test_salvage_raises_when_a_file_is_in_its_way(crash: Path, place: Path) -> None:
    left = crashed(crash)
    private = place.with_name(f"{place.name}.salvage")
    private.write_bytes(b"in the way")
    try:
        with pytest.raises(FileExistsError):
            of_files(place, left.database, left.log)
    finally:
        private.unlink()


def test_wal_truncated_in_mid_frame_leaves_the_lost_uncounted(crash: Path, place: Path) -> None:
    left = crashed(crash)
    result = of_files(place, left.database, left.log[: left.end - 100])
    assert result.rows["telemetry"].items() <= (WRITTEN["telemetry"] | IN_THE_LOG).items()
    assert result.lost is None


@pytest.mark.slow
@given(changes=st.dictionaries(OFFSETS, st.sampled_from(VISIBLE), min_size=1, max_size=10))
def test_damaged_wal_is_noticed_and_gives_only_what_was_written(
    crash: Path, place: Path, changes: dict[int, int]
) -> None:
    """Up to the first bad frame it is good; that more should follow is noticed."""
    left = crashed(crash)
    log = changed(left.log, changes)
    result = of_files(place, left.database, log)
    assert result.rows["telemetry"].items() <= (WRITTEN["telemetry"] | IN_THE_LOG).items()
    if log[: left.end] != left.log[: left.end]:
        assert result.lost is None
    else:
        assert result.rows == left.rows


@pytest.mark.slow
@given(numbers=st.sets(st.integers(2, 200), min_size=1, max_size=10), offset=OFFSETS)
def test_zeroed_pages_under_a_wal_give_only_what_was_written(
    crash: Path, place: Path, numbers: set[int], offset: int
) -> None:
    left = crashed(crash)
    pages_there = len(left.database) // PAGE
    damaged = zeroed(left.database, *(2 + number % (pages_there - 1) for number in numbers))
    result = of_files(place, damaged, left.log)
    assert result.rows["telemetry"].items() <= left.rows["telemetry"].items()
    assert is_accounted(result, left.count)
