"""The races that were commanded, kept over a restart in one small JSON file."""

import os
from pathlib import Path

import structlog
from pydantic import ValidationError

from gateway.remote_races import RemoteRaces

log = structlog.get_logger()


class RaceFile:
    """Blocking. A disk that fails costs the races after a restart, not those being ridden."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, races: RemoteRaces) -> None:
        """What an earlier process knew; nothing if there is no file, or none that can be read."""
        try:
            races.restore(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            log.error("commanded races not restored", path=str(self._path), reason=str(error))

    def save(self, content: bytes) -> None:
        """Whole or not at all, and on disk when it returns, if the disk lets it."""
        draft = self._path.with_suffix(".new")
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            _sync_directory(self._path.parent)
        except OSError as error:
            log.error("commanded races not saved", path=str(self._path), reason=str(error))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
