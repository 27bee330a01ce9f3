"""The buffer's file. Blocking; one thread at a time.

WAL with synchronous=FULL: a transaction that has returned survives the plug being pulled.
(synchronous=NORMAL does not: it loses committed rows in a power cut.)
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from gateway.host.errors import GatewayError

SCHEMA_VERSION = 1
#: In place of a race id: seconds that were ridden before the wall clock was set.
UNDATED = -1
#: Quarantined messages that go at once when there is no room.
QUARANTINE_STEP = 100

_SCHEMA = f"""
CREATE TABLE telemetry (
    id INTEGER PRIMARY KEY,        -- order of production
    race_id INTEGER NOT NULL,      -- {UNDATED}: not known yet, the payload is another JSON
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


class StoreError(GatewayError):
    """The file cannot be used now. The text has the path and SQLite's reason."""


class DamagedStoreError(StoreError):
    """The file is there and can be opened, but cannot be read as a buffer."""


class NewerStoreError(DamagedStoreError):
    """The file was written by a newer version of the gateway."""


#: SQLite's primary result codes for "not a database" and "malformed", and for a schema that our
#: statements do not fit to.
_DAMAGE_CODES = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
#: Write and read version; with others SQLite opens the file read-only (sqlite.org/fileformat2).
_FORMATS_AT, _FORMATS = slice(18, 20), (b"\1\1", b"\2\2")


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it lies on disk."""

    id: int
    race_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction changes. Writing the same batch again does no harm."""

    records: Sequence[Record] = ()
    deleted_ids: Sequence[int] = ()
    quarantined: Sequence[tuple[Record, str]] = ()
    #: Records that are there already, under another race and with another payload.
    dated: Sequence[Record] = ()
    #: Quarantined messages to be sent again, and others to be deleted; unknown ids are skipped.
    requeued_ids: Sequence[int] = ()
    dropped_ids: Sequence[int] = ()

    @property
    def is_empty(self) -> bool:
        changed = self.records or self.deleted_ids or self.quarantined or self.dated
        return not (changed or self.requeued_ids or self.dropped_ids)


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction did to the number of messages, and what had to go for room."""

    rows_added: int
    evicted_race_ids: list[int]
    quarantine_dropped: int
    used_bytes: int
    #: The ids that are to be sent again, by race.
    requeued: dict[int, list[int]] = field(default_factory=dict)
    #: How many were deleted because that was asked for.
    dropped_on_request: int = 0

    @property
    def released(self) -> int:
        """How many messages have left the quarantine on request."""
        return sum(map(len, self.requeued.values())) + self.dropped_on_request


class Store:
    """One SQLite file, bounded to `max_bytes` of live pages. Raises StoreError."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        with self._explained():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = self._connect()
        #: What the kernel shows of the file may not be what is on disk.
        self._is_doubtful = True
        #: Counted at the start, a million messages take 0.1 s: once is enough.
        self._pending_by_race: dict[int, int] | None = None

    def check(self) -> None:
        """Look at what every file must have. Raises DamagedStoreError."""
        with self._explained():
            for columns in ("id, race_id, payload FROM telemetry", "* FROM quarantine"):
                self._connection.execute(f"SELECT {columns} LIMIT 1").fetchone()
            with self.path.open("rb") as file:
                formats = file.read(_FORMATS_AT.stop)[_FORMATS_AT]
            free_pages, pages = self._pragma("freelist_count"), self._pragma("page_count")
        if formats not in _FORMATS:
            raise DamagedStoreError(f"{self.path}: unknown format {formats!r} in the header")
        if not 0 <= free_pages < pages:
            raise DamagedStoreError(f"{self.path}: wrong count of free pages in the header")
        self.pending_by_race()
        self.last_id()

    def pending_by_race(self) -> dict[int, int]:
        """How many messages there are of each race; the one last written to comes last."""
        if self._pending_by_race is None:
            with self._explained():
                rows = self._connection.execute(
                    "SELECT race_id, count(*) FROM telemetry GROUP BY race_id ORDER BY max(id)"
                )
                self._pending_by_race = dict(rows.fetchall())
        return dict(self._pending_by_race)

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

    def quarantined_count(self) -> int:
        with self._explained():
            (count,) = self._connection.execute("SELECT count(*) FROM quarantine").fetchone()
            return int(count)

    def write(self, batch: Batch) -> Written:
        """One transaction, on disk when it returns. Raises StoreError, having changed nothing."""
        if self._is_doubtful:
            self._begin_anew()
        try:
            return self._write(batch)
        except StoreError:
            self._is_doubtful, self._pending_by_race = True, None
            raise

    def _begin_anew(self) -> None:
        """Bring the file into a state that is surely on disk. After an fsync that failed, or at
        the start: nobody knows what became of an earlier process.

        Linux marks pages clean after a failed fsync and goes on showing them: SQLite would find
        its transaction in the log and append behind what is a hole on disk. So the log's own bytes
        are written and synced once more. That comes before a close, which checkpoints: copied out
        of a log that is not on disk, a power cut in the middle leaves a damaged database.
        """
        with self._explained():
            self._write_log_again()
        with suppress(sqlite3.Error):
            self._connection.close()
        self._connection = self._connect()
        self._is_doubtful = False

    def _write_log_again(self) -> None:
        log = self.path.with_name(f"{self.path.name}-wal")
        if not log.exists():
            return
        with log.open("r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def _write(self, batch: Batch) -> Written:
        gone = [*batch.deleted_ids, *(record.id for record, _ in batch.quarantined)]
        execute_many = self._connection.executemany
        with self._explained(), self._transaction():
            execute_many(
                "INSERT OR REPLACE INTO telemetry VALUES (?, ?, ?)",
                ((r.id, r.race_id, r.payload) for r in batch.records),
            )
            execute_many(
                "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)",
                ((r.id, r.race_id, r.payload, reason) for r, reason in batch.quarantined),
            )
            execute_many(
                "UPDATE telemetry SET race_id = ?, payload = ? WHERE id = ?",
                ((r.race_id, r.payload, r.id) for r in batch.dated),
            )
            deleted = execute_many(
                "DELETE FROM telemetry WHERE id = ?", ((id_,) for id_ in gone)
            ).rowcount
            requeued = self._requeue(batch.requeued_ids)
            asked = execute_many(
                "DELETE FROM quarantine WHERE id = ?", ((id_,) for id_ in batch.dropped_ids)
            ).rowcount
            dropped = self._drop_quarantine()
            evicted = self._evict_races()
            used_bytes = self._used_bytes()
        if evicted or not batch.is_empty:
            self._pending_by_race = None
        added = len(batch.records) - max(0, deleted) - sum(evicted.values())
        added += sum(map(len, requeued.values()))
        return Written(added, list(evicted), dropped, used_bytes, requeued, max(0, asked))

    def free_bytes(self) -> int:
        """How much more fits: into the bound, and onto the disk."""
        with self._explained():
            disk = os.statvfs(self.path.parent)
            return max(0, min(self._max_bytes - self._used_bytes(), disk.f_bavail * disk.f_frsize))

    def close(self) -> None:
        if self._is_doubtful:
            with suppress(OSError):
                self._write_log_again()
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
            raise NewerStoreError(
                f"{self.path} has format {version}, written by a newer version of the gateway"
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended it already
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
        except UnicodeDecodeError as error:
            # What SQLite said of a scribbled schema.
            raise DamagedStoreError(f"{self.path}: {error}") from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def _requeue(self, ids: Sequence[int]) -> dict[int, list[int]]:
        """Move quarantined messages back among those to be sent."""
        requeued: dict[int, list[int]] = {}
        execute = self._connection.execute
        for id_ in ids:
            row = execute("SELECT race_id FROM quarantine WHERE id = ?", (id_,)).fetchone()
            if row is not None:
                execute(
                    "INSERT OR REPLACE INTO telemetry"
                    " SELECT id, race_id, payload FROM quarantine WHERE id = ?",
                    (id_,),
                )
                execute("DELETE FROM quarantine WHERE id = ?", (id_,))
                requeued.setdefault(row[0], []).append(id_)
        return requeued

    def _drop_quarantine(self) -> int:
        """What the broker refused goes before what it has not seen yet, the oldest first."""
        dropped = 0
        while self._used_bytes() > self._max_bytes:
            rows = self._connection.execute(
                "DELETE FROM quarantine WHERE id IN"
                " (SELECT id FROM quarantine ORDER BY id LIMIT ?)",
                (QUARANTINE_STEP,),
            ).rowcount
            if rows == 0:
                break
            dropped += rows
        return dropped

    def _evict_races(self) -> dict[int, int]:
        """Whole races, oldest first, until what is left fits."""
        evicted: dict[int, int] = {}
        while self._used_bytes() > self._max_bytes:
            row = self._connection.execute(
                "SELECT race_id FROM telemetry ORDER BY id LIMIT 1"
            ).fetchone()
            if row is None:
                break
            cursor = self._connection.execute("DELETE FROM telemetry WHERE race_id = ?", row)
            evicted[row[0]] = cursor.rowcount
        return evicted

    def _used_bytes(self) -> int:
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
