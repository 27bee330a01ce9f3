"""RemoteControl: carries out race commands as they come, and keeps them over a restart."""

import asyncio
from collections.abc import Callable

import structlog

from gateway.clock import Clock
from gateway.race_file import RaceFile
from gateway.remote_races import BikeRaces, RemoteRaces

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
            now_ms = self._clock.wall_ms_at(self._clock.monotonic_ns())
            is_set = self._clock.is_trustworthy()
            response = self._races.apply(payload, now_ms if is_set else None)
            log.info("race command", **response.model_dump(exclude_none=True))
            if response.result == "accepted":
                self.on_change()
                self._races.forget_before(now_ms)
                await asyncio.to_thread(self._file.save, self._races.to_json())
            return response.to_json()
