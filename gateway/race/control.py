"""RemoteControl: carries out race commands and keeps the races over a restart."""

from collections.abc import Iterable
from pathlib import Path

import structlog

from gateway.host.state_file import StateFile
from gateway.race.commanded import BikeRaces, RemoteRaces
from gateway.race.races import MAX_ID, Race
from gateway.timing.clock import GatewayClock

#: How long ended races are kept, in milliseconds: undated seconds may still belong to them.
KEPT_MS = 86_400_000

log = structlog.get_logger()


class RemoteControl:
    """The races of all bikes, changed by commands; race clocks are notified of each change."""

    def __init__(self, races: RemoteRaces, file: StateFile, clock: GatewayClock) -> None:
        self._races = races
        self._file = file
        self._clock = clock

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
        write = log.info if response.warning is None else log.warning
        write("race command", **response.model_dump(exclude_none=True))
        if response.result == "accepted" and is_set:
            self._races.forget_before(now_ms - KEPT_MS)
        if response.ok:
            await self._file.save(self._races.to_json)
        return response.to_json()


def open_remote_control(
    state_dir: Path, bike_ids: Iterable[str], clock: GatewayClock
) -> RemoteControl:
    """Return the RemoteControl of these bikes, with the races of an earlier process restored."""
    races = RemoteRaces(bike_ids)
    file = StateFile(state_dir / "races.json", "commanded races")

    def restore(content: bytes) -> None:
        for bike_id, race in races.restore(content):
            _log_dropped(bike_id, race)

    file.load(restore)
    return RemoteControl(races, file, clock)


def _log_dropped(bike_id: str, race: Race) -> None:
    log.warning(
        "commanded race dropped",
        bike=bike_id,
        race_id=race.race_id,
        racer_id=race.racer.racer_id if race.racer else None,
        reason="the id of the race or of its racer is too large: JavaScript confuses ids above "
        f"{MAX_ID}; start the race again with smaller ids",
    )
