"""One log: a file that one process appends to, and any later one reads. Blocking.

Space is laid out ahead as zeros, so that a record changes nothing but its own blocks: no size and
no allocation, hence no commit of the file system's journal. A log is closed with a record without
messages, whose totals spare the next start the reading of the file, and is cut off behind it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EINVAL, EIO, ENOENT, ENOSPC
from pathlib import Path
from secrets import randbits
from stat import S_ISREG
from typing import BinaryIO, Self

from gateway.buffer.log_format import (
    HEADER,
    HEADER_BYTES,
    OVERHEAD_BYTES,
    Contents,
    LogKind,
    LogName,
    Message,
    RecordHead,
    RecordKind,
    check_version,
    decode_closing_record,
    decode_log,
    encode_ids,
    encode_messages,
    encode_record,
)

#: Space is laid out in multiples of this, and at least doubled: a race of one bike fits into it.
#: That begins with the second write, which most logs of requeued or dated messages do not have.
STEP_BYTES = 56 << 10
#: A longer log is continued in another one, so that each can be read as a whole.
LOG_MESSAGES = 2048
LOG_MAX_BYTES = 1 << 20
#: No log is longer, whatever its messages; what lies behind is not read.
READ_MAX_BYTES = 16 << 20
#: What closes a log.
CLOSING_BYTES = OVERHEAD_BYTES
#: The unit of `st_blocks`.
_BLOCK_BYTES = 512
#: What the disk returns as a whole, or not.
_PAGE_BYTES = 4096


class LogFile:
    """One log. All methods raise OSError."""

    def __init__(self, directory: Path, name: LogName) -> None:
        self.name = name
        self.path = directory / str(name)
        #: Messages in the file, those of them that are damaged, and those that are done with.
        self.total = self.lost = self.done = 0
        self.highest_id = 0
        self.allocated_bytes = 0
        #: What this process is done with, and how much of that is in the file.
        self._done_ids: list[int] = []
        self._recorded = 0
        #: The same, without those that have been appended once more.
        self._gone: set[int] = set()
        #: The end of the last record, and of the space behind it.
        self._end = self._laid_out = HEADER_BYTES
        #: `total`, end and `_recorded` when the file was last known to be on disk; None: never.
        self._kept: tuple[int, int, int] | None = None
        #: The end of the last part that the disk did not return; it may return it later.
        self.unread_until = 0
        #: Bytes that were cut off, with an unknown number of messages.
        self.uncounted_bytes = 0
        #: None: nothing is appended any more, apart from what is done with.
        self._descriptor: int | None = None

    @classmethod
    def create(cls, directory: Path, kind: LogKind, race_id: int, first_id: int) -> Self:
        salt = randbits(32)
        log = cls(directory, LogName(first_id, kind, race_id, salt))
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        log._descriptor = os.open(log.path, flags, 0o600)
        try:
            _write_all(log._descriptor, HEADER, 0)
        except OSError:
            log.delete()
            raise
        return log

    @classmethod
    def left(cls, directory: Path, name: LogName) -> Self:
        """Return a log that an earlier process left. Raises NewerLogError for a newer version."""
        log = cls(directory, name)
        with regular_file(log.path) as file:
            stat = os.fstat(file.fileno())
            log.allocated_bytes = stat.st_blocks * _BLOCK_BYTES
            last = None
            # If the disk does not return these parts, the records may still be readable.
            with suppress(OSError):
                check_version(file.read(HEADER_BYTES))
                last = closing_record(file, name.salt)
        if last is None:
            log._close_for_killed()
        else:
            log.total, log.done, log.highest_id = last.total, last.done, last.highest_id
            log._end = stat.st_size
        return log

    @property
    def pending(self) -> int:
        """The number of messages that are neither done with nor known to be damaged."""
        return self.total - self.lost - self.done

    @property
    def is_new(self) -> bool:
        """Whether the directory may not have it yet, in case of a power cut."""
        return self._kept is None

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    @property
    def _is_over(self) -> bool:
        return self.done == self.total > 0

    def has_room(self, count: int, max_bytes: int = LOG_MAX_BYTES) -> bool:
        """Return whether `count` messages can be appended to a log that `max_bytes` make full."""
        is_small = self._end < max_bytes and self.total + count <= LOG_MESSAGES
        return self.is_open and is_small

    def append(self, messages: Sequence[Message]) -> None:
        """Write messages behind the others; `sync` and `keep` must follow."""
        self.highest_id = max(self.highest_id, *(id_ for id_, _ in messages))
        data = self._done_record()
        data += self._record(RecordKind.MESSAGES, encode_messages(messages), len(messages))
        self.total += len(messages)
        self._gone.difference_update(id_ for id_, _ in messages)
        self._write(data)

    def sync(self) -> None:
        """Return once all that was appended is on disk; for the file's name, sync the directory."""
        assert self._descriptor is not None
        os.fdatasync(self._descriptor)
        if not self.path.exists():
            raise FileNotFoundError(ENOENT, "the file was deleted", str(self.path))

    def keep(self) -> None:
        """Count what was synced as part of the log."""
        self._kept = self.total, self._end, self._recorded

    def take_back(self) -> None:
        """Forget what was appended since the last `keep`, and append nothing more.

        Linux marks pages clean after a failed fsync and goes on showing them: what is appended
        behind them may be behind a hole on the disk.
        """
        if self._kept is None:
            self.total = 0
            with suppress(OSError):
                self.delete()
        else:
            self.total, self._end, self._recorded = self._kept
            self.close()

    def finish(self, ids: Sequence[int]) -> None:
        """Take note of messages that are done with; the next write contains them.

        Those that were noted before are ignored.
        """
        new = [id_ for id_ in ids if id_ not in self._gone]
        self._gone.update(new)
        self._done_ids += new
        self.done += len(new)
        if self._is_over and not self.is_open:  # it will be deleted, once the disk lets it
            self._done_ids, self._recorded, self._gone = [], 0, set()

    def record_done(self) -> None:
        """Write what is done with. A power cut may undo it: then it is sent twice."""
        if self._unrecorded:
            self._write(self._done_record() + (b"" if self._descriptor else self._closing()))

    def close(self) -> None:
        """Cut off the space behind the records, and write the totals."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with suppress(OSError):
            os.ftruncate(descriptor, self._end)  # also what was taken back
            data = self._done_record() + self._closing()
            _write_all(descriptor, data, self._end)
            self._end += len(data)
            self._recorded = len(self._done_ids)
            self.allocated_bytes = os.fstat(descriptor).st_blocks * _BLOCK_BYTES
        os.close(descriptor)

    def delete(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        self.path.unlink(missing_ok=True)

    def read(self) -> dict[int, bytes]:
        """Return the sound messages that are not done with, by id, and learn what is lost."""
        if self._is_over:
            return {}
        found = decode_log(self._content()[: self._end], self.name.salt)
        self._learn(found)
        return found.messages

    def _learn(self, found: Contents) -> None:
        for id_ in self._unrecorded:
            found.messages.pop(id_, None)
        self.done = found.done + len(self._unrecorded)
        # Damage may hide a message as well as the fact that it is done with.
        self.lost = self.total - self.done - len(found.messages)

    def _content(self) -> bytes:
        with regular_file(self.path) as file:
            data, self.unread_until = read_whole(file)
        return data

    def _close_for_killed(self) -> None:
        """Close a log whose process did not.

        It is written and synced once more: what the kernel shows of it may not be on disk, if an
        fsync had failed. This is not done if the disk does not return all of it, because it may
        return the rest later.
        """
        data = self._content()
        found = decode_log(data, self.name.salt)
        self.total, self.highest_id = found.total, found.highest_id
        self._learn(found)
        self._end, self.uncounted_bytes = found.end, found.uncounted_bytes
        is_begun = HEADER.startswith(data[:HEADER_BYTES].rstrip(b"\0"))
        if found.end == HEADER_BYTES and not is_begun:
            raise OSError(EINVAL, "neither its header nor any record is sound", str(self.path))
        if self.unread_until > found.end:
            raise OSError(EIO, os.strerror(EIO), str(self.path))  # there may be more messages
        if self.unread_until:
            return
        with suppress(OSError), self.path.open("r+b", buffering=0) as file:
            whole = HEADER + data[HEADER_BYTES : self._end] + self._closing()
            _write_all(file.fileno(), whole, 0)
            os.ftruncate(file.fileno(), len(whole))
            os.fsync(file.fileno())
            self._end = len(whole)

    def _record(self, kind: RecordKind, body: bytes, count: int = 0) -> bytes:
        numbers = count, self.total, self.done + self.lost, self.highest_id
        return encode_record(self.name.salt, kind, body, *numbers)

    @property
    def _unrecorded(self) -> list[int]:
        """What is done with, but not yet in the file."""
        return self._done_ids[self._recorded :]

    def _done_record(self) -> bytes:
        ids = self._unrecorded
        return self._record(RecordKind.DONE, encode_ids(ids)) if ids else b""

    def _closing(self) -> bytes:
        return self._record(RecordKind.DONE, b"")

    def _write(self, data: bytes) -> None:
        """Write at the end all that is to be recorded, in space that is laid out as needed."""
        if self._descriptor is None:
            with self.path.open("r+b", buffering=0) as file:
                _write_all(file.fileno(), data, self._end)
        else:
            _write_all(self._descriptor, data, self._end)
            self._lay_out(self._end + len(data))
            self.allocated_bytes = os.fstat(self._descriptor).st_blocks * _BLOCK_BYTES
        self._end += len(data)
        self._recorded = len(self._done_ids)

    def _lay_out(self, until: int) -> None:
        """Write zeros from `until` on, if the space that is laid out ends there.

        A page at a time: otherwise Linux would cache them in large pages, and count such a page
        as written for each record.
        """
        if self._kept is None or until <= self._laid_out:
            return
        assert self._descriptor is not None
        least = max(until, 2 * self._laid_out)
        self._laid_out = -(-least // STEP_BYTES) * STEP_BYTES
        while until < self._laid_out:
            page_end = min(until // _PAGE_BYTES * _PAGE_BYTES + _PAGE_BYTES, self._laid_out)
            _write_all(self._descriptor, bytes(page_end - until), until)
            until = page_end


def parts(messages: Iterable[Message], max_bytes: int) -> Iterator[list[Message]]:
    """Yield as many messages at a time as fit into a log."""
    part, size = list[Message](), 0
    for message in messages:
        size += len(message[1])
        if part and (len(part) == LOG_MESSAGES or size > max_bytes):
            yield part
            part, size = [], len(message[1])
        part.append(message)
    yield part


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read it; anything else in its place raises OSError, and blocks nothing."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        if not S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(EINVAL, "not a regular file", str(path))
        yield file


def read_whole(file: BinaryIO) -> tuple[bytes, int]:
    """Return the content, with zeros for the parts that the disk does not return, and their end.

    Raises OSError if it returns nothing.
    """
    data, failure, unread_until = b"", None, 0
    size = min(os.fstat(file.fileno()).st_size, READ_MAX_BYTES)
    while len(data) < size:
        at = len(data)
        try:
            part = os.pread(file.fileno(), size - at, at)
        except OSError as error:
            if error.errno != EIO:
                raise
            failure = error
            unread_until = min(size, (at // _PAGE_BYTES + 1) * _PAGE_BYTES)
            part = bytes(unread_until - at)
        if not part:
            break  # it has become shorter
        data += part
    if failure is not None and not data.strip(b"\0"):
        raise failure
    return data, unread_until


def closing_record(file: BinaryIO, salt: int) -> RecordHead | None:
    """Return the record that closes a log; None if its process was killed."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - CLOSING_BYTES))
    return decode_closing_record(file.read(), salt)


def _write_all(descriptor: int, data: bytes, at: int) -> None:
    if os.pwrite(descriptor, data, at) < len(data):
        raise OSError(ENOSPC, os.strerror(ENOSPC))
