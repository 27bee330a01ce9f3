"""Scanning around bad pages: everything that can be reached is given once, in bounded time."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.buffer import salvage_scan
from gateway.buffer.salvage_scan import LAST_ID, bisect, ids_behind, scan

IDS = st.integers(1, 400)
#: (first, last) of what lies on bad pages.
BAD = st.lists(st.tuples(IDS, st.integers(0, 60)), max_size=6)


class Table:
    """Rows with these ids; ids of which some cannot be read, whether there are rows or not."""

    def __init__(self, ids: set[int], bad: set[int]) -> None:
        self.ids = ids
        self.bad = bad
        self.bad_from = LAST_ID
        self.seeks = 0

    def scan(self, low: int, high: int) -> Generator[tuple[int], None, int]:
        self.seeks += 1
        if low >= self.bad_from:
            return low - 1
        for id_ in range(low, min(high, 500) + 1):
            if id_ in self.bad or id_ >= self.bad_from:
                return id_ - 1
            if id_ in self.ids:
                yield (id_,)
        return high

    def read(self, candidates: Sequence[int]) -> list[int]:
        return [id_ for (id_,) in bisect(self.scan, candidates)]


def spread(ranges: list[tuple[int, int]]) -> set[int]:
    return {id_ for first, more in ranges for id_ in range(first, first + more + 1)}


@given(ids=st.sets(IDS), bad=BAD)
def test_bisect_gives_each_reachable_row_once(ids: set[int], bad: list[tuple[int, int]]) -> None:
    table = Table(ids, spread(bad))
    found = table.read(range(1, 401))
    assert sorted(found) == sorted(ids - table.bad)


@given(ids=st.sets(IDS), bad=BAD)
def test_bisect_of_known_ids_gives_each_reachable_row_once(
    ids: set[int], bad: list[tuple[int, int]]
) -> None:
    table = Table(ids, spread(bad))
    assert sorted(table.read(sorted(ids))) == sorted(ids - table.bad)


@given(bad=BAD)
def test_bisect_seeks_once_per_bad_id_and_a_few_per_edge(
    bad: list[tuple[int, int]],
) -> None:
    table = Table(set(range(1, 401)), spread(bad))
    table.read(range(1, 401))
    assert table.seeks <= len(table.bad) + 60 + 30 * len(bad)


@pytest.mark.slow
@given(bad=BAD, bad_from=st.integers(300, 400))
def test_bisect_gives_up_on_an_unreadable_end(bad: list[tuple[int, int]], bad_from: int) -> None:
    table = Table(set(range(1, 401)), spread(bad))
    table.bad_from = bad_from
    found = table.read(range(1, LAST_ID + 1))
    assert sorted(found) == sorted(set(range(1, bad_from)) - table.bad)
    assert table.seeks <= 2 * salvage_scan.FAILURES_MAX


def test_bisect_gives_up_on_a_slowly_failing_card(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = iter(range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(now_s)))
    table = Table(set(range(1, 401)), set(range(1, 401)))
    assert table.read(range(1, 401)) == []
    assert table.seeks == salvage_scan.FAILING_MAX_S


def test_bisect_without_candidates_does_not_seek() -> None:
    table = Table({1, 2, 3}, set())
    assert table.read(()) == []
    assert table.seeks == 0


# On SQLite's own pages.

PAGE = 4096
ROWS = 400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Some 36 rows of 100 bytes a page."""
    path = tmp_path / "table.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, payload BLOB)")
        connection.executemany(
            "INSERT INTO t VALUES (?, ?)", ((n, b"%0100d" % n) for n in range(1, ROWS + 1))
        )
        connection.commit()
    return path


def leaves(path: Path) -> list[tuple[int, int]]:
    """(page number, first id) of each leaf, in order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT pageno, ncell FROM dbstat WHERE name = 't' AND pagetype = 'leaf' ORDER BY path"
        ).fetchall()
    starts = [1 + sum(count for _, count in rows[:place]) for place in range(len(rows))]
    return [(number, first) for (number, _), first in zip(rows, starts, strict=True)]


def read(path: Path, low: int, high: int) -> tuple[list[int], int]:
    """The ids, and the one that was reached."""
    ids: list[int] = []

    def keep(row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        ids.append(row[0])
        return [row]

    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        rows = scan(connection, "SELECT id, payload FROM t", keep, low, high)
        while True:
            try:
                next(rows)
            except StopIteration as end:
                return ids, end.value


def replace_page(path: Path, number: int, content: bytes) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[(number - 1) * PAGE : number * PAGE] = content
    path.write_bytes(damaged)


def page(path: Path, number: int) -> bytes:
    return path.read_bytes()[(number - 1) * PAGE : number * PAGE]


def test_salvage_scan_without_damage_reaches_the_requested_id(path: Path) -> None:
    assert read(path, 1, LAST_ID) == (list(range(1, ROWS + 1)), LAST_ID)
    assert read(path, 7, 9) == ([7, 8, 9], 9)
    assert read(path, 10**6, 10**7) == ([], 10**7)


def test_salvage_scan_reads_up_to_the_last_row_before_a_bad_page(path: Path) -> None:
    """Python's cursor alone would drop that row."""
    number, first = leaves(path)[4]
    replace_page(path, number, bytes(PAGE))
    assert read(path, 1, LAST_ID) == (list(range(1, first)), first - 1)
    assert read(path, first - 1, LAST_ID) == ([first - 1], first - 1)
    assert read(path, first, LAST_ID) == ([], first - 1)


@pytest.mark.parametrize("other", [1, 4, 9])
def test_salvage_scan_stops_before_a_page_copied_from_elsewhere(path: Path, other: int) -> None:
    (number, first), (copied, _) = leaves(path)[5], leaves(path)[other]
    replace_page(path, number, page(path, copied))
    ids, reached = read(path, 1, LAST_ID)
    assert ids == list(range(1, reached + 1))
    assert reached < first


def test_ids_behind_end_at_the_last_row_or_at_the_last_id_if_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert ids_behind(connection, "t", 390) == range(391, ROWS + 1)
        assert len(ids_behind(connection, "t", LAST_ID)) == 0
    last, _ = leaves(path)[-1]
    replace_page(path, last, bytes(PAGE))
    with closing(sqlite3.connect(path)) as connection:
        assert ids_behind(connection, "t", 390) == range(391, LAST_ID + 1)
