"""The backend's leaderboard: what the stream's consumers make of the records. PURE.

Written from the wire contract alone, so that the gateway's own code cannot hide a mistake in it.
"""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Standing:
    """A line of the leaderboard."""

    race_id: int
    racer_id: int
    name: str
    best_output: float
    best_second: int
    seconds_received: int
    is_final: bool  # the racer's race is closed


@dataclass(frozen=True, slots=True)
class RaceReport:
    """How a race came through."""

    race_id: int
    shard_ids: frozenset[str]  # all of a race belongs on one
    duplicates: int  # records whose uuid had been there before
    gaps: int  # seconds missing between a racer's first and last, be it for want of a bike
    late: int  # records after their racer's final: received, but not scored


def score(cadence_rpm: float, resistance_percent: float) -> float:
    """The backend's `output` of one second; it has no unit."""
    return (cadence_rpm + 35) * (resistance_percent + 65) / 100


class Scoreboard:
    """All races of a stream. Shards may come interleaved, each one's records in their order."""

    def __init__(self) -> None:
        self.unreadable = 0  # records that break the wire contract
        self._races: dict[int, _Race] = {}

    def add(self, shard_id: str, record: bytes) -> None:
        """Score one record of a shard, or count what is wrong with it."""
        try:
            message = _Message.from_json(record)
        except (ValueError, KeyError, TypeError):
            self.unreadable += 1
            return
        self._races.setdefault(message.race_id, _Race()).add(shard_id, message)

    def leaderboard(self, race_id: int) -> list[Standing]:
        """Best output first; of equals, whoever reached it first. Empty for an unknown race."""
        race = self._races.get(race_id, _Race())
        standings = [
            Standing(
                race_id=race_id,
                racer_id=racer_id,
                name=racer.name,
                best_output=racer.best_output,
                best_second=racer.best_second,
                seconds_received=len(racer.seconds),
                is_final=racer.is_final,
            )
            for racer_id, racer in race.racers.items()
        ]
        return sorted(standings, key=lambda s: (-s.best_output, s.best_second, s.racer_id))

    def reports(self) -> list[RaceReport]:
        """Every race that has a record, oldest first."""
        return [
            RaceReport(
                race_id=race_id,
                shard_ids=frozenset(race.shard_ids),
                duplicates=race.duplicates,
                gaps=sum(racer.gaps for racer in race.racers.values()),
                late=race.late,
            )
            for race_id, race in sorted(self._races.items())
        ]


@dataclass(frozen=True, slots=True)
class _Message:
    """What of the wire contract the backend reads."""

    uuid: str
    is_final: bool
    race_id: int
    racer_id: int
    name: str
    second: int
    output: float

    @classmethod
    def from_json(cls, record: bytes) -> "_Message":
        """Raises ValueError, KeyError or TypeError for what is no telemetry."""
        message = json.loads(record)
        return cls(
            uuid=str(message["uuid"]),
            is_final={"update": False, "final": True}[message["event"]],
            race_id=int(message["raceId"]),
            racer_id=int(message["racerId"]),
            name=str(message["name"]),
            second=int(message["second"]),
            output=score(message["cadence"], message["resistance"]),
        )


@dataclass(slots=True)
class _Racer:
    name: str
    best_output: float = 0.0
    best_second: int = 0
    seconds: set[int] = field(default_factory=set)
    is_final: bool = False

    @property
    def gaps(self) -> int:
        return max(self.seconds) - min(self.seconds) + 1 - len(self.seconds)


@dataclass(slots=True)
class _Race:
    shard_ids: set[str] = field(default_factory=set)
    uuids: set[str] = field(default_factory=set)
    racers: dict[int, _Racer] = field(default_factory=dict)
    duplicates: int = 0
    late: int = 0

    def add(self, shard_id: str, message: _Message) -> None:
        self.shard_ids.add(shard_id)
        if message.uuid in self.uuids:
            self.duplicates += 1
            return
        self.uuids.add(message.uuid)
        racer = self.racers.setdefault(message.racer_id, _Racer(message.name))
        racer.seconds.add(message.second)
        if racer.is_final:
            self.late += 1
            return
        racer.is_final = message.is_final
        if message.output > racer.best_output:
            racer.best_output = message.output
            racer.best_second = message.second
