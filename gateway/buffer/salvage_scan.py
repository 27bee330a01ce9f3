"""Reading a table of a damaged SQLite file around its bad pages. Blocking.

SQLite ends a SELECT at the first page that it cannot read. A row lies on one leaf of a b-tree, so
all the others are reached by seeking behind that leaf; where it ends is found by bisection.
"""

import sqlite3
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

#: The gateway's ids count from 1; SQLite's largest is the other.
FIRST_ID, LAST_ID = 1, 2**63 - 1
#: More rows than one page has.
HELD_ROWS = 128
#: So many seeks that fail in a row: the rest is given up. A bad erase block of 4 MiB makes 17,000.
FAILURES_MAX = 20_000
#: A dying card may take seconds to say that it cannot read; at most so much is spent on that.
FAILING_MAX_S = 60.0

RowT = TypeVar("RowT", bound=tuple[Any, ...])
#: What of a row as SQLite shows it is worth keeping: nothing, it, or it and some held back before.
Sieve = Callable[[tuple[Any, ...]], Sequence[RowT]]
#: Gives rows from an id to an id; returns the id up to which all that can be read has been.
Scan = Callable[[int, int], Generator[RowT, None, int]]


def scan(
    connection: sqlite3.Connection, select: str, sift: Sieve[RowT], low: int, high: int
) -> Generator[RowT, None, int]:
    """Rows from `low` to `high`, ascending, until one cannot be read. See Scan.

    `select` has the id as its first column, and ends before WHERE. A page of another place in the
    file may stand among a table's own. That shows when the next row is out of order; so the last
    rows are held back, and those that do not fit are dropped.
    """
    reached = low - 1
    is_complete = False
    held = deque[tuple[Any, ...]]()
    with suppress(sqlite3.Error):
        for row in _shown(connection, select, low, high):
            if not isinstance(row[0], int):
                break  # the schema was scribbled on
            if row[0] <= (held[-1][0] if held else reached):
                while held and reached < row[0] <= held[-1][0]:
                    held.pop()
                break
            held.append(row)
            if len(held) > HELD_ROWS:
                oldest = held.popleft()
                reached = oldest[0]
                yield from sift(oldest)
        else:
            is_complete = True
    for row in held:
        reached = row[0]
        yield from sift(row)
    return high if is_complete else reached


def bisect(scan_rows: Scan[RowT], ids: Sequence[int]) -> Iterator[RowT]:
    """The rows among `ids` (ascending) that can be read, by seeking around the others.

    It begins with parts each twice as long as the one before, since `ids` may be endless. A part
    that ends where rows were read goes first: the first of these rows is in it. The rest goes
    breadth-first, so that giving up leaves small gaps.
    """
    length = len(ids)
    sizes = (2**bit for bit in range(length.bit_length()))
    parts = deque((size - 1, min(2 * size - 1, length), False) for size in sizes)
    failures, failing_s = 0, 0.0
    while parts and failures < FAILURES_MAX and failing_s < FAILING_MAX_S:
        first, end, is_near = parts.popleft()
        middle = (first + end) // 2
        start_s = time.monotonic()
        reached = yield from scan_rows(ids[middle], ids[end - 1])
        has_failed = reached < ids[middle]
        failures = failures + 1 if has_failed else 0
        failing_s += time.monotonic() - start_s if has_failed else 0
        behind = bisect_right(ids, reached, middle + 1, end)
        for part in ((first, middle, not has_failed), (behind, end, is_near)):
            if part[0] < part[1]:
                (parts.appendleft if part[2] else parts.append)(part)


def ids_behind(connection: sqlite3.Connection, table: str, reached: int) -> Sequence[int]:
    """The ids that a table may have behind `reached`: any, if its last page cannot be read."""
    last: object = LAST_ID
    with suppress(sqlite3.Error):
        (last,) = connection.execute(f"SELECT max(id) FROM {table}").fetchone()  # noqa: S608
    return range(reached + 1, last + 1) if isinstance(last, int) else ()


def _shown(
    connection: sqlite3.Connection, select: str, low: int, high: int
) -> Iterator[tuple[Any, ...]]:
    """As SQLite shows them, until it raises sqlite3.Error."""
    last = low - 1
    query = f"{select} WHERE id BETWEEN ? AND ? ORDER BY id"
    try:
        for row in connection.execute(query, (low, high)):
            yield row
            last = row[0]
    except sqlite3.Error:
        # Python looks one row ahead, and drops what it has when that cannot be read.
        yield from connection.execute(f"{query} LIMIT 1", (min(last + 1, high), high))
        raise
