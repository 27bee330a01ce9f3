"""A look into the buffer's logs from another process, while the gateway runs or not. Blocking.

Strictly read-only, and without locks: a log is read as it is, and the gateway only appends to it or
deletes it.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from time import sleep

from pydantic import ValidationError

from gateway.buffer.log_file import closing_record, read_whole, regular_file
from gateway.buffer.log_format import (
    UNDATED,
    Contents,
    LogKind,
    LogName,
    Message,
    NewerLogError,
    check_version,
    decode_log,
    decode_quarantined,
)
from gateway.host.errors import GatewayError
from gateway.telemetry.message import Telemetry, telemetry_from_json
from gateway.telemetry.undated import NotDatable, undated_from_json
from gateway.terminal.units import counted

#: The end of a log may be looked at in the middle of a write: it is looked at again.
_WRITE_S = 0.05

#: Called with how many of how many logs were looked at.
OnProgress = Callable[[int, int], None]


def _ignore(done: int, total: int) -> None:
    pass


class BufferViewError(GatewayError):
    """The buffer cannot be looked into. The text says which, why, and what to do."""


@dataclass(slots=True)
class RaceView:
    """What is buffered of a race. `oldest_ms`: the first deviceTimestamp, ms since the epoch.

    `unreadable`: messages that cannot be decoded, so that only number and size are known.
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
    """All of the buffer. `unnamed`: seconds ridden before the clock was set, of an unknown race."""

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


class BufferView:
    """A look at the logs in a directory. Everything raises BufferViewError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def file_bytes(self) -> int:
        """The room that the logs take on the disk."""
        total = 0
        for name in self._names():
            with suppress(FileNotFoundError):
                total += self._file(name).stat().st_blocks * 512
        return total

    def counts(self) -> tuple[int, int]:
        """How many messages wait to be sent, and how many are in quarantine."""
        waiting = quarantined = 0
        for name in self._names():
            count = self._count(name)
            if name.kind is LogKind.QUARANTINE:
                quarantined += count
            else:
                waiting += count
        return waiting, quarantined

    def overview(self, on_progress: OnProgress = _ignore) -> Overview:
        """Read every message."""
        races: dict[int, RaceView] = {}
        unnamed = quarantined = 0
        for name, found in self.logs(on_progress):
            if name.kind is LogKind.QUARANTINE:
                quarantined += len(found.messages)
            elif name.kind is LogKind.UNDATED:
                unnamed += len(found.messages)
            else:
                for payload in found.messages.values():
                    races.setdefault(name.race_id, RaceView(name.race_id)).add(payload)
        for race in races.values():
            race.bikes.sort()
        return Overview(self.path, self.file_bytes, [*races.values()], unnamed, quarantined)

    def messages(self, race_id: int) -> Iterator[bytes]:
        """Yield the payloads of a race, byte for byte, oldest first."""
        for _, payload in self._in_order(LogKind.RACE, race_id):
            yield payload

    def quarantine(self) -> Iterator[QuarantinedMessage]:
        """Yield what is not sent any more, oldest first."""
        for id_, message in self._in_order(LogKind.QUARANTINE, 0):
            race_id, reason, payload = decode_quarantined(message)
            known_id = None if race_id == UNDATED else race_id
            yield QuarantinedMessage(id_, known_id, reason, payload)

    def problems(self, on_progress: OnProgress = _ignore) -> list[str]:
        """Return what is damaged, and messages that do not parse or are not of their race."""
        problems = []
        for name, found in self.logs(on_progress):
            for at, size in found.damage:
                problems.append(f"{name}: {counted(size, 'byte')} from byte {at} on cannot be read")
            if found.lost:
                problems.append(f"{name}: the damage has cost {counted(found.lost, 'message')}")
            if found.unread_until:
                first = f"the first {counted(found.unread_until, 'byte')}"
                problems.append(f"{name}: not all of {first} can be read from the disk")
            if name.kind is not LogKind.QUARANTINE:
                for id_, payload in found.messages.items():
                    problem = _problem_of(name.race_id, payload)
                    if problem is not None:
                        problems.append(f"{name}, message {id_}: {problem}")
        return problems

    def _names(self) -> list[LogName]:
        try:
            files = sorted(os.listdir(self.path))
        except OSError as error:
            raise BufferViewError(_refusal(self.path, error, "a gateway's buffer")) from error
        return [name for name in map(LogName.parse, files) if name is not None]

    def logs(self, on_progress: OnProgress = _ignore) -> Iterator[tuple[LogName, Contents]]:
        """Yield the name of each log, and what it holds."""
        names = self._names()
        for done, name in enumerate(names):
            on_progress(done, len(names))
            found = self._read(name)
            if found is not None:
                yield name, found

    def _in_order(self, kind: LogKind, race_id: int) -> Iterator[Message]:
        """Yield messages by id. Memory has only the logs that overlap."""
        waiting: list[Message] = []
        for name in self._names():
            if (name.kind, name.race_id) != (kind, race_id):
                continue
            while waiting and waiting[0][0] < name.first_id:
                yield heappop(waiting)
            found = self._read(name)
            for message in found.messages.items() if found else ():
                heappush(waiting, message)
        while waiting:
            yield heappop(waiting)

    def _read(self, name: LogName) -> Contents | None:
        """Return what a log holds; None if it has been deleted meanwhile."""
        found = self._read_once(name)
        if found is not None and (found.damage or found.unread_until):
            sleep(_WRITE_S)
            found = self._read_once(name)
        return found

    def _read_once(self, name: LogName) -> Contents | None:
        try:
            with regular_file(self._file(name)) as file:
                data, unread_until = read_whole(file)
            check_version(data)
        except FileNotFoundError:
            return None
        except NewerLogError as error:
            raise BufferViewError(
                f"{self._file(name)} has format {error}, written by a newer alleycat-gateway: use "
                "the newer version"
            ) from None
        except OSError as error:
            why = _refusal(self._file(name), error, "a log of the buffer")
            raise BufferViewError(why) from error
        found = decode_log(data, name.salt)
        found.unread_until = unread_until
        return found

    def _count(self, name: LogName) -> int:
        with suppress(OSError), regular_file(self._file(name)) as file:
            last = closing_record(file, name.salt)
            if last is not None:
                return last.total - last.done
        found = self._read(name)
        return len(found.messages) if found else 0

    def _file(self, name: LogName) -> Path:
        return self.path / str(name)


def _refusal(path: Path, error: OSError, expected: str) -> str:
    """Return why a directory or a log cannot be looked into, and what to do."""
    match error:
        case PermissionError():
            return (
                f"permission denied: {path}; run this command as user {_owner(path)} or with sudo"
            )
        case FileNotFoundError() if path.parent.is_dir():
            return (
                f"{path} does not exist: no gateway of this version has opened a buffer in this "
                "state_dir yet"
            )
        case FileNotFoundError():
            return f"{path.parent} does not exist; expected the state_dir of a gateway"
        case NotADirectoryError():
            return f"{path} is not a directory; expected {expected}"
        case OSError(errno=errno.EIO):
            return f"{path}: {error.strerror}; `sudo dmesg` shows whether the disk is failing"
    return f"{path}: {error.strerror}; expected {expected}"


def _owner(path: Path) -> str:
    """Return the user who may read it: the owner of the nearest path that can be seen."""
    for place in (path, *path.parents):
        with suppress(OSError, KeyError):
            return place.owner()
    return "root"


def _problem_of(race_id: int, payload: bytes) -> str | None:
    try:
        if race_id == UNDATED:
            undated_from_json(payload)
            return None
        telemetry = telemetry_from_json(payload)
    except NotDatable as error:
        return str(error)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "payload"
        return f"{key}: {first['msg']}"
    if telemetry.race_id != race_id:
        return f"it is stored under race {race_id}, but belongs to race {telemetry.race_id}"
    return None
