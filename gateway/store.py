"""The buffer's file: the only file that imports sqlite3. Blocking; one thread at a time.

WAL with synchronous=FULL: a transaction that has returned survives the plug being pulled.
(synchronous=NORMAL does not: it loses committed rows in a power cut.)
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

SCHEMA_VERSION = 1
#: Quarantined messages that go at once when there is no room.
QUARANTINE_STEP = 100

_SCHEMA = f"""
CREATE TABLE telemetry (
    id INTEGER PRIMARY KEY,        -- order of production
    race_id INTEGER NOT NULL,
    payload BLOB NOT NULL          -- the JSON as it goes over the wire
);
CREATE INDEX telemetry_by_race ON telemetry (race_id);   -- the rowid makes it (race_id, id)
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    race_id INTEGER NOT NULL,
    payload BLOB NOT NULL,
    reason TEXT NOT NULL           -- what the broker said against it
);
PRAGMA user_version = {SCHEMA_VERSION};
"""


class StoreError(Exception):
    """The file cannot be used. The text has the path and SQLite's reason."""


class DamagedStoreError(StoreError):
    """The file is there and can be opened, but is not a buffer that this version can read."""


#: SQLite's primary result codes for "not a database" and "malformed".
_DAMAGE_CODES = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it lies on disk."""

    id: int
    race_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction did to the number of messages, and what had to go for room."""

    rows_added: int
    evicted_race_ids: list[int]
    quarantine_dropped: int


class Store:
    """One SQLite file, bounded to `max_bytes` of live pages."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._connection = self._connect()

    @classmethod
    def open_or_replace(cls, path: Path, max_bytes: int, now_ms: int) -> tuple[Self, Path | None]:
        """Open, or set a damaged file aside as `<name>.damaged-<now_ms>` and start anew.

        The second value is where the damaged file went. A file that merely cannot be used now
        (permissions, a full or read-only disk) is left alone: StoreError.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return cls._open_checked(path, max_bytes), None
        except DamagedStoreError:
            return cls._replace(path, max_bytes, now_ms)

    @classmethod
    def _open_checked(cls, path: Path, max_bytes: int) -> Self:
        store = cls(path, max_bytes)
        try:
            store.pending_by_race()
        except StoreError:
            store.close()
            raise
        return store

    @classmethod
    def _replace(cls, path: Path, max_bytes: int, now_ms: int) -> tuple[Self, Path]:
        aside = path.with_name(f"{path.name}.damaged-{now_ms}")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        return cls(path, max_bytes), aside

    def reopen(self) -> None:
        """Start over with a new connection.

        Needed after a failed write: Linux marks pages clean after a failed fsync, so that a
        mere retry would succeed without having written anything.
        """
        self._connection.close()
        self._connection = self._connect()

    def pending_by_race(self) -> dict[int, int]:
        with self._explained():
            rows = self._connection.execute(
                "SELECT race_id, count(*) FROM telemetry GROUP BY race_id"
            )
            return dict(rows.fetchall())

    def last_id(self) -> int:
        with self._explained():
            (last,) = self._connection.execute(
                "SELECT max(coalesce((SELECT max(id) FROM telemetry), 0),"
                " coalesce((SELECT max(id) FROM quarantine), 0))"
            ).fetchone()
            return int(last)

    def page(self, race_id: int, from_id: int, limit: int) -> list[Record]:
        """The first `limit` records of a race from `from_id` on, oldest first."""
        with self._explained():
            rows = self._connection.execute(
                "SELECT id, race_id, payload FROM telemetry"
                " WHERE race_id = ? AND id >= ? ORDER BY id LIMIT ?",
                (race_id, from_id, limit),
            )
            return [Record(*row) for row in rows]

    def write(
        self,
        records: Sequence[Record] = (),
        quarantined: Sequence[tuple[Record, str]] = (),
        deleted_ids: Sequence[int] = (),
    ) -> Written:
        """One transaction, on disk when it returns. Raises StoreError, having changed nothing.

        Writing the same again does no harm.
        """
        gone = [*deleted_ids, *(record.id for record, _ in quarantined)]
        with self._explained(), self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO telemetry VALUES (?, ?, ?)",
                ((r.id, r.race_id, r.payload) for r in records),
            )
            self._connection.executemany(
                "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)",
                ((r.id, r.race_id, r.payload, reason) for r, reason in quarantined),
            )
            deleted = self._connection.executemany(
                "DELETE FROM telemetry WHERE id = ?", ((id_,) for id_ in gone)
            ).rowcount
            dropped = self._drop_quarantine()
            evicted = self._evict()
        added = len(records) - max(0, deleted) - sum(evicted.values())
        return Written(added, list(evicted), dropped)

    def quarantined_count(self) -> int:
        with self._explained():
            (count,) = self._connection.execute("SELECT count(*) FROM quarantine").fetchone()
            return int(count)

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> sqlite3.Connection:
        with self._explained():
            connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, cached_statements=32
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        elif version != SCHEMA_VERSION:
            raise DamagedStoreError(
                f"{self.path} has format {version}, this version reads {SCHEMA_VERSION}"
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
            kind = DamagedStoreError if code in _DAMAGE_CODES else StoreError
            raise kind(f"{self.path}: {error}") from error

    def _drop_quarantine(self) -> int:
        """What the broker refused goes before what it has not seen yet, the oldest first."""
        dropped = 0
        while self._live_bytes() > self._max_bytes:
            rows = self._connection.execute(
                "DELETE FROM quarantine WHERE id IN"
                " (SELECT id FROM quarantine ORDER BY id LIMIT ?)",
                (QUARANTINE_STEP,),
            ).rowcount
            if rows == 0:
                break
            dropped += rows
        return dropped

    def _evict(self) -> dict[int, int]:
        """Whole races, oldest first, until what is left fits."""
        evicted: dict[int, int] = {}
        while self._live_bytes() > self._max_bytes:
            (race_id,) = self._connection.execute("SELECT min(race_id) FROM telemetry").fetchone()
            if race_id is None:
                break
            cursor = self._connection.execute("DELETE FROM telemetry WHERE race_id = ?", (race_id,))
            evicted[race_id] = cursor.rowcount
        return evicted

    def _live_bytes(self) -> int:
        def pragma(name: str) -> int:
            return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

        return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
