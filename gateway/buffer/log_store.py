"""The buffer on disk: a directory of logs, one for each race. Blocking; one thread at a time."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.buffer.log_file import LogFile, LogName
from gateway.buffer.log_format import LogKind, Message, NewerLogError
from gateway.buffer.store import UNDATED, Batch, Record, StoreError, Written

#: Logs that are kept open; the ones that were written longest ago are closed.
OPEN_MAX = 16


class LogStore:
    """The logs of a directory, bounded to `max_bytes` on the disk. Raises StoreError."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.path = directory
        self._max_bytes = max_bytes
        #: By age.
        self._races: dict[int, list[LogFile]] = defaultdict(list)
        self._quarantine: list[LogFile] = []
        #: Files of a newer version, which are left alone.
        self.newer: list[Path] = []
        #: The messages that were counted when the last write succeeded.
        self._counted = 0
        #: Those that can be written to, the one last written to at the end.
        self._open: dict[LogFile, None] = {}
        with self._explained():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for file in sorted(one.name for one in directory.iterdir()):
                self._take_in(file)
        self._counted = self._pending()

    @property
    def used_bytes(self) -> int:
        return sum(log.allocated_bytes for log in self._logs())

    def pending_by_race(self) -> dict[int, int]:
        """Return the number of messages of each race; the one last written to comes last."""
        counts = {
            race_id: (max(log.highest_id for log in logs), sum(log.pending for log in logs))
            for race_id, logs in self._races.items()
        }
        by_age = sorted(counts.items(), key=lambda one: one[1][0])
        return {race_id: pending for race_id, (_, pending) in by_age if pending}

    def last_id(self) -> int:
        return max((log.highest_id for log in self._logs()), default=0)

    def quarantined_count(self) -> int:
        return sum(log.pending for log in self._quarantine)

    def messages(self, race_id: int) -> list[Record]:
        """Return all messages of a race that can be read, oldest first."""
        found: dict[int, bytes] = {}
        with self._explained():
            for log in self._races.get(race_id, ()):
                found.update(log.read())
        return [Record(id_, race_id, found[id_]) for id_ in sorted(found)]

    def page(self, race_id: int, from_id: int, limit: int) -> list[Record]:
        return [one for one in self.messages(race_id) if one.id >= from_id][:limit]

    def write(self, batch: Batch) -> Written:
        """Write a batch; it is on disk on return. Raises StoreError, having changed nothing."""
        touched: list[LogFile] = []
        try:
            with self._explained():
                self._append(batch, touched)
                self._finish(batch, touched)
                for log in touched:
                    log.sync()
        except StoreError:
            for log in touched:
                log.forget_unsynced()
            raise
        with self._explained():
            dropped, evicted = self._make_room()
            self._drop_empty()
        added = self._pending() - self._counted
        self._counted += added
        return Written(added, evicted, dropped, self.used_bytes)

    def close(self) -> None:
        for log in list(self._open):
            log.close()

    def _take_in(self, file: str) -> None:
        name = LogName.parse(file)
        if name is None:
            return
        try:
            log = LogFile.left(self.path, name)
        except NewerLogError:
            self.newer.append(self.path / file)
            return
        self._logs_of(name.header.kind, name.header.race_id).append(log)

    def _append(self, batch: Batch, touched: list[LogFile]) -> None:
        by_race: dict[int, list[Message]] = defaultdict(list)
        for record in (*batch.records, *batch.dated):
            by_race[record.race_id].append((record.id, record.payload))
        for race_id, messages in by_race.items():
            kind = LogKind.UNDATED if race_id == UNDATED else LogKind.RACE
            touched.append(self._appended(kind, race_id, messages))
        aside: dict[int, list[Message]] = defaultdict(list)
        for record, reason in batch.quarantined:
            aside[record.race_id].append((record.id, _with_reason(record.payload, reason)))
        for race_id, messages in aside.items():
            touched.append(self._appended(LogKind.QUARANTINE, race_id, messages))

    def _appended(self, kind: LogKind, race_id: int, messages: Sequence[Message]) -> LogFile:
        logs = self._logs_of(kind, race_id)
        mine = [one for one in logs if one.name.header.race_id == race_id]
        if mine and mine[-1].has_room:
            log = mine[-1]
        else:
            log = LogFile.create(self.path, kind, race_id, messages[0][0])
            logs.append(log)
        self._open.pop(log, None)
        self._open[log] = None
        log.append(messages)
        return log

    def _finish(self, batch: Batch, touched: Sequence[LogFile]) -> None:
        """Take note of what is done with, and write it with what is written anyway."""
        done: dict[int, list[int]] = defaultdict(list)
        for id_, race_id in batch.deleted.items():
            done[race_id].append(id_)
        for record, _ in batch.quarantined:
            done[record.race_id].append(record.id)
        done[UNDATED] += [record.id for record in batch.dated]
        for race_id, ids in done.items():
            for log in self._races.get(race_id, ()):
                log.finish(ids)
                if log.pending and log not in touched:
                    log.record_done()

    def _make_room(self) -> tuple[int, list[int]]:
        """Delete the oldest logs until the rest fits, refused messages first.

        Return the number of refused messages that are gone, and the races of the others.
        """
        dropped, evicted = 0, []
        while self.used_bytes > self._max_bytes:
            if self._quarantine:
                log = self._quarantine.pop(0)
                dropped += log.pending
            else:
                log = min(
                    (one for one in self._logs()), key=lambda one: one.name.first_id, default=None
                )
                if log is None:
                    break
                self._races[log.race_id].remove(log)
                evicted.append(log.race_id)
            self._delete(log)
        return dropped, evicted

    def _drop_empty(self) -> None:
        for logs in (*self._races.values(), self._quarantine):
            for log in [one for one in logs if not one.pending]:
                logs.remove(log)
                self._delete(log)
