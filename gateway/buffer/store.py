"""The buffer on disk: a directory of logs, one for each race. Blocking; one thread at a time.

What is written is on disk when `write` returns. What is done with is written as well, but only
reaches the disk with the next messages: a power cut may cause a message to be sent twice.
"""

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.buffer.log_file import LOG_MAX_BYTES, LogFile, parts
from gateway.buffer.log_format import (
    UNDATED,
    LogKind,
    LogName,
    Message,
    NewerLogError,
    decode_quarantined,
    encode_quarantined,
)
from gateway.host.atomic_file import sync_directory
from gateway.host.errors import GatewayError

#: Limits the open logs of races not ridden now; the one written longest ago is closed first.
OPEN_MAX = 8
#: A race that was in none of the latest writes is over.
RIDDEN_WRITES = 32
#: More files are never kept open: a process may have 1024.
FILES_MAX = 128
#: A log that has this part of the bound is full. The write that filled it adds at most as much
#: again, so that an eviction costs at most an eighth of the buffer.
FULL_PART = 16
#: The note about files that cannot be read; the reason goes into it.
_LEFT_ALONE = (
    " cannot be read: {}; the messages there stay on the disk until a gateway starts that can read "
    "them"
)


class StoreError(GatewayError):
    """The disk cannot be used now. The text gives the path and the reason."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message on disk. `race_id` may be UNDATED."""

    id: int
    race_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes of one write."""

    records: Sequence[Record] = ()
    #: Messages that are done with, each with its log; logs that are gone are skipped.
    done: Sequence[tuple[LogName, int]] = ()
    #: Messages that are not to be sent any more, and why.
    quarantined: Sequence[tuple[Record, str]] = ()
    #: Quarantined messages to be sent again, and others to be deleted; unknown ids are skipped.
    requeued_ids: Sequence[int] = ()
    dropped_ids: Sequence[int] = ()

    @property
    def done_anyway(self) -> list[tuple[LogName, int]]:
        """What is done with even if the rest is not written: all that does not move elsewhere."""
        moved = {one.id for one in (*self.records, *(one for one, _ in self.quarantined))}
        return [one for one in self.done if one[1] not in moved]


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did."""

    used_bytes: int
    #: The log of each of the batch's records, by id, and of each message that is sent again.
    placed: dict[int, LogName] = field(default_factory=dict)
    requeued: dict[int, LogName] = field(default_factory=dict)
    #: Logs that had to go for room, and logs that something else has deleted.
    evicted: Sequence[LogName] = ()
    vanished: Sequence[LogName] = ()
    #: How many messages are in quarantine now, and how many have left it on request.
    quarantined: int = 0
    released: int = 0


class Store:
    """The logs in a directory, which may use `max_bytes` of the disk. Raises StoreError."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.path = directory
        self._max_bytes = max_bytes
        self._log_max_bytes = min(LOG_MAX_BYTES, max_bytes // FULL_PART)
        self._logs: dict[LogName, LogFile] = {}
        #: The log of each kind and race that messages are appended to, the latest written last.
        self._open: dict[tuple[LogKind, int], LogFile] = {}
        #: How many logs each of the latest writes was for.
        self._touched = deque[int](maxlen=RIDDEN_WRITES)
        #: Logs that are to be closed.
        self._full: list[LogFile] = []
        self._vanished: list[LogName] = []
        #: Logs whose file does not have yet what is done with; the disk did not take it.
        self._late: dict[LogName, None] = {}
        #: The last write has failed, or there was none yet: the disk may be read-only.
        self._is_failing = True
        #: Messages that were damaged at the start. Others turn out to be when they are read.
        self.lost = 0
        #: What was wrong with the files at the start, in sentences.
        self.notes: list[str] = []
        self._last_id = 0
        with self._explained():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            wrong = defaultdict[str, list[Path]](list)
            for file in sorted(os.listdir(directory)):
                for what in self._take_in(file):
                    wrong[what].append(directory / file)
        self.notes += [_named(paths) + what for what, paths in wrong.items()]
        self.used_bytes = self._sum_bytes()

    @property
    def last_id(self) -> int:
        return max([self._last_id, *(log.highest_id for log in self._logs.values())])

    @property
    def quarantined(self) -> int:
        return sum(log.pending for log in self._quarantine())

    def waiting(self) -> dict[LogName, int]:
        """Return the number of messages to be sent in each log; the one last written to is last."""
        logs = sorted(self._logs.values(), key=lambda log: log.highest_id)
        return {
            log.name: log.pending
            for log in logs
            if log.pending and log.name.kind is not LogKind.QUARANTINE
        }

    def free_bytes(self) -> int:
        """Return how much more fits: into the bound, and onto the disk."""
        with self._explained():
            disk = os.statvfs(self.path)
        return max(0, min(self._max_bytes - self.used_bytes, disk.f_bavail * disk.f_frsize))

    def read(self, name: LogName) -> list[Record]:
        """Return all sound messages of a log that are not done with; none if it is gone."""
        log = self._logs.get(name)
        messages = {} if log is None else self._read(log)
        return [Record(id_, name.race_id, payload) for id_, payload in sorted(messages.items())]

    def write(self, batch: Batch) -> Written:
        """Write a batch. Raises StoreError; then nothing has changed but what is `done_anyway`."""
        chosen = self._in_quarantine({*batch.requeued_ids, *batch.dropped_ids})
        # After a crash, a message may be there twice.
        again = {record.id: record for record, _ in chosen if record.id in batch.requeued_ids}
        try:
            placed = self._append([*batch.records, *again.values()], batch.quarantined)
        except StoreError:
            self._finish(batch.done_anyway)  # a full disk needs the room
            raise
        self._finish([*batch.done, *((name, record.id) for record, name in chosen)])
        vanished, self._vanished = self._vanished, []
        evicted = self._make_room(placed.values())
        return Written(
            used_bytes=self.used_bytes,
            requeued={id_: placed.pop(id_) for id_ in again},
            placed=placed,
            evicted=evicted,
            vanished=vanished,
            quarantined=self.quarantined,
            released=len(chosen),
        )

    def close(self) -> None:
        for log in (*self._open.values(), *self._full):
            log.close()

    def _take_in(self, file: str) -> Iterator[str]:
        """Take in a log that an earlier process left; yield what is wrong with it."""
        name = LogName.parse(file)
        if name is None:
            return
        self._last_id = max(self._last_id, name.first_id)
        try:
            log = self._logs[name] = LogFile.left(self.path, name)
        except NewerLogError as error:
            yield _LEFT_ALONE.format(f"format {error}, written by a newer version of the gateway")
        except OSError as error:
            yield _LEFT_ALONE.format(error.strerror)
        else:
            if log.uncounted_bytes:
                yield ": the end was damaged; it is not known how many messages were lost there"
            self.lost += log.lost
            self._record_done(log)

    def _append(
        self, records: Iterable[Record], quarantined: Iterable[tuple[Record, str]]
    ) -> dict[int, LogName]:
        """Write messages, and return the log of each of the `records`."""
        placed, touched = dict[int, LogName](), list[LogFile]()
        try:
            with self._explained():
                if self._is_failing:
                    self._probe()
                for (kind, race_id), messages in _by_log(records, quarantined, self._log_max_bytes):
                    log = self._log_for(kind, race_id, messages)
                    touched.append(log)
                    log.append(messages)
                    if log.is_new and len(touched) > FILES_MAX:
                        log.sync()
                        log.close()
                    if kind is not LogKind.QUARANTINE:
                        placed.update((id_, log.name) for id_, _ in messages)
                self._sync(touched)
        except StoreError:
            self._is_failing = True
            self._take_back(touched)
            raise
        self._is_failing = False
        for log in touched:
            log.keep()
        self._touched.append(len(touched))
        self._close_full()
        return placed

    def _sync(self, touched: Sequence[LogFile]) -> None:
        for log in touched:
            if log.is_open:
                log.sync()
        if any(log.is_new for log in touched):
            for directory in (self.path, self.path.parent):  # both may be new
                sync_directory(directory)

    def _probe(self) -> None:
        """Find out with little whether the disk can be written again."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        place = self.path / "probe"
        with place.open("wb", buffering=0) as file:
            file.write(bytes(4096))
            os.fsync(file.fileno())
        place.unlink()

    def _log_for(self, kind: LogKind, race_id: int, messages: Sequence[Message]) -> LogFile:
        """Return the log to append to. Its name has the lowest id in it."""
        log = self._open.pop((kind, race_id), None)
        first_id, _ = min(messages)
        has_room = log is not None and log.has_room(len(messages), self._log_max_bytes)
        if log is not None and not (has_room and log.name.first_id < first_id):
            self._full.append(log)
            log = None
        if log is None:
            log = LogFile.create(self.path, kind, race_id, first_id)
            self._logs[log.name] = log
        self._open[kind, race_id] = log
        return log

    def _close_full(self) -> None:
        while len(self._open) > min(OPEN_MAX + max(self._touched), FILES_MAX):
            self._full.append(self._open.pop(next(iter(self._open))))
        while self._full:
            self._full.pop().close()

    def _take_back(self, touched: Iterable[LogFile]) -> None:
        """Leave the logs as they were; what could not be written goes into new ones."""
        for log in touched:
            log.take_back()
            self._end_appending(log)
            if not log.total:
                self._logs.pop(log.name, None)
        for log in [one for one in self._logs.values() if touched and not one.path.exists()]:
            self._forget(log)

    def _finish(self, done: Iterable[tuple[LogName, int]]) -> None:
        """Write what is done with, also of earlier writes."""
        by_log = defaultdict[LogName, list[int]](list)
        for name, id_ in done:
            by_log[name].append(id_)
        for name, ids in by_log.items():
            if name in self._logs:
                self._logs[name].finish(ids)
        for name in {**self._late, **by_log}:
            if name in self._logs:
                self._record_done(self._logs[name])

    def _record_done(self, log: LogFile) -> None:
        """Write what is done with of a log; delete it if that is all.

        A log that the disk returned only in part stays as it is: the rest may be readable later.
        """
        if log.unread_until:
            return
        try:
            if log.pending:
                log.record_done()
                self._late.pop(log.name, None)
            else:
                self._delete(log)
        except OSError:
            self._late[log.name] = None

    def _make_room(self, placed: Iterable[LogName]) -> list[LogName]:
        """Delete the oldest logs until the rest fits, and return the unsent ones.

        Those in quarantine go first, and those with what was just `placed` last.
        """
        self.used_bytes, evicted = self._sum_bytes(), list[LogName]()
        if self.used_bytes <= self._max_bytes:
            return evicted
        latest = {*placed}
        for is_unsent, _, name in sorted(
            (name.kind is not LogKind.QUARANTINE, name in latest, name) for name in self._logs
        ):
            if self.used_bytes <= self._max_bytes:
                break
            log = self._logs[name]
            try:
                self._delete(log)
            except OSError:
                break  # what is written is written
            self.used_bytes -= log.allocated_bytes
            if is_unsent:
                evicted.append(name)
        return evicted

    def _sum_bytes(self) -> int:
        return sum(log.allocated_bytes for log in self._logs.values())

    def _in_quarantine(self, ids: set[int]) -> list[tuple[Record, LogName]]:
        """Return the quarantined messages with these ids, one of each, and their logs."""
        found, payloads = [], dict[int, bytes]()
        for log in list(self._quarantine()) if ids else ():
            if log.name.first_id > max(ids) or log.highest_id < min(ids):
                continue
            messages = self._read(log)
            for id_ in messages.keys() & ids:
                race_id, _, payload = decode_quarantined(messages[id_])
                # After a power cut, different ones may have the same id; another may follow later.
                if payloads.setdefault(id_, payload) == payload:
                    found.append((Record(id_, race_id, payload), log.name))
        return found

    def _read(self, log: LogFile) -> dict[int, bytes]:
        with self._explained():
            try:
                messages = log.read()
            except FileNotFoundError:
                self._forget(log)
                return {}
        self._record_done(log)
        return messages

    def _quarantine(self) -> Iterator[LogFile]:
        return (log for log in self._logs.values() if log.name.kind is LogKind.QUARANTINE)

    def _forget(self, log: LogFile) -> None:
        """Note that a file was deleted by something else."""
        if self._logs.pop(log.name, None) and log.name.kind is not LogKind.QUARANTINE:
            self._vanished.append(log.name)

    def _end_appending(self, log: LogFile) -> None:
        place = log.name.kind, log.name.race_id
        if self._open.get(place) is log:
            del self._open[place]

    def _delete(self, log: LogFile) -> None:
        log.delete()
        del self._logs[log.name]
        self._late.pop(log.name, None)
        self._end_appending(log)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"{error.filename or self.path}: {error.strerror}") from error


def _by_log(
    records: Iterable[Record], quarantined: Iterable[tuple[Record, str]], max_bytes: int
) -> Iterator[tuple[tuple[LogKind, int], list[Message]]]:
    """Yield the messages for each log, of which there may be several for a race."""
    by_log = defaultdict[tuple[LogKind, int], list[Message]](list)
    for record in records:
        kind = LogKind.UNDATED if record.race_id == UNDATED else LogKind.RACE
        by_log[kind, record.race_id].append((record.id, record.payload))
    for record, reason in quarantined:
        message = encode_quarantined(record.race_id, reason, record.payload)
        by_log[LogKind.QUARANTINE, 0].append((record.id, message))
    for key, messages in by_log.items():
        for part in parts(messages, max_bytes):
            yield key, part


def _named(paths: Sequence[Path]) -> str:
    return f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 1 else str(paths[0])
