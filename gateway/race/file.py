"""The races that were commanded, kept over a restart in one small JSON file."""

from pathlib import Path

import structlog
from pydantic import ValidationError

from gateway.host.atomic_file import replace_file
from gateway.race.commanded import RemoteRaces

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
        try:
            replace_file(self._path, content)
        except OSError as error:
            log.error("commanded races not saved", path=str(self._path), reason=str(error))
