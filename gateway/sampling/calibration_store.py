"""The saved calibrations of a gateway's bikes: one file per bike, and backups of earlier ones."""

import os
from collections.abc import Iterator
from pathlib import Path

from gateway.host.atomic_file import drafted, other_kind, read_file, sync_directory
from gateway.host.errors import GatewayError
from gateway.host.set_aside import set_aside
from gateway.host.state_dir import as_owner_of
from gateway.sampling.calibration_record import (
    CalibrationFormatError,
    CalibrationRecord,
    record_from_json,
    record_to_json,
)

DIRECTORY = "calibration"
#: Limit of backups per bike.
BACKUPS = 9
#: Limit of a file's size, in bytes; a table of a hundred points has some 15 KB.
MAX_BYTES = 1024 * 1024


class NoBackupError(GatewayError):
    """A backup that does not exist. The text lists those that do."""


class CalibrationStore:
    """The files `<bike id>.json` and their backups `.json.1` (the newest) to `.json.9`.

    Every change makes a backup of what it replaces, so that it can be undone. Raises OSError if
    the disk fails.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self.directory = state_dir / DIRECTORY

    def load(self, bike_id: str) -> CalibrationRecord | None:
        """Return a bike's calibration. Raises CalibrationFormatError, which names the file."""
        return _read(self._file(bike_id), bike_id)

    def save(self, record: CalibrationRecord) -> Path:
        """Save a calibration atomically; return its file. It is on disk then."""
        file = self._file(record.bike_id)
        with as_owner_of(self._state_dir):
            if os.path.lexists(self.directory) and not self.directory.is_dir():
                set_aside(self.directory)
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Write the draft first: a full disk must not cost a backup.
            with drafted(file, record_to_json(record).encode()) as draft:
                self._keep(record.bike_id)
                draft.replace(file)
            sync_directory(self.directory)
        return file

    def backups(self, bike_id: str) -> dict[int, CalibrationRecord]:
        """Return the readable backups by number; 1 is the newest."""
        return dict(self._backups(bike_id)) if self.directory.is_dir() else {}

    def rollback(self, bike_id: str, number: int = 1) -> CalibrationRecord:
        """Make a backup the current calibration and return it. Raises NoBackupError."""
        backups = self.backups(bike_id)
        if number not in backups:
            has = f"has {', '.join(map(str, backups))}" if backups else "has none"
            raise NoBackupError(f"{bike_id} has no backup {number}; it {has}")
        self.save(backups[number])
        return backups[number]

    def reset(self, bike_id: str) -> None:
        """Delete the calibration; it is kept as a backup."""
        if not self.directory.is_dir():
            return
        with as_owner_of(self._state_dir):
            self._keep(bike_id)
            self._file(bike_id).unlink(missing_ok=True)
            sync_directory(self.directory)

    def _file(self, bike_id: str) -> Path:
        # Ids contain no slash (gateway/config/schema.py), and no bike's file is another's backup.
        return self.directory / f"{bike_id}.json"

    def _backup(self, bike_id: str, number: int) -> Path:
        return self.directory / f"{bike_id}.json.{number}"

    def _backups(self, bike_id: str) -> Iterator[tuple[int, CalibrationRecord]]:
        for number in range(1, BACKUPS + 1):
            try:
                record = _read(self._backup(bike_id, number), bike_id)
            except CalibrationFormatError:
                continue
            if record is not None:
                yield number, record

    def _keep(self, bike_id: str) -> None:
        """Make the current calibration backup 1; its own file stays until it is replaced."""
        file, newest = self._file(bike_id), self._backup(bike_id, 1)
        for path in (file, *(self._backup(bike_id, n) for n in range(1, BACKUPS + 1))):
            if path.exists() and other_kind(path) is not None:
                set_aside(path)  # a directory or a FIFO can be no backup
        if not file.exists() or (newest.exists() and newest.samefile(file)):
            return  # nothing to keep, or kept already by a save that failed afterwards
        # Shift the backups up to the first gap, which restoring a disk image may have left.
        last = next(n for n in range(1, BACKUPS + 1) if self._is_last(bike_id, n))
        for number in range(last, 1, -1):
            self._backup(bike_id, number - 1).replace(self._backup(bike_id, number))
        os.link(file, newest)

    def _is_last(self, bike_id: str, number: int) -> bool:
        return number == BACKUPS or not self._backup(bike_id, number).exists()


def _read(file: Path, bike_id: str) -> CalibrationRecord | None:
    try:
        record = record_from_json(read_file(file, MAX_BYTES))
    except FileNotFoundError:
        return None
    except (CalibrationFormatError, ValueError) as error:
        raise CalibrationFormatError(f"{file}: {error}") from None
    if record.bike_id != bike_id:  # a rollback would change another bike's calibration
        raise CalibrationFormatError(
            f"{file}: the calibration is for {record.bike_id}; expected {bike_id}"
        )
    return record
