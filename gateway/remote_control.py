"""RemoteControl: carries out race commands as they come, and keeps them over a restart."""

import asyncio
from collections.abc import Callable

import structlog

from gateway.clock import Clock
from gateway.race_file import RaceFile
from gateway.remote_races import BikeRaces, RemoteRaces

#: Races that are over are kept for a day: seconds without a name get it from them.
KEPT_MS = 86_400_000

log = structlog.get_logger()


class RemoteControl:
    """A CommandHandler. `on_change` is called when other races are known than before."""

    def __init__(self, races: RemoteRaces, file: RaceFile, clock: Clock) -> None:
        self._races = races
        self._file = file
        self._clock = clock
        self._one_by_one = asyncio.Lock()
        self.on_change: Callable[[], None] = lambda: None

    def races_of(self, bike_id: str) -> BikeRaces:
        return self._races.of(bike_id)

    async def handle(self, payload: bytes) -> bytes:
        """One command in, its response out; what was accepted is on disk by then."""
        async with self._one_by_one:
            is_set = self._clock.is_trustworthy()
            self._clock.reanchor()
            now_ms = self._clock.wall_ms_at(self._clock.monotonic_ns())
            response = self._races.apply(payload, now_ms if is_set else None)
            log.info("race command", **response.model_dump(exclude_none=True))
            if response.result == "accepted":
                self.on_change()
                if is_set:
                    self._races.forget_before(now_ms - KEPT_MS)
                await asyncio.to_thread(self._file.save, self._races.to_json())
            return response.to_json()
