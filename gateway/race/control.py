"""RemoteControl: carries out race commands and keeps the races over a restart."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog
from pydantic import ValidationError

from gateway.host.atomic_file import replace_file
from gateway.race.commanded import BikeRaces, RemoteRaces
from gateway.timing.clock import GatewayClock

#: How long ended races are kept, in milliseconds: undated seconds may still belong to them.
KEPT_MS = 86_400_000

log = structlog.get_logger()


class RaceFile:
    """The file of commanded races. Its methods block.

    A failing disk loses the races at the next restart, but does not affect those in progress.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, races: RemoteRaces) -> None:
        """Restore the races of an earlier process, if there is a readable file."""
        try:
            races.restore(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            log.error("commanded races not restored", path=str(self._path), reason=str(error))

    def save(self, content: bytes) -> None:
        """Write the file atomically; a failure is logged, not raised."""
        try:
            replace_file(self._path, content)
        except OSError as error:
            log.error("commanded races not saved", path=str(self._path), reason=str(error))


class RemoteControl:
    """The races of all bikes, changed by commands; race clocks are notified of each change."""

    def __init__(self, races: RemoteRaces, file: RaceFile, clock: GatewayClock) -> None:
        self._races = races
        self._file = file
        self._clock = clock
        self._saving = asyncio.Lock()
        self._saved = races.to_json()

    def serve(self, bike_ids: Iterable[str]) -> None:
        """Change the set of bikes; bikes that remain keep their races."""
        self._races.serve(bike_ids)

    def races_of(self, bike_id: str) -> BikeRaces:
        return self._races.of(bike_id)

    async def handle(self, payload: bytes) -> bytes:
        """Carry out a command and return its response.

        The command takes effect at once; the response waits until it is saved.
        """
        is_set = self._clock.is_trustworthy()
        self._clock.reanchor()
        now_ms = self._clock.wall_ms_at(self._clock.monotonic_ns())
        response = self._races.apply(payload, now_ms if is_set else None)
        log.info("race command", **response.model_dump(exclude_none=True))
        if response.result == "accepted" and is_set:
            self._races.forget_before(now_ms - KEPT_MS)
        if response.ok:
            await self._save()
        return response.to_json()

    async def _save(self) -> None:
        """Save the races; commands that arrive while the disk is busy are saved together."""
        async with self._saving:
            content = self._races.to_json()
            if content != self._saved:
                await asyncio.to_thread(self._file.save, content)
                self._saved = content


def open_remote_control(
    state_dir: Path, bike_ids: Iterable[str], clock: GatewayClock
) -> RemoteControl:
    """Return the RemoteControl of these bikes, with the races of an earlier process restored."""
    races = RemoteRaces(bike_ids)
    file = RaceFile(state_dir / "races.json")
    file.load(races)
    return RemoteControl(races, file, clock)
