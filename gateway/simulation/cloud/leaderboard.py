"""The backend's leaderboard, computed from the records of the stream. Pure.

It is written from the wire contract alone, so that it cannot share a mistake with the gateway.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: The fields in which two standings of the same racer must agree.
COMPARED = ("name", "best_output", "best_second", "seconds_received", "is_final")


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
    """Statistics of the records of one race."""

    race_id: int
    shard_ids: frozenset[str]  # a whole race belongs on one shard
    duplicates: int  # records whose uuid had arrived before
    gaps: int  # seconds missing between a racer's first and last, for any reason
    late: int  # records after their racer's final one: received, but not scored


@dataclass(frozen=True, slots=True)
class StreamResult:
    """The backend's results for the stream; `shards` lists the shard ids of each race."""

    records: int
    duplicates: int
    unreadable: int
    rule_failures: int
    shards: dict[int, list[str]]
    standings: list[Standing]


def score(cadence_rpm: float, resistance_percent: float) -> float:
    """Return the backend's `output` of one second; it has no unit."""
    return (cadence_rpm + 35) * (resistance_percent + 65) / 100


class Leaderboard:
    """The scores of all races in a stream.

    Shards may be interleaved; the records of one shard must be added in order.
    """

    def __init__(self) -> None:
        self.unreadable = 0  # records that break the wire contract
        self._races: dict[int, _RaceScores] = {}

    def add(self, shard_id: str, record: bytes) -> None:
        """Score one record of a shard, or count it as unreadable."""
        try:
            second = _ScoredSecond.from_json(record)
        except (ValueError, KeyError, TypeError):
            self.unreadable += 1
            return
        self._races.setdefault(second.race_id, _RaceScores()).add(shard_id, second)

    def standings(self) -> list[Standing]:
        """Return the standing of every racer in every race, ranked."""
        return ranked(
            Standing(
                race_id=race_id,
                racer_id=racer_id,
                name=racer.name,
                best_output=racer.best_output,
                best_second=racer.best_second,
                seconds_received=len(racer.seconds),
                is_final=racer.is_final,
            )
            for race_id, race in self._races.items()
            for racer_id, racer in race.racers.items()
        )

    def reports(self) -> list[RaceReport]:
        """Return a report on each race that has a record, oldest first."""
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
class _ScoredSecond:
    """The fields of the wire contract that the backend reads."""

    uuid: str
    is_final: bool
    race_id: int
    racer_id: int
    name: str
    second: int
    output: float

    @classmethod
    def from_json(cls, record: bytes) -> "_ScoredSecond":
        """Parse a record. Raises ValueError, KeyError or TypeError if it is not telemetry."""
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
class _RacerScore:
    name: str
    best_output: float = 0.0
    best_second: int = 0
    seconds: set[int] = field(default_factory=set)
    is_final: bool = False

    @property
    def gaps(self) -> int:
        return max(self.seconds) - min(self.seconds) + 1 - len(self.seconds)


@dataclass(slots=True)
class _RaceScores:
    shard_ids: set[str] = field(default_factory=set)
    uuids: set[str] = field(default_factory=set)
    racers: dict[int, _RacerScore] = field(default_factory=dict)
    duplicates: int = 0
    late: int = 0

    def add(self, shard_id: str, second: _ScoredSecond) -> None:
        self.shard_ids.add(shard_id)
        if second.uuid in self.uuids:
            self.duplicates += 1
            return
        self.uuids.add(second.uuid)
        racer = self.racers.setdefault(second.racer_id, _RacerScore(second.name))
        racer.seconds.add(second.second)
        if racer.is_final:
            self.late += 1
            return
        racer.is_final = second.is_final
        if second.output > racer.best_output:
            racer.best_output = second.output
            racer.best_second = second.second


@dataclass(frozen=True, slots=True)
class Difference:
    """A racer on whom the boards differ. `theirs` is None if the backend has no such racer."""

    ours: Standing
    theirs: Standing | None

    def __str__(self) -> str:
        who = f"{self.ours.name} (racer {self.ours.racer_id}, race {self.ours.race_id})"
        if self.theirs is None:
            return f"{who} is missing from the stream"
        changes = [
            f"{field.replace('_', ' ')} {getattr(self.ours, field)} → {getattr(self.theirs, field)}"
            for field in COMPARED
            if getattr(self.ours, field) != getattr(self.theirs, field)
        ]
        return f"{who}: {', '.join(changes)}"


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """Return the standings by best output; among equals, the one reached first comes first."""
    return sorted(standings, key=lambda one: (-one.best_output, one.best_second, one.racer_id))


def differences(ours: Iterable[Standing], theirs: Sequence[Standing]) -> list[Difference]:
    """Return a Difference for each of our standings that the backend lacks or has differently."""
    known = {(one.race_id, one.racer_id): one for one in theirs}
    found = []
    for mine in ours:
        other = known.get((mine.race_id, mine.racer_id))
        if other is None or any(getattr(mine, f) != getattr(other, f) for f in COMPARED):
            found.append(Difference(mine, other))
    return found


class Movement:
    """The change of places between two looks at the leaderboard."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def gained(self, board: Sequence[Standing]) -> dict[int, int]:
        """Return the places gained since the last call, by racer: 0 at first, negative if lost."""
        places = {one.racer_id: place for place, one in enumerate(board)}
        gained = {id_: self._places.get(id_, place) - place for id_, place in places.items()}
        self._places = places
        return gained
