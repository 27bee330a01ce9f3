"""What a race shows at one moment, and what it adds up to at the end. Pure.

The sessions of demo and fleet fill both; the view draws them. What only one of the two can tell
is optional.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.leaderboard import Standing, StreamResult, differences
from gateway.timing.units import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of some times, in ms; all 0 if there were none."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, times_ns: Sequence[int]) -> "Percentiles":
        """Return those of `times_ns`, which may come in any order."""
        ordered = sorted(times_ns) or [0]
        last = len(ordered) - 1
        p50, p99, most = (ordered[round(last * part)] for part in (0.5, 0.99, 1.0))
        return cls(*(round(ns / NS_PER_MS, 1) for ns in (p50, p99, most)))


class RaceStage(Enum):
    """How far a race is."""

    CONNECTING = auto()
    COUNTDOWN = auto()
    RACING = auto()
    ARRIVING = auto()


@dataclass(frozen=True, slots=True)
class RaceMoment:
    """A moment of a race. `second`: of the race; until the start while counting down."""

    stage: RaceStage
    second: int = 0

    @classmethod
    def at(cls, since_start_ns: int, race_s: int) -> "RaceMoment":
        """Return the moment `since_start_ns` after the start; before it if negative."""
        since_s = since_start_ns // NS_PER_S
        if since_s < 0:
            return cls(RaceStage.COUNTDOWN, -since_s)
        if since_s >= race_s:
            return cls(RaceStage.ARRIVING, race_s)
        return cls(RaceStage.RACING, since_s + 1)


@dataclass(frozen=True, slots=True)
class MessageCount:
    """How many messages have come to some point; `latency`: of those since the last scene."""

    where: str
    total: int
    per_s: float | None = None
    latency: Percentiles | None = None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A racer on the leaderboard. `standing`: None until something of theirs has arrived.

    `gained`: places since the last scene. `buffered`, `is_online`: of a gateway of their own.
    """

    name: str
    standing: Standing | None
    sample: Sample | None
    gained: int | None = None
    class_id: int | None = None
    buffered: int | None = None
    is_online: bool | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see at one moment.

    `at_ns`: monotonic. `reason`: why the last connection was lost. `board`: may be cut short.
    """

    at_ns: int
    moment: RaceMoment
    target: str
    race_s: int
    racers: int
    races: int
    connections: int
    connected: int
    counts: tuple[MessageCount, ...]
    board: tuple[BoardRow, ...]
    reason: str = ""
    network_is_up: bool = True


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What came out of the stream, and in what the backend's leaderboard differs from ours."""

    records: int
    duplicates: int
    unreadable: int
    rule_failures: int
    shards: dict[int, list[str]]
    same_racers: int
    differences: list[str]

    @classmethod
    def of(cls, result: StreamResult, ours: Sequence[Standing]) -> "StreamReport":
        """Hold `result` against the standings that what was produced makes."""
        found = differences(ours, result.standings)
        return cls(
            records=result.records,
            duplicates=result.duplicates,
            unreadable=result.unreadable,
            rule_failures=result.rule_failures,
            shards=result.shards,
            same_racers=len(ours) - len(found),
            differences=[str(difference) for difference in found],
        )

    @property
    def arrived(self) -> int:
        """Messages that are in the stream, once or more often."""
        return self.records - self.duplicates

    @property
    def scattered(self) -> list[int]:
        """Races on more than one shard: ids."""
        return [race_id for race_id, shards in self.shards.items() if len(shards) > 1]

    def ok(self, produced: int) -> bool:
        """Every message is there, each race on one shard, each racer with the same score."""
        return self.arrived == produced and not self.differences and not self.scattered


@dataclass(frozen=True, slots=True)
class OutageReport:
    """What only a demo has: the network was cut. `most_buffered`: messages, over all gateways."""

    outage_s: int
    most_buffered: int


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What only a fleet counts. Times are since the end of the second that a message is about.

    `expected`: a message for each racer and second. `cores`: CPU of this process while racing.
    """

    target: str
    races: int
    connections: int
    expected: int
    sent: int
    acknowledged: int
    set_aside: int
    leftover: int
    drops: int
    reason: str
    to_publish: Percentiles
    to_puback: Percentiles
    cores: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Summary:
    """How a race ended. `stream`: None if nobody can read it."""

    racers: int
    race_s: int
    seed: int
    produced: int
    stream: StreamReport | None
    leaderboard: list[Standing]
    interrupted: bool = False
    outage: OutageReport | None = None
    delivery: DeliveryReport | None = None

    @property
    def ok(self) -> bool:
        """Every second that must be was made, acknowledged, and found in the stream."""
        delivery, stream = self.delivery, self.stream
        if delivery and not delivery.expected == self.produced == delivery.acknowledged:
            return False
        return stream is None or stream.ok(self.produced)
