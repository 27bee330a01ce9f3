"""RemoteControl: carries out race commands as they come, and keeps them over a restart."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from gateway.race.commanded import BikeRaces, RemoteRaces
from gateway.race.file import RaceFile
from gateway.timing.clock import Clock

#: Races that are over are kept for a day: seconds without a name get it from them.
KEPT_MS = 86_400_000

log = structlog.get_logger()


class RemoteControl:
    """A CommandHandler. `on_change` is called when other races are known than before."""

    def __init__(self, races: RemoteRaces, file: RaceFile, clock: Clock) -> None:
        self._races = races
        self._file = file
        self._clock = clock
        self._saving = asyncio.Lock()
        self._saved = races.to_json()
        self.on_change: Callable[[], None] = lambda: None

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
        if response.result == "accepted":
            self.on_change()
            if is_set:
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
