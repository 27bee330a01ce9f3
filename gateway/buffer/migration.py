"""Messages in the SQLite file of an earlier development checkout move into logs. Blocking.

The logs are built in a directory of their own, with the note. When they are whole, the file is
renamed; then they join the others. A kill in between is of no consequence: the next start goes on
from there.
"""

import os
import shutil
import sqlite3
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from gateway.buffer.earlier import FILE_NAME, places
from gateway.buffer.earlier_wal import has_damage
from gateway.buffer.log_file import regular_file
from gateway.buffer.log_format import UNDATED
from gateway.buffer.store import Batch, Record, Store, StoreError
from gateway.host.atomic_file import replace_file, sync_directory
from gateway.telemetry.message import telemetry_from_json
from gateway.telemetry.undated import NotDatable, undated_from_json
from gateway.terminal.units import counted

#: The write-ahead log, and the second name of a damaged one: SQLite deletes the first.
_WAL, _DAMAGED_WAL = f"{FILE_NAME}-wal", f"{FILE_NAME}-wal.damaged"
#: The file, and those that belong to it.
_NAMES = (FILE_NAME, _WAL, f"{FILE_NAME}-shm", _DAMAGED_WAL)
#: The name of the file when its messages are in logs.
_DONE = f"{FILE_NAME}.migrated"
#: The file next to the new logs that has the note.
_NOTE = "note"
#: Messages moved in one write.
ROWS = 1000
#: No row has a higher id.
_ID_MAX = (1 << 63) - 1
#: For each table: the query for some rows from an id on, and the query that counts them all.
_TELEMETRY = (
    "SELECT id, race_id, payload FROM telemetry WHERE id >= ? ORDER BY id LIMIT ?",
    "SELECT count(*) FROM telemetry",
)
_QUARANTINE = (
    "SELECT id, race_id, payload, reason FROM quarantine WHERE id >= ? ORDER BY id LIMIT ?",
    "SELECT count(*) FROM quarantine",
)
#: SQLite's result codes for pages that the disk does not return. Each such page costs only what is
#: in it. On a disk that returns nothing at all, the logs could not be written either.
_UNREADABLE = sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_CORRUPTFS
#: SQLite's primary result codes for a file that may be sound, but cannot be read now.
_NOT_NOW = (
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)
#: Nothing is evicted here: the gateway's first write enforces the configured bound.
_UNBOUNDED = 1 << 62

log = structlog.get_logger()

#: A row's id and columns, which can be of any type.
Row = tuple[Any, ...]


@dataclass(slots=True)
class _Moved:
    """What has become of the messages. `lost` None: there may have been any number more."""

    messages: int = 0
    lost: int | None = 0
    is_damaged: bool = False

    def count(self, moved: int, rows: int) -> None:
        self.messages += moved
        self.lose(rows - moved)

    def lose(self, count: int | None) -> None:
        self.lost = None if self.lost is None or count is None else self.lost + count


def migrate(directory: Path, now_ms: int) -> str | None:
    """Move the messages of a `buffer.db` next to `directory` into logs there.

    Return a note if not all could be read. Raises OSError or StoreError; then nothing has changed.
    """
    database, building = places(directory)
    if database.is_file():
        _remove(building)
        _check_room(database)
        _keep_damaged_wal(database)
        moved = _copy(database, building)
        aside = database.with_name(f"{FILE_NAME}.damaged-{now_ms}" if moved.is_damaged else _DONE)
        replace_file(building / _NOTE, os.fsencode(_note(database, aside, moved)))
        sync_directory(directory.parent)  # the logs are there before the file goes
        for part in _parts(database):
            part.rename(part.with_name(part.name.replace(FILE_NAME, aside.name)))
        sync_directory(directory.parent)
        log.info("buffer of an earlier version moved into logs", messages=moved.messages)
    return _join(building, directory) if building.is_dir() else None


def _join(building: Path, directory: Path) -> str | None:
    """Move the new logs to the others; return the note."""
    directory.mkdir(mode=0o700, exist_ok=True)
    for file in building.glob("*.log"):
        file.rename(directory / file.name)
    for place in (directory, directory.parent):
        sync_directory(place)
    note = building / _NOTE
    # An earlier rmtree that was killed may have removed it.
    text = os.fsdecode(note.read_bytes()) if note.exists() else ""
    shutil.rmtree(building)
    return text or None


def _parts(database: Path) -> list[Path]:
    """Return the file, and what belongs to it."""
    return [path for path in map(database.with_name, _NAMES) if path.exists()]


def _remove(building: Path) -> None:
    """Remove what a killed process has begun, or what is in its place."""
    if building.is_dir() and not building.is_symlink():
        shutil.rmtree(building)
    else:
        building.unlink(missing_ok=True)


def _check_room(database: Path) -> None:
    """Refuse a disk without room for both, so that it is not filled again and again."""
    needed = sum(part.stat().st_size for part in _parts(database))
    disk = os.statvfs(database.parent)
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        raise StoreError(
            f"{database}: moving its messages into logs takes up to {needed} bytes, but only "
            f"{free} bytes of the disk are free; free some space"
        )


def _keep_damaged_wal(database: Path) -> None:
    """Give a write-ahead log of which SQLite ignores a part a second name: SQLite deletes it."""
    wal = database.with_name(_WAL)
    try:
        with regular_file(wal) as file:
            is_damaged = has_damage(file)
    except OSError:  # there is none, or SQLite cannot read it either
        return
    if is_damaged:
        with suppress(FileExistsError):  # a killed process has got to here
            database.with_name(_DAMAGED_WAL).hardlink_to(wal)
        sync_directory(database.parent)


def _copy(database: Path, building: Path) -> _Moved:
    moved = _Moved()
    if database.with_name(_DAMAGED_WAL).exists():
        moved.is_damaged, moved.lost = True, None
    store = Store(building, _UNBOUNDED)
    try:
        with closing(sqlite3.connect(database)) as connection:
            # Else SQLite maps an index of the -wal, which ends in SIGBUS on a full disk.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            for rows in _Table(database, connection, *_TELEMETRY, moved).pages():
                records = [Record(*row) for row in rows if _is_message(*row)]
                store.write(Batch(records))
                moved.count(len(records), len(rows))
            for rows in _Table(database, connection, *_QUARANTINE, moved).pages():
                refused = [(Record(*row), str(why)) for *row, why in rows if _is_sound(*row)]
                store.write(Batch(quarantined=refused))
                moved.count(len(refused), len(rows))
    except sqlite3.Error as error:
        _expect_damage(database, error)  # not even its first page can be read
        moved.is_damaged, moved.lost = True, None
    finally:
        store.close()
    return moved


def _expect_damage(database: Path, error: sqlite3.Error) -> None:
    """Raise StoreError for an error that does not show damage."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in _NOT_NOW and code not in _UNREADABLE:
        raise StoreError(f"{database}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the old file, read by id as far as its pages are sound."""

    database: Path
    connection: sqlite3.Connection
    statement: str
    counting: str
    moved: _Moved

    def pages(self) -> Iterator[list[Row]]:
        """Yield the rows that can be read, with their ids, some at a time; count the others."""
        first, limit, count = 0, ROWS, 0
        while first < _ID_MAX:
            rows = self._rows(first, limit)
            if rows:
                yield rows
                first, count = rows[-1][0] + 1, count + len(rows)
            elif rows is not None:
                break
            elif limit > 1:
                limit //= 2  # up to the damage
            else:
                first, limit = self._end_of_damage(first), ROWS
        # The count goes by the index: it includes rows that the table has lost without an error.
        counted = self._read(self.counting)
        missing = counted[0][0] - count if counted else -1
        self.moved.is_damaged |= missing != 0
        self.moved.lose(missing if missing >= 0 else None)

    def _end_of_damage(self, first: int) -> int:
        """Return the next id from which on rows can be read, by doubling and halving the gap."""
        gap = 1
        while first + gap < _ID_MAX and not self._is_readable(first + gap):
            gap *= 2
        ids = range(first, min(first + gap, _ID_MAX))
        return first + bisect_left(ids, x=True, lo=gap // 2, key=self._is_readable)

    def _is_readable(self, first: int) -> bool:
        return self._rows(first, 1) is not None

    def _rows(self, first: int, limit: int) -> list[Row] | None:
        """Return some rows from an id on; None if they are damaged."""
        return self._read(self.statement, first, limit)

    def _read(self, statement: str, *parameters: int) -> list[Row] | None:
        """Return the rows; None if the disk does not return them whole. Raises StoreError."""
        try:
            return self.connection.execute(statement, parameters).fetchall()
        except UnicodeDecodeError:
            pass
        except sqlite3.Error as error:
            _expect_damage(self.database, error)
        self.moved.is_damaged = True
        return None


def _is_message(id_: object, race_id: object, payload: object) -> bool:
    """Return whether a row has a message of its race, or an undated second."""
    if not _is_sound(id_, race_id, payload):
        return False
    assert isinstance(payload, bytes)
    try:
        if race_id == UNDATED:
            return bool(undated_from_json(payload))
        return telemetry_from_json(payload).race_id == race_id
    except (ValidationError, NotDatable):
        return False


def _is_sound(id_: object, race_id: object, payload: object) -> bool:
    return isinstance(id_, int) and isinstance(race_id, int) and isinstance(payload, bytes)


def _note(database: Path, aside: Path, moved: _Moved) -> str:
    if not (moved.is_damaged or moved.lost):
        return ""
    lost = "an unknown number" if moved.lost is None else f"{moved.lost:,}"
    return (
        f"{database} was damaged: {counted(moved.messages, 'message')} could be recovered, and "
        f"{lost} could not; the file is kept as {aside}"
    )
