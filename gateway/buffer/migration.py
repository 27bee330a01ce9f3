"""Messages of version 0.1, which kept them in an SQLite file, move into logs. Blocking.

The logs are built in a directory of their own. When they are whole, the file is renamed; then they
join the others. A kill in between is of no consequence: the next start goes on from there.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError

from gateway.buffer.log_format import UNDATED
from gateway.buffer.store import Batch, Record, Store, StoreError
from gateway.host.atomic_file import sync_directory
from gateway.telemetry.message import telemetry_from_json
from gateway.telemetry.undated import NotDatable, undated_from_json

#: The file in the state directory, and the files that SQLite makes for it.
FILE_NAME = "buffer.db"
_SUFFIXES = ("", "-wal", "-shm")
#: Messages moved in one write.
ROWS = 1000
#: Beyond this number of ids without a message, a damaged table has no more.
_GAP_MAX = 1 << 40
#: The room is not the old file's concern.
_UNBOUNDED = 1 << 62

log = structlog.get_logger()

#: A row's id and columns, which can be of any type.
Row = tuple[Any, ...]


@dataclass(slots=True)
class _Moved:
    """What has become of the messages. `is_damaged`: there may have been more."""

    messages: int = 0
    invalid: int = 0
    is_damaged: bool = False

    def count(self, moved: int, rows: int) -> None:
        self.messages += moved
        self.invalid += rows - moved


def migrate(directory: Path, now_ms: int) -> str | None:
    """Move the messages of a `buffer.db` next to `directory` into logs there.

    Return a note if not all could be read. Raises OSError or StoreError; then nothing has changed.
    """
    database, building = directory.with_name(FILE_NAME), directory.with_name("buffer.new")
    note = None
    if database.is_file():
        shutil.rmtree(building, ignore_errors=True)
        _check_room(database)
        moved = _copy(database, building)
        aside = database.with_name(f"{FILE_NAME}.damaged-{now_ms}" if moved.is_damaged else _DONE)
        for suffix in _SUFFIXES:
            part = database.with_name(FILE_NAME + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        sync_directory(directory.parent)
        log.info("buffer of an earlier version moved into logs", messages=moved.messages)
        note = _note(database, aside, moved)
    if building.is_dir():
        directory.mkdir(mode=0o700, exist_ok=True)
        for file in building.iterdir():
            file.rename(directory / file.name)
        sync_directory(directory)
        building.rmdir()
    return note


#: The name of the file when its messages are in logs.
_DONE = f"{FILE_NAME}.migrated"


def _check_room(database: Path) -> None:
    """Refuse a disk without room for both, so that it is not filled again and again."""
    needed, disk = database.stat().st_size, os.statvfs(database.parent)
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        raise StoreError(
            f"{database}: its messages need up to {needed} bytes to move into logs, and the disk "
            f"has {free}; free some room"
        )


def _copy(database: Path, building: Path) -> _Moved:
    moved = _Moved()
    store = Store(building, _UNBOUNDED)
    try:
        with closing(sqlite3.connect(database)) as connection:
            for rows in _pages(connection, "telemetry", "race_id, payload", moved):
                records = [Record(*row) for row in rows if _is_message(*row)]
                store.write(Batch(records))
                moved.count(len(records), len(rows))
            for rows in _pages(connection, "quarantine", "race_id, payload, reason", moved):
                refused = [(Record(*row), str(why)) for *row, why in rows if _is_sound(*row)]
                store.write(Batch(quarantined=refused))
                moved.count(len(refused), len(rows))
    finally:
        store.close()
    return moved


def _pages(
    connection: sqlite3.Connection, table: str, columns: str, moved: _Moved
) -> Iterator[list[Row]]:
    """Yield the rows of a table that can be read, with their ids, some at a time."""

    def rows_after(id_: int, limit: int) -> list[Row] | None:
        statement = f"SELECT id, {columns} FROM {table} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
        try:
            return connection.execute(statement, (id_, limit)).fetchall()
        except (sqlite3.Error, UnicodeDecodeError):
            moved.is_damaged = True
            return None

    after, limit = -1, ROWS
    while True:
        rows = rows_after(after, limit)
        if rows:
            yield rows
            after = rows[-1][0]
        elif rows is not None:
            return
        elif limit > 1:
            limit = 1  # all rows before the damage, one by one
        else:
            gap = 1
            while gap < _GAP_MAX and rows_after(after + gap, 1) is None:
                gap *= 2
            after += gap
            if gap >= _GAP_MAX:
                return


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


def _note(database: Path, aside: Path, moved: _Moved) -> str | None:
    if not (moved.is_damaged or moved.invalid):
        return None
    lost = "an unknown number were" if moved.is_damaged else f"{moved.invalid} were"
    return (
        f"{database} was damaged: {moved.messages} messages were recovered, {lost} lost; the file "
        f"is kept as {aside}"
    )
