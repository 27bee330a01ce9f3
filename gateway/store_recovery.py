"""Opening the buffer's file whatever has become of it. Blocking.

A damaged file is set aside, never deleted, and what can be read of it goes on in a new one.
"""

from dataclasses import dataclass
from pathlib import Path

from gateway.store import DamagedStoreError, NewerStoreError, Store

#: The files of one SQLite database in WAL mode.
SUFFIXES = ("", "-wal", "-shm")


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
    try:
        if is_damaged:
            raise DamagedStoreError(f"{path}: damaged")
        return Opened(_open_checked(path, max_bytes))
    except NewerStoreError as error:
        aside = _set_aside(path, now_ms)
        return Opened(Store(path, max_bytes), f"{error}: set aside as {aside}", lost=None)
    except DamagedStoreError:
        return _salvage(_set_aside(path, now_ms), path, max_bytes)


def _open_checked(path: Path, max_bytes: int) -> Store:
    store = Store(path, max_bytes)
    try:
        store.pending_by_race()
        store.last_id()
    except BaseException:
        store.close()
        raise
    return store


def _set_aside(path: Path, now_ms: int) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{now_ms}")
    for suffix in SUFFIXES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _salvage(aside: Path, path: Path, max_bytes: int) -> Opened:
    store = Store(path, max_bytes)
    return Opened(store, f"damaged, set aside as {aside}", lost=None)
