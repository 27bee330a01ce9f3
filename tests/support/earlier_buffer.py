"""The buffer of an earlier development checkout: an SQLite file."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.buffer.store import Record

SCHEMA = """
CREATE TABLE telemetry (
    id INTEGER PRIMARY KEY,        -- order of production
    race_id INTEGER NOT NULL,      -- -1: not known yet, the payload is another JSON
    payload BLOB NOT NULL          -- the JSON as it goes over the wire
);
CREATE INDEX telemetry_by_race ON telemetry (race_id);   -- the rowid makes it (race_id, id)
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    race_id INTEGER NOT NULL,
    payload BLOB NOT NULL,
    reason TEXT NOT NULL           -- why the broker refused it
);
PRAGMA user_version = 1;
"""


def earlier_buffer(
    path: Path, records: Sequence[Record], quarantined: Sequence[tuple[Record, str]] = ()
) -> Path:
    """Make the file as an earlier development checkout leaves it when it stops; return its path."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(f"BEGIN; {SCHEMA} COMMIT;")
        connection.execute("BEGIN")
        rows = [(one.id, one.race_id, one.payload) for one in records]
        connection.executemany("INSERT INTO telemetry VALUES (?, ?, ?)", rows)
        refused = [(one.id, one.race_id, one.payload, reason) for one, reason in quarantined]
        connection.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?)", refused)
        connection.execute("COMMIT")
    return path
