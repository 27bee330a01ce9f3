"""RemoteControl: carries out race commands and keeps the races over a restart."""

from collections.abc import Iterable

import structlog

from gateway.host.state_file import StateFile, StateFiles
from gateway.race.commanded import BikeRaces, Dropped, RemoteRaces
from gateway.race.commands import Response
from gateway.terminal.units import counted
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
        """Change the set of bikes; bikes that remain keep their races. `save` it afterwards."""
        self._races.serve(bike_ids, self._now_ms())

    def end_unserved(self) -> None:
        """End the races in progress of bikes that left the config before this start."""
        now_ms = self._now_ms()
        if now_ms is not None:
            self._races.end_unserved(now_ms)

    async def save(self) -> None:
        """Write the races to disk, if it lets us."""
        await self._file.save(self._content)

    def races_of(self, bike_id: str) -> BikeRaces:
        return self._races.of(bike_id)

    async def handle(self, payload: bytes) -> bytes:
        """Carry out a command and return its response.

        The command takes effect at once; the response waits until it is saved.
        """
        response = self._races.apply(payload, self._now_ms())
        write = log.info if response.warning is None else log.warning
        write("race command", **_facts(response))
        if response.ok:
            await self.save()
            if self._file.unsaved is not None:
                response = response.unsaved(self._file.unsaved)
        return response.to_json()

    def _content(self) -> bytes:
        """Return the races to save, without those that ended long ago."""
        now_ms = self._now_ms()
        if now_ms is not None:
            self._races.forget_before(now_ms - KEPT_MS)
        return self._races.to_json()

    def _now_ms(self) -> int | None:
        """Return the time of the wall clock; None while it is not set."""
        if not self._clock.is_trustworthy():
            return None
        self._clock.reanchor()
        return self._clock.wall_ms_at(self._clock.monotonic_ns())


def _facts(response: Response) -> dict[str, object]:
    """Return what the log has of a response.

    `bike` is one of this gateway's, of which the log counts the repeats apart; `bike_id` is
    whatever a refused command has.
    """
    facts = response.model_dump(exclude_none=True)
    if response.ok:
        facts["bike"] = facts.pop("bike_id")
    return facts


def open_remote_control(
    files: StateFiles, bike_ids: Iterable[str], clock: GatewayClock
) -> RemoteControl:
    """Return the RemoteControl of these bikes, with the races of an earlier process restored."""
    races = RemoteRaces(bike_ids)
    dropped: list[Dropped] = []
    file = files.load(
        "races.json", "commanded races", lambda content: dropped.extend(races.restore(content))
    )
    for one in dropped:
        _log_dropped(one)
    if dropped:
        race = counted(len(dropped), "commanded race")
        file.notes.append(
            f"{race} in {file.path} cannot be ridden; the log has the reasons. To ride such a "
            "race, correct what the log names, and send its start command again"
        )
    control = RemoteControl(races, file, clock)
    control.end_unserved()
    return control


def _log_dropped(dropped: Dropped) -> None:
    race = dropped.race
    log.warning(
        "commanded race dropped",
        bike=dropped.bike_id,
        race_id=race.race_id,
        racer_id=race.racer.racer_id if race.racer else None,
        reason=dropped.reason,
    )
