"""A look into the buffer's file from another process, while the gateway runs or not. Blocking.

Strictly read-only. SQLite before 3.51.3 can corrupt a file in WAL mode when two connections
checkpoint and commit at once; one that was opened with mode=ro does neither. Each read is short:
as long as one lasts, the gateway cannot begin its -wal anew.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from gateway.buffer.salvage import is_json_object
from gateway.buffer.store import SCHEMA_VERSION, UNDATED
from gateway.host.errors import GatewayError
from gateway.telemetry.message import Telemetry, telemetry_from_json

#: The file in the state directory.
FILE_NAME = "buffer.db"
SQLITE_VERSION = sqlite3.sqlite_version
TABLES = ("telemetry", "quarantine")
#: Race and payload: whatever a damaged file shows, an integer and bytes.
MESSAGE = f"CAST(ifnull(race_id, {UNDATED}) AS INTEGER), CAST(ifnull(payload, '') AS BLOB)"
#: Rows read at once: some 500 KiB.
PAGE_ROWS = 2000
#: The gateway's own transactions do not keep a reader waiting; anybody else's may, so long.
BUSY_S = 2.0

_DAMAGED = (
    ". The file is damaged or is not a buffer. At its next start, the gateway sets it aside and "
    "recovers the messages that can be read"
)
_ADVICE = {
    sqlite3.SQLITE_ERROR: _DAMAGED,  # a column that is not there, a file format that is none
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: ". Another program has locked the file: stop it; only the gateway should "
    "use this file",
    sqlite3.SQLITE_CANTOPEN: ". To read it, SQLite must create a -shm file next to it: run this "
    "command with sudo, or inspect a copy of the .db and -wal files",
    sqlite3.SQLITE_IOERR: ". The disk is failing: see `dmesg`",
}

#: Called with how many of how many messages were looked at.
OnProgress = Callable[[int, int], None]


def _ignore(done: int, total: int) -> None:
    pass


class BufferViewError(GatewayError):
    """The file cannot be looked into. The text says which, why, and what to do."""


@dataclass(slots=True)
class RaceView:
    """What is buffered of a race. `oldest_ms`: the first deviceTimestamp, ms since the epoch.

    `unreadable`: messages that count, but say nothing of the rest.
    """

    race_id: int
    messages: int = 0
    payload_bytes: int = 0
    first_second: int | None = None
    last_second: int | None = None
    bikes: list[str] = field(default_factory=list)
    finals: int = 0
    oldest_ms: int | None = None
    unreadable: int = 0

    def add(self, payload: bytes) -> None:
        self.messages += 1
        self.payload_bytes += len(payload)
        try:
            telemetry = telemetry_from_json(payload)
        except ValidationError:
            self.unreadable += 1
            return
        second, device_ms = telemetry.second, telemetry.device_timestamp
        self.first_second = min(second, self.first_second or second)
        self.last_second = max(second, self.last_second or second)
        self.oldest_ms = device_ms if self.oldest_ms is None else min(device_ms, self.oldest_ms)
        self.finals += telemetry.is_final
        if telemetry.bike_id not in self.bikes:
            self.bikes.append(telemetry.bike_id)


@dataclass(frozen=True, slots=True)
class Overview:
    """All of the file. `unnamed`: seconds ridden before the clock was set, whose race is not known.

    `file_bytes`: with the -wal; deleted messages leave room in it.
    """

    path: Path
    file_bytes: int
    races: list[RaceView]
    unnamed: int
    quarantined: int

    @property
    def messages(self) -> int:
        return sum(race.messages for race in self.races)

    @property
    def payload_bytes(self) -> int:
        return sum(race.payload_bytes for race in self.races)


@dataclass(frozen=True, slots=True)
class QuarantinedMessage:
    """A message that is not sent any more, and why. `race_id` None: it was never known."""

    id: int
    race_id: int | None
    reason: str
    payload: bytes

    @property
    def telemetry(self) -> Telemetry | None:
        with suppress(ValidationError):
            return telemetry_from_json(self.payload)
        return None


@dataclass(frozen=True, slots=True)
class FileState:
    """What any write would change. `log_bytes`: of the -wal, None without one."""

    inode: int
    bytes: int
    modified_ns: int
    log_bytes: int | None


class BufferView:
    """An open look, and a context manager. Everything raises BufferViewError."""

    def __init__(self, path: Path, busy_s: float = BUSY_S) -> None:
        self.path = path
        self._busy_s = busy_s
        _check_access(path)
        #: As it was when it was opened, if nobody else had it open then.
        self._state: FileState | None = None
        self._connection = self._connect()
        try:
            self._check_format()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def row_count(self) -> int:
        """In all tables."""
        return sum(self.counts())

    def counts(self) -> tuple[int, int]:
        """How many messages wait to be sent, and how many are in quarantine."""
        return self._count("telemetry"), self._count("quarantine")

    @property
    def file_bytes(self) -> int:
        """With the -wal."""
        state = _state_of(self.path)
        return state.bytes + (state.log_bytes or 0)

    def overview(self, on_progress: OnProgress = _ignore) -> Overview:
        """Read every message."""
        races: dict[int, RaceView] = {}
        unnamed, total = 0, self._count("telemetry")
        for done, (_, race_id, payload) in enumerate(self._rows("telemetry", MESSAGE)):
            if race_id == UNDATED:
                unnamed += 1
            else:
                races.setdefault(race_id, RaceView(race_id)).add(payload)
            if done % PAGE_ROWS == 0:
                on_progress(done, total)
        for race in races.values():
            race.bikes.sort()
        quarantined = self._count("quarantine")
        return Overview(self.path, self.file_bytes, list(races.values()), unnamed, quarantined)

    def messages(self, race_id: int) -> Iterator[bytes]:
        """The payloads of a race, byte for byte, oldest first."""
        for _, _, payload in self._rows("telemetry", MESSAGE, "race_id = ? AND", (race_id,)):
            yield payload

    def quarantine(self) -> Iterator[QuarantinedMessage]:
        """Oldest first."""
        for id_, race_id, payload, reason in self._rows("quarantine", f"{MESSAGE}, reason"):
            known_id = None if race_id == UNDATED else race_id
            yield QuarantinedMessage(id_, known_id, str(reason), payload)

    def damaged_pages(self) -> list[str]:
        """What SQLite has against the file: its pages, and the index against its table."""
        select = "SELECT integrity_check FROM pragma_integrity_check"
        rows, problems = list[tuple[str]](), list[str]()
        try:
            rows = self._read(select)
        except BufferViewError as error:
            problems.append(str(error))
            with suppress(BufferViewError):
                # All that it says of pages, which comes before it stumbles on one.
                rows = self._read(f"{select} LIMIT 1")
        lines = [line for (text,) in rows for line in text.splitlines()]
        return [line for line in lines if line != "ok" and not line.startswith("***")] + problems

    def wrong_messages(self, on_progress: OnProgress = _ignore) -> Iterator[str]:
        """Messages that do not parse, are not of their race, or stand twice. Reads every one."""
        try:
            total, done = self.row_count, 0
            yield from self._duplicates()
            for table in TABLES:
                for id_, race_id, payload in self._rows(table, MESSAGE):
                    problem = _problem_of(race_id, payload)
                    if problem is not None:
                        yield f"{table}, message {id_}: {problem}"
                    done += 1
                    if done % PAGE_ROWS == 0:
                        on_progress(done, total)
        except BufferViewError as error:
            yield str(error)

    def _duplicates(self) -> Iterator[str]:
        """In one statement: a message moves from one table to the other at any time."""
        for (id_,) in self._read("SELECT id FROM telemetry JOIN quarantine USING (id)"):
            yield f"message {id_} is both waiting to be sent and in quarantine"

    def _count(self, table: str) -> int:
        ((count,),) = self._read(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(count)

    def _rows(
        self, table: str, columns: str, where: str = "", parameters: tuple[int, ...] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """(id, *columns) of what is there now, page by page; what comes meanwhile is left out."""
        ((last_id,),) = self._read(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608
        id_ = 0
        while id_ < last_id:
            rows = self._read(
                f"SELECT id, {columns} FROM {table} WHERE {where} id > ? AND id <= ?"  # noqa: S608
                f" ORDER BY id LIMIT {PAGE_ROWS}",
                (*parameters, id_, last_id),
            )
            if not rows:
                return
            yield from rows
            id_ = rows[-1][0]

    def _read(self, statement: str, parameters: tuple[int, ...] = ()) -> list[tuple[Any, ...]]:
        while True:
            try:
                rows = self._connection.execute(statement, parameters).fetchall()
                if not self._has_changed():
                    return rows
            # Python may fail to decode what SQLite says against a scribbled schema.
            except (sqlite3.Error, UnicodeDecodeError) as error:
                if not self._has_changed():
                    raise _explained(self.path, error) from error
            self._connection.close()
            self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        """Without a -wal nobody has it open: a mere look must not make one, nor need the right to.

        Should a gateway begin to write meanwhile, what was read is not used: see `_has_changed`.
        """
        state = _state_of(self.path)
        is_alone = state.log_bytes is None
        self._state = state if is_alone else None
        uri = f"{self.path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_alone else ''}"
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=self._busy_s)
        except sqlite3.Error as error:
            raise _explained(self.path, error) from error
        connection.text_factory = partial(str, encoding="utf-8", errors="replace")
        return connection

    def _has_changed(self) -> bool:
        return self._state is not None and self._state != _state_of(self.path)

    def _check_format(self) -> None:
        ((version,),) = self._read("PRAGMA user_version")
        if version > SCHEMA_VERSION:
            raise BufferViewError(
                f"{self.path} has format {version}, written by a newer alleycat-gateway; this one "
                f"reads format {SCHEMA_VERSION}: use the newer version"
            )
        names = self._read("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not names and version == 0:
            raise BufferViewError(f"{self.path} is empty: the gateway has not written to it yet")
        if not {(table,) for table in TABLES}.issubset(names):
            raise BufferViewError(
                f"{self.path} is an SQLite database, but not a gateway's buffer: it lacks the "
                f"tables {' and '.join(TABLES)}; expected the state_dir of a gateway"
            )


def _state_of(path: Path) -> FileState:
    try:
        log_bytes = path.with_name(f"{path.name}-wal").stat().st_size
    except FileNotFoundError:
        log_bytes = None
    try:
        stat = path.stat()
    except OSError as error:
        raise BufferViewError(f"{path}: {error.strerror}") from error
    return FileState(stat.st_ino, stat.st_size, stat.st_mtime_ns, log_bytes)


def _check_access(path: Path) -> None:
    """Never by opening it: closing it again would end the locks of a Store in this process."""
    try:
        is_file = path.is_file()
    except PermissionError:
        pass
    else:
        if not path.parent.is_dir():
            raise BufferViewError(
                f"{path.parent} does not exist; expected the state_dir of a gateway"
            )
        if not path.exists():
            raise BufferViewError(
                f"{path} does not exist: no gateway with this state_dir has run yet"
            )
        if not is_file:
            raise BufferViewError(f"{path} is a directory; expected a gateway's buffer")
        if os.access(path, os.R_OK):
            return
    raise BufferViewError(
        f"permission denied: {path}; run this command as user {_owner(path)} or with sudo"
    )


def _owner(path: Path) -> str:
    """Who may read it: of the nearest directory that shows."""
    for place in (path, *path.parents):
        with suppress(OSError, KeyError):
            return place.owner()
    return "root"


def _explained(path: Path, error: sqlite3.Error | UnicodeDecodeError) -> BufferViewError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    return BufferViewError(f"{path}: {error}{_ADVICE.get(code, '')}")


def _problem_of(race_id: int, payload: bytes) -> str | None:
    if race_id == UNDATED:
        return None if is_json_object(payload) else "the payload is not a JSON object"
    try:
        telemetry = telemetry_from_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "payload"
        return f"{key}: {first['msg']}"
    if telemetry.race_id != race_id:
        return f"it is stored under race {race_id}, but belongs to race {telemetry.race_id}"
    return None
