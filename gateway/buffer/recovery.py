"""Opening the buffer's file whatever has become of it. Blocking.

A damaged file is set aside, never deleted, and what can be read of it goes on in a new one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from gateway.buffer.salvage import salvage
from gateway.buffer.store import (
    Batch,
    DamagedStoreError,
    NewerStoreError,
    Record,
    Store,
    StoreError,
)
from gateway.host.atomic_file import sync_directory

#: What SQLite has beside a database in WAL mode.
COMPANIONS = ("-wal", "-shm")
#: Rows salvaged in one transaction.
ROWS = 2000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store, and what opening it took.

    `lost`: messages that could not be read; None if nobody can tell how many.
    """

    store: Store
    note: str | None = None
    lost: int | None = 0


def open_store(path: Path, max_bytes: int, now_ms: int, *, is_damaged: bool = False) -> Opened:
    """Open the file, made if missing; a damaged one is set aside as `<name>.damaged-<now_ms>`.

    A file of a newer version is set aside whole. One that merely cannot be used now (permissions,
    a full or read-only disk) is left alone: StoreError.
    """
    aside = path.with_name(f"{path.name}.damaged-{now_ms}")
    try:
        if is_damaged:
            raise DamagedStoreError(f"{path}: damaged")
        return Opened(_open_checked(path, max_bytes))
    except NewerStoreError as error:
        _replace(path, aside, new=None)
        note = (
            f"{error}; it was moved to {aside}. To send its messages, install that version and "
            "move the file back"
        )
        return Opened(Store(path, max_bytes), note, lost=None)
    except DamagedStoreError:
        try:
            return _salvage(path, aside, max_bytes)
        except OSError as error:
            raise StoreError(f"{path} is damaged and cannot be salvaged: {error}") from error


def _open_checked(path: Path, max_bytes: int) -> Store:
    store = Store(path, max_bytes)
    try:
        store.check()
    except BaseException:
        store.close()
        raise
    return store


def _salvage(path: Path, aside: Path, max_bytes: int) -> Opened:
    """The new file takes the old one's place when it is whole: until then nothing has happened."""
    new = path.with_name(f"{path.name}.new")
    for companion in ("", *COMPANIONS):
        new.with_name(new.name + companion).unlink(missing_ok=True)
    read = 0
    store = Store(new, max_bytes)
    try:
        with salvage(path) as salvaged:
            for rows in _batches(salvaged.telemetry):
                store.write(Batch([Record(*row) for row in rows]))
                read += len(rows)
            for refused in _batches(salvaged.quarantine):
                store.write(Batch(quarantined=[(Record(*row[:3]), row[3]) for row in refused]))
                read += len(refused)
            lost = salvaged.lost
    finally:
        store.close()
    _replace(path, aside, new)
    recovered = "1 message was" if read == 1 else f"{read} messages were"
    gone = "an unknown number were" if lost is None else "1 was" if lost == 1 else f"{lost} were"
    note = f"{path} was damaged and was moved to {aside}; {recovered} recovered, {gone} lost"
    return Opened(Store(path, max_bytes), note, lost)


def _replace(path: Path, aside: Path, new: Path | None) -> None:
    try:
        # First what belongs to the old file: SQLite would take it for the new one's.
        for companion in COMPANIONS:
            part = path.with_name(path.name + companion)
            if part.exists():
                part.rename(aside.with_name(aside.name + companion))
        path.rename(aside)
        if new is not None:
            new.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be moved to {aside}: {error.strerror}") from error


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, ROWS)):
        yield batch
