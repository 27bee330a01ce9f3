"""One log: a file that one process appends to, and any later one reads. Blocking.

Space is laid out ahead as zeros, so that a record changes nothing but its own blocks: no size and
no allocation, hence no commit of the file system's journal. A log is closed with a record without
messages, whose totals spare the next start the reading of the file, and is cut off behind it.
"""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOENT, ENOSPC
from pathlib import Path
from secrets import randbits
from typing import Self

from gateway.buffer.log_format import (
    HEADER_BYTES,
    OVERHEAD_BYTES,
    Contents,
    LogHeader,
    LogKind,
    Message,
    RecordKind,
    check_version,
    decode_last_record,
    decode_log,
    encode_ids,
    encode_messages,
    encode_record,
)
from gateway.host.atomic_file import sync_directory

#: Space is laid out in multiples of this, and at least doubled: a race of one bike fits into it.
STEP_BYTES = 56 << 10
#: A longer log is continued in another one, so that each can be read as a whole.
LOG_MAX_BYTES = 4 << 20
#: Messages in one record: a damaged one costs all of them.
RECORD_MESSAGES = 1000
#: What closes a log.
CLOSING_BYTES = OVERHEAD_BYTES
#: The unit of `st_blocks`.
_BLOCK_BYTES = 512

_NAME = re.compile(r"(\d{16})-([RUQ])(-?\d+)-([0-9a-f]{8})\.log")


@dataclass(frozen=True, slots=True)
class LogName:
    """The name of a log. It repeats the header, in case that is damaged, and sorts by age."""

    first_id: int
    header: LogHeader

    @classmethod
    def parse(cls, name: str) -> Self | None:
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        first_id, kind, race_id, salt = found.groups()
        return cls(int(first_id), LogHeader(LogKind(ord(kind)), int(race_id), int(salt, 16)))

    def __str__(self) -> str:
        head = self.header
        return f"{self.first_id:016}-{chr(head.kind)}{head.race_id}-{head.salt:08x}.log"


class LogFile:
    """One log. All methods raise OSError."""

    def __init__(self, directory: Path, name: LogName) -> None:
        self.name = name
        self.path = directory / str(name)
        #: Messages in the file, those of them that are damaged, and those that are done with.
        self.total = self.lost = self.done = 0
        self.highest_id = 0
        self.allocated_bytes = 0
        #: The messages in the file, as far as it was read or written by this process.
        self._ids: set[int] = set()
        self._done_ids: set[int] = set()
        #: Those of them that the file does not have yet.
        self._unrecorded: list[int] = []
        #: The end of the last record, and of the space behind it.
        self._end = self._laid_out = HEADER_BYTES
        #: `total` and end at the last sync; None: there was none.
        self._synced: tuple[int, int] | None = None
        #: None: nothing is appended any more, apart from what is done with.
        self._descriptor: int | None = None

    @classmethod
    def create(cls, directory: Path, kind: LogKind, race_id: int, first_id: int) -> Self:
        header = LogHeader(kind, race_id, randbits(32))
        log = cls(directory, LogName(first_id, header))
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        log._descriptor = os.open(log.path, flags, 0o600)
        _write_all(log._descriptor, header.encode(), 0)
        return log

    @classmethod
    def left(cls, directory: Path, name: LogName) -> Self:
        """Open a log that an earlier process left. Raises NewerLogError for a newer version."""
        log = cls(directory, name)
        with log.path.open("r+b", buffering=0) as file:
            check_version(file.read(HEADER_BYTES))
            stat = os.fstat(file.fileno())
            log.allocated_bytes = stat.st_blocks * _BLOCK_BYTES
            closing = os.pread(file.fileno(), CLOSING_BYTES, max(0, stat.st_size - CLOSING_BYTES))
            last = decode_last_record(closing, name.header.salt)
            if last is None:
                log._close_for_killed(file.fileno())
            else:
                log.total, log.done, log.highest_id = last.total, last.done, last.highest_id
                log._end = stat.st_size
        return log

    @property
    def pending(self) -> int:
        """The number of messages that are neither done with nor known to be damaged."""
        return self.total - self.lost - self.done

    @property
    def has_room(self) -> bool:
        """Whether messages can be appended."""
        return self._descriptor is not None and self._end < LOG_MAX_BYTES

    def append(self, messages: Sequence[Message]) -> None:
        """Write messages behind the others; `sync` must follow."""
        data = b""
        for first in range(0, len(messages), RECORD_MESSAGES):
            part = messages[first : first + RECORD_MESSAGES]
            self.highest_id = max(self.highest_id, part[-1][0])
            data += self._record(RecordKind.MESSAGES, encode_messages(part), len(part))
            self.total += len(part)
            self._ids.update(id_ for id_, _ in part)
        self._write(data + self._take_unrecorded())

    def finish(self, ids: Iterable[int]) -> None:
        """Take note of those that are in the file and done with; the next write contains it."""
        new = [id_ for id_ in ids if id_ in self._ids and id_ not in self._done_ids]
        self._done_ids.update(new)
        self._unrecorded += new
        self.done += len(new)

    def record_done(self) -> None:
        """Write what is done with. A power cut may undo it: then it is sent twice."""
        if self._unrecorded:
            self._write(self._take_unrecorded() + self._closing())

    def sync(self) -> None:
        """Return once all that was appended is on disk, under its name."""
        assert self._descriptor is not None
        os.fdatasync(self._descriptor)
        if self._synced is None:
            sync_directory(self.path.parent)
        if not os.fstat(self._descriptor).st_nlink:
            raise FileNotFoundError(ENOENT, "it was deleted", str(self.path))
        self._synced = self.total, self._end

    def forget_unsynced(self) -> None:
        """Take back what was appended since the last sync, and append nothing more.

        Linux marks pages clean after a failed fsync and goes on showing them: what is appended
        behind them may be behind a hole on the disk.
        """
        self.total, self._end = self._synced or (0, HEADER_BYTES)
        self.close()

    def close(self) -> None:
        """Write the totals, and cut off the space behind them."""
        descriptor = self._descriptor
        if descriptor is None:
            return
        with suppress(OSError):
            self._write(self._take_unrecorded() + self._closing())
            os.ftruncate(descriptor, self._end)
            self.allocated_bytes = os.fstat(descriptor).st_blocks * _BLOCK_BYTES
        self._descriptor = None
        os.close(descriptor)

    def delete(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self.path.unlink(missing_ok=True)

    def read(self) -> dict[int, bytes]:
        """Return the sound messages that are not done with, by id, and learn what is lost."""
        return self._learn(decode_log(self.path.read_bytes(), self.name.header.salt)).messages

    def _learn(self, found: Contents) -> Contents:
        self.total, self.lost = max(self.total, found.total), found.lost
        self.highest_id = max(self.highest_id, found.highest_id)
        self._ids.update(found.messages, found.done_ids)
        self._done_ids |= found.done_ids
        self.done = len(self._done_ids)
        for id_ in self._done_ids:
            found.messages.pop(id_, None)
        # Damaged messages at the end, of which no record behind them tells.
        self.lost += self.pending - len(found.messages)
        return found

    def _close_for_killed(self, descriptor: int) -> None:
        """Close a log whose process did not.

        It is written and synced once more: what the kernel shows of it may not be on disk, if an
        fsync had failed.
        """
        data = self.path.read_bytes()
        found = self._learn(decode_log(data, self.name.header.salt))
        self._end = found.end
        with suppress(OSError):
            whole = data[: self._end] + self._closing()
            _write_all(descriptor, whole, 0)
            os.ftruncate(descriptor, len(whole))
            os.fsync(descriptor)
            self._end = len(whole)

    def _record(self, kind: RecordKind, body: bytes, count: int = 0) -> bytes:
        numbers = count, self.total, self.done, self.highest_id
        return encode_record(self.name.header.salt, kind, body, *numbers)

    def _take_unrecorded(self) -> bytes:
        ids, self._unrecorded = self._unrecorded, []
        return self._record(RecordKind.DONE, encode_ids(ids)) if ids else b""

    def _closing(self) -> bytes:
        return self._record(RecordKind.DONE, b"")

    def _write(self, data: bytes) -> None:
        """Write at the end, in space that is laid out as needed, and move the end behind it."""
        if self._descriptor is None:
            with self.path.open("r+b", buffering=0) as file:
                _write_all(file.fileno(), data, self._end)
        else:
            zeros = self._lay_out(self._end + len(data))
            _write_all(self._descriptor, data + zeros, self._end)
            self.allocated_bytes = os.fstat(self._descriptor).st_blocks * _BLOCK_BYTES
        self._end += len(data)

    def _lay_out(self, until: int) -> bytes:
        """Return the zeros to write from `until` on."""
        if until <= self._laid_out:
            return b""
        least = max(until, 2 * self._laid_out)
        self._laid_out = -(-least // STEP_BYTES) * STEP_BYTES
        return bytes(self._laid_out - until)


def _write_all(descriptor: int, data: bytes, at: int) -> None:
    if os.pwrite(descriptor, data, at) < len(data):
        raise OSError(ENOSPC, os.strerror(ENOSPC))
