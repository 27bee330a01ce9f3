"""The numbers that the original backend keeps of the stream. Pure.

Per race and racer these are *here now* (also the race results) and the *final result*; per class
and racer, the *personal record*. The rules are those of its consumers, not of the gateway, so that
both cannot share a mistake. docs/scores.md explains them.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

#: A consumer gets at most this many records at once; a poll that returns more is several batches.
BATCH_RECORDS = 1000

#: The fields in which two standings of the same racer must agree. `here_now` is not one of them: it
#: depends on which seconds arrive in the same poll, which only the stream knows.
COMPARED = (
    "name",
    "class_id",
    "final_result",
    "personal_record",
    "best_output",
    "best_second",
    "seconds_received",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A racer's numbers in one race.

    `here_now`: the best output of the racer's last batch. `final_result`: the output of the
    `final` second; None without one. `personal_record`: the racer's highest final result so far in
    this class. The backend keeps no best second of a race.
    """

    race_id: int
    class_id: int
    racer_id: int
    name: str
    here_now: float
    final_result: float | None
    personal_record: float | None
    best_output: float
    best_second: int
    seconds_received: int


@dataclass(frozen=True, slots=True)
class RaceReport:
    """Statistics of the records of one race."""

    race_id: int
    class_id: int  # the backend files the race under the class of its last record
    shard_ids: frozenset[str]  # a whole race belongs on one shard
    duplicates: int  # records whose uuid had arrived before
    gaps: int  # seconds missing between a racer's first and last, for any reason
    late: int  # records after their racer's final one


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
    """Return the backend's `output` of one second, rounded to four decimals; it has no unit."""
    output = (cadence_rpm + 35) * (resistance_percent + 65) / 100
    # Like the backend, move the decimal point in the text: a product could fall below a half.
    return math.floor(float(f"{output!r}e4") + 0.5) / 10_000


class Leaderboard:
    """The numbers of all races in a stream.

    Like the original consumers, it counts a duplicate or late record like any other. This changes
    here now, but neither a final result nor a personal record. The original stops at a record that
    it cannot read; here, such records are only counted.
    """

    def __init__(self) -> None:
        self.unreadable = 0  # records that break the wire contract
        self._batches = 0
        self._races: dict[int, _RaceScores] = {}
        #: By class and racer.
        self._personal_records: dict[tuple[int, int], float] = {}

    def add_poll(self, shard_id: str, records: Sequence[bytes]) -> None:
        """Score the records that one poll of a shard returned, in order."""
        for first in range(0, len(records), BATCH_RECORDS):
            self._add_batch(shard_id, records[first : first + BATCH_RECORDS])

    def standings(self) -> list[Standing]:
        """Return the standing of every racer in every race, ranked."""
        return ranked(
            Standing(
                race_id=race_id,
                class_id=racer.class_id,
                racer_id=racer_id,
                name=racer.name,
                here_now=racer.here_now,
                final_result=racer.final_result,
                personal_record=self._personal_records.get((racer.class_id, racer_id)),
                best_output=racer.best_output,
                best_second=racer.best_second,
                seconds_received=len(racer.seconds),
            )
            for race_id, race in self._races.items()
            for racer_id, racer in race.racers.items()
        )

    def reports(self) -> list[RaceReport]:
        """Return a report on each race that has a record, oldest first."""
        return [
            RaceReport(
                race_id=race_id,
                class_id=race.class_id,
                shard_ids=frozenset(race.shard_ids),
                duplicates=race.duplicates,
                gaps=sum(racer.gaps for racer in race.racers.values()),
                late=race.late,
            )
            for race_id, race in sorted(self._races.items())
        ]

    def _add_batch(self, shard_id: str, records: Sequence[bytes]) -> None:
        self._batches += 1
        for record in records:
            try:
                second = _ScoredSecond.from_json(record)
            except (ValueError, KeyError, TypeError):
                self.unreadable += 1
                continue
            race = self._races.setdefault(second.race_id, _RaceScores())
            race.add(shard_id, self._batches, second)
            if second.is_final:
                key = second.class_id, second.racer_id
                best = self._personal_records.get(key, second.output)
                self._personal_records[key] = max(best, second.output)


@dataclass(frozen=True, slots=True)
class _ScoredSecond:
    """The fields of the wire contract that the backend reads."""

    uuid: str
    is_final: bool
    race_id: int
    class_id: int
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
            class_id=int(message["classId"]),
            racer_id=int(message["racerId"]),
            name=str(message["name"]),
            second=int(message["second"]),
            output=score(message["cadence"], message["resistance"]),
        )


@dataclass(slots=True)
class _RacerScore:
    name: str
    class_id: int = 0
    batch: int = 0  # the last one with a record of this racer
    here_now: float = 0.0
    final_result: float | None = None
    best_output: float = 0.0
    best_second: int = 0
    seconds: set[int] = field(default_factory=set)

    @property
    def gaps(self) -> int:
        return max(self.seconds) - min(self.seconds) + 1 - len(self.seconds)

    def add(self, batch: int, second: _ScoredSecond) -> None:
        is_first = batch != self.batch
        self.here_now = second.output if is_first else max(self.here_now, second.output)
        self.batch = batch
        self.class_id = second.class_id
        self.seconds.add(second.second)
        if second.is_final:
            self.final_result = second.output
        if (second.output, -second.second) > (self.best_output, -self.best_second):
            self.best_output, self.best_second = second.output, second.second


@dataclass(slots=True)
class _RaceScores:
    class_id: int = 0
    shard_ids: set[str] = field(default_factory=set)
    uuids: set[str] = field(default_factory=set)
    racers: dict[int, _RacerScore] = field(default_factory=dict)
    duplicates: int = 0
    late: int = 0

    def add(self, shard_id: str, batch: int, second: _ScoredSecond) -> None:
        self.class_id = second.class_id
        self.shard_ids.add(shard_id)
        racer = self.racers.setdefault(second.racer_id, _RacerScore(second.name))
        if second.uuid in self.uuids:
            self.duplicates += 1
        else:
            self.uuids.add(second.uuid)
            self.late += racer.final_result is not None
        racer.add(batch, second)


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
            f"{field.replace('_', ' ')} {_number(getattr(self.ours, field))} → "
            f"{_number(getattr(self.theirs, field))}"
            for field in COMPARED
            if getattr(self.ours, field) != getattr(self.theirs, field)
        ]
        return f"{who}: {', '.join(changes)}"


def _number(value: object) -> str:
    return "none" if value is None else str(value)


def ranked(standings: Iterable[Standing]) -> list[Standing]:
    """Return the standings by final result; those without one follow, by here now."""
    return sorted(standings, key=_rank)


def _rank(one: Standing) -> tuple[bool, float, int]:
    if one.final_result is None:
        return True, -one.here_now, one.racer_id
    return False, -one.final_result, one.racer_id


def class_board(standings: Iterable[Standing]) -> list[Standing]:
    """Return the standing in which each racer rode the personal record, by class, best first."""
    ridden = {
        (one.class_id, one.racer_id): one
        for one in standings
        if one.final_result is not None and one.final_result == one.personal_record
    }
    return sorted(ridden.values(), key=lambda one: (one.class_id, *_rank(one)))


def differences(ours: Iterable[Standing], theirs: Sequence[Standing]) -> list[Difference]:
    """Return a Difference for each of our standings that the backend lacks, or disagrees with."""
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
