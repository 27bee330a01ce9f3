"""What can still be read of a damaged buffer file that was set aside, row by row. Blocking.

The index telemetry_by_race has every id once more: while it can be read, what is missing is known,
to be sought and to be counted.

SQLite's pages have no checksums. A row counts as read only if its payload still is a message of
its race; a digit that has become another digit is not noticed.
"""

import json
import os
import shutil
import sqlite3
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Self

from pydantic import ValidationError

from gateway.buffer.salvage_scan import FIRST_ID, LAST_ID, RowT, Sieve, bisect, ids_behind, scan
from gateway.telemetry.message import telemetry_from_json

#: A scan can also pass rows by without a word: what is missing in the end is sought so often.
PASSES = 2
#: A row or two that the index does not know were scribbled on; if there are more, the index was.
STRANGERS_MAX = 2
#: A -wal has as many generations as it was begun anew while it was not deleted.
GENERATIONS_MAX = 2**16
_LOG_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
#: A scribbled length must not fill the memory. IoT Core takes no message that is longer.
VALUE_MAX_BYTES = 128 * 1024

_TABLES = {"telemetry", "quarantine"}

TelemetryRow = tuple[int, int, bytes]
QuarantineRow = tuple[int, int, bytes, str]


@dataclass(slots=True)
class Salvaged:
    """What can be read, each to be iterated once, no id twice, mostly in order.

    `telemetry` has (id, race_id, payload), `quarantine` (id, race_id, payload, reason).
    """

    telemetry: Iterable[TelemetryRow] = ()
    quarantine: Iterable[QuarantineRow] = ()
    #: By table, once that was read to its end, and if it can be told.
    losses: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int | None:
        """Rows that were there and cannot be given. None: nobody knows, or not before the end."""
        return sum(self.losses.values()) if len(self.losses) == len(_TABLES) else None


@contextmanager
def salvage(damaged: Path) -> Iterator[Salvaged]:
    """Read around the damage of a file and of the `-wal` beside it. Neither is changed.

    A file that cannot be read at all gives nothing, of which the loss is not known. Raises
    OSError if there is no room beside it to read it.
    """
    with _private_log(damaged) as (uri, log), _opened(uri, log) as (connection, is_whole):
        yield Salvaged() if connection is None else _begin(connection, is_whole)


def _begin(connection: sqlite3.Connection, is_whole: bool) -> Salvaged:
    salvaged, tables = Salvaged(), _tables(connection)
    quarantine = _Table(connection, "quarantine", "race_id, payload, reason", _quarantined)

    def counted(name: str, table: "_TelemetryTable | _Table[Any]") -> Iterator[Any]:
        lost = None
        if name in tables:
            yield from table.rows()
            lost = table.lost()
        if is_whole and lost is not None:
            salvaged.losses[name] = lost

    salvaged.telemetry = counted("telemetry", _TelemetryTable(connection))
    salvaged.quarantine = counted("quarantine", quarantine)
    return salvaged


class _TelemetryTable:
    """The table telemetry, checked against its index for as long as that can be trusted."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._index = _Index.read(connection)
        self._strangers: list[TelemetryRow] = []
        self._seeks_missing = False
        self._given = 0

    def rows(self) -> Iterator[TelemetryRow]:
        select = "SELECT id, race_id, payload FROM telemetry"
        scan_rows = partial(scan, self._connection, select, self._sift)
        reached = yield from scan_rows(FIRST_ID, LAST_ID)
        yield from bisect(scan_rows, ids_behind(self._connection, "telemetry", reached))
        self._seeks_missing = True
        for _ in range(PASSES):
            yield from bisect(scan_rows, self._index.missing() if self._index else ())

    def lost(self) -> int | None:
        return None if self._index is None else len(self._index) - self._given

    def _sift(self, row: tuple[Any, ...]) -> Sequence[TelemetryRow]:
        id_, race_id, payload = row
        is_known = self._index is None or self._index.claim(race_id, id_)
        if not _is_message(payload, race_id):
            return ()
        if is_known:
            self._given += 1
            return (row,)
        if self._seeks_missing:
            return ()  # a stranger, or one that was given before
        self._strangers.append(row)
        if len(self._strangers) <= STRANGERS_MAX:
            return ()
        self._index = None
        return self._strangers


class _Index:
    """Every (race_id, id) that there was, and which of them were seen: 9 bytes for each."""

    def __init__(self) -> None:
        self._races: dict[int, tuple[array[int], bytearray]] = {}

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Self | None:
        """None if it cannot be read to its end, or is out of order."""
        index = cls()
        last = (-LAST_ID, 0)
        select = "SELECT race_id, id FROM telemetry INDEXED BY telemetry_by_race"
        try:
            for race_id, id_ in connection.execute(f"{select} ORDER BY race_id, id"):
                is_pair = isinstance(race_id, int) and isinstance(id_, int) and id_ >= FIRST_ID
                if not (is_pair and (race_id, id_) > last):
                    return None
                ids, is_seen = index._races.setdefault(race_id, (array("q"), bytearray()))
                ids.append(id_)
                is_seen.append(False)
                last = race_id, id_
        except sqlite3.Error:
            return None
        return index

    def __len__(self) -> int:
        return sum(len(ids) for ids, _ in self._races.values())

    def claim(self, race_id: object, id_: int) -> bool:
        """True at the first time for each pair that it has."""
        if not isinstance(race_id, int) or race_id not in self._races:
            return False
        ids, is_seen = self._races[race_id]
        place = bisect_left(ids, id_)
        if place == len(ids) or ids[place] != id_ or is_seen[place]:
            return False
        is_seen[place] = True
        return True

    def missing(self) -> Sequence[int]:
        """The ids that were not seen, ascending."""
        missing = (
            id_
            for ids, is_seen in self._races.values()
            for id_, was_seen in zip(ids, is_seen, strict=True)
            if not was_seen
        )
        return array("q", sorted(missing))


@dataclass(slots=True)
class _Table(Generic[RowT]):
    """A table without an index."""

    connection: sqlite3.Connection
    name: str
    columns: str
    sift: Sieve[RowT]
    given: int = 0

    def rows(self) -> Iterator[RowT]:
        select = f"SELECT id, {self.columns} FROM {self.name}"  # noqa: S608
        scan_rows = partial(scan, self.connection, select, self._sift_and_count)
        reached = yield from scan_rows(FIRST_ID, LAST_ID)
        yield from bisect(scan_rows, ids_behind(self.connection, self.name, reached))

    def lost(self) -> int | None:
        try:
            (verdict,) = self.connection.execute(f"PRAGMA integrity_check({self.name})")
            (count,) = self.connection.execute(f"SELECT count(*) FROM {self.name}").fetchone()  # noqa: S608
        except (sqlite3.Error, ValueError):
            return None
        return int(count) - self.given if verdict == (b"ok",) else None

    def _sift_and_count(self, row: tuple[Any, ...]) -> Sequence[RowT]:
        kept = self.sift(row)
        self.given += len(kept)
        return kept


def _is_message(payload: object, race_id: object) -> bool:
    if not isinstance(payload, bytes) or not isinstance(race_id, int):
        return False
    if race_id < 0:  # not known yet
        return is_json_object(payload)
    try:
        return telemetry_from_json(payload).race_id == race_id
    except ValidationError:
        return False


def is_json_object(payload: object) -> bool:
    try:
        return isinstance(payload, bytes) and isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


def _quarantined(row: tuple[Any, ...]) -> Sequence[QuarantineRow]:
    id_, race_id, payload, reason = row
    if isinstance(race_id, int) and isinstance(reason, bytes) and is_json_object(payload):
        return [(id_, race_id, payload, reason.decode(errors="replace"))]
    return []


@contextmanager
def _opened(uri: str, log: Path | None) -> Iterator[tuple[sqlite3.Connection | None, bool]]:
    """A connection that cannot write, or None; and whether the -wal was read to its end."""
    with ExitStack() as stack:
        is_whole, usable = False, None
        try:
            connection = stack.enter_context(closing(sqlite3.connect(uri, uri=True)))
            connection.text_factory = bytes  # what is not UTF-8 must not end a scan
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES)
            if _tables(connection):
                usable = connection
                is_whole = log is None or _is_read_to_its_end(log)
        # Python may fail to decode what SQLite says against a scribbled schema.
        except (OSError, sqlite3.Error, UnicodeDecodeError):
            pass
        yield usable, is_whole


def _tables(connection: sqlite3.Connection) -> set[str]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {str(name, "ascii", "replace") for (name,) in names}


@contextmanager
def _private_log(damaged: Path) -> Iterator[tuple[str, Path | None]]:
    """A URI to open the file by, and the -wal that belongs to it there, if any.

    To read a -wal SQLite writes a -shm beside it, and it deletes the -wal of an empty file: so it
    is given other names of the same two files, in a directory of its own.
    """
    log = damaged.with_name(f"{damaged.name}-wal")
    if not (log.exists() and log.stat().st_size):
        yield f"{damaged.absolute().as_uri()}?mode=ro&immutable=1", None
        return
    private = damaged.with_name(f"{damaged.name}.salvage")
    shutil.rmtree(private, ignore_errors=True)  # of a process that was killed
    private.mkdir(mode=0o700)
    try:
        for source, target in ((damaged, private / "db"), (log, private / "db-wal")):
            try:
                os.link(source, target)
            except OSError:  # a file system without hard links
                shutil.copyfile(source, target)
        yield f"{(private / 'db').absolute().as_uri()}?mode=ro", private / "db-wal"
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _is_read_to_its_end(log: Path) -> bool:
    """Whether SQLite has taken every frame of a -wal: it stops at the first that is not right.

    Behind the last one only frames of older generations may follow: each generation counts the
    first salt up and draws the second anew. See "WAL File Format" and "WAL-Index Format" at
    sqlite.org.
    """
    (frames_taken,) = struct.unpack_from("=I", log.with_name("db-shm").read_bytes(), 16)
    with log.open("rb") as file:
        header = file.read(_LOG_HEADER_BYTES).ljust(_LOG_HEADER_BYTES, b"\0")
        page_bytes, _, salt_1, salt_2 = struct.unpack_from(">4I", header, 8)
        frame_bytes = _FRAME_HEADER_BYTES + page_bytes
        first = _LOG_HEADER_BYTES + frames_taken * frame_bytes
        for start in range(first, log.stat().st_size, frame_bytes):
            file.seek(start + 8)
            frame_salt_1, frame_salt_2 = struct.unpack(">2I", file.read(8).ljust(8, b"\0"))
            is_older = 0 < (salt_1 - frame_salt_1) % 2**32 < GENERATIONS_MAX
            if not is_older or frame_salt_2 == salt_2:
                return False
    return True
