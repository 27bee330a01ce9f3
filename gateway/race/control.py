"""RemoteControl: carries out race commands as they come, and keeps them over a restart."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog
from pydantic import ValidationError

from gateway.host.atomic_file import replace_file
from gateway.race.commanded import BikeRaces, RemoteRaces
from gateway.timing.clock import GatewayClock

#: Races that are over are kept for a day: seconds without a name get it from them.
KEPT_MS = 86_400_000

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


class RemoteControl:
    """A CommandHandler over the races of all bikes, which tell their race clocks of a change."""

    def __init__(self, races: RemoteRaces, file: RaceFile, clock: GatewayClock) -> None:
        self._races = races
        self._file = file
        self._clock = clock
        self._saving = asyncio.Lock()
        self._saved = races.to_json()

    def serve(self, bike_ids: Iterable[str]) -> None:
        """Other bikes than before."""
        self._races.serve(bike_ids)

    def races_of(self, bike_id: str) -> BikeRaces:
        return self._races.of(bike_id)

    async def handle(self, payload: bytes) -> bytes:
        """One command in, its response out. It holds at once; the response waits for the disk."""
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
        """Commands that came while the disk was busy are saved together."""
        async with self._saving:
            content = self._races.to_json()
            if content != self._saved:
                await asyncio.to_thread(self._file.save, content)
                self._saved = content


def open_remote_control(
    state_dir: Path, bike_ids: Iterable[str], clock: GatewayClock
) -> RemoteControl:
    """Return the RemoteControl of these bikes, with the races that an earlier process knew."""
    races = RemoteRaces(bike_ids)
    file = RaceFile(state_dir / "races.json")
    file.load(races)
    return RemoteControl(races, file, clock)
