"""View models of demo and fleet: the Scene at one moment and the Summary at the end. Pure.

The sessions of demo and fleet fill both; the view draws them. Fields that only one of the two can
fill are optional.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import (
    Standing,
    StreamResult,
    class_board,
    differences,
)
from gateway.timing.units import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of some times, in ms; all 0 if there were none."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, times_ns: Sequence[int]) -> "Percentiles":
        """Return the percentiles of `times_ns`, which may be in any order."""
        ordered = sorted(times_ns) or [0]
        last = len(ordered) - 1
        p50, p99, most = (ordered[round(last * part)] for part in (0.5, 0.99, 1.0))
        return cls(*(round(ns / NS_PER_MS, 1) for ns in (p50, p99, most)))


class RaceStage(Enum):
    """The stages of a race."""

    CONNECTING = auto()
    COUNTDOWN = auto()
    RACING = auto()
    ARRIVING = auto()


@dataclass(frozen=True, slots=True)
class RaceMoment:
    """A moment of a race. `second`: the race's current second; in the countdown, seconds left."""

    stage: RaceStage
    second: int = 0

    @classmethod
    def at(cls, since_start_ns: int, race_s: int) -> "RaceMoment":
        """Return the moment `since_start_ns` after the start (before the start if negative)."""
        since_s = since_start_ns // NS_PER_S
        if since_s < 0:
            return cls(RaceStage.COUNTDOWN, -since_s)
        if since_s >= race_s:
            return cls(RaceStage.ARRIVING, race_s)
        return cls(RaceStage.RACING, since_s + 1)


@dataclass(frozen=True, slots=True)
class OutageSpan:
    """The time without a network, in seconds since the start of the race."""

    from_s: float
    to_s: float

    def __contains__(self, since_start_s: float) -> bool:
        return self.from_s <= since_start_s < self.to_s


@dataclass(frozen=True, slots=True)
class MessageCount:
    """The number of messages that have reached `where`.

    `latency` covers only those since the last scene.
    """

    where: str
    total: int
    per_s: float | None = None
    latency: Percentiles | None = None


class GatewayState(Enum):
    """The state of a gateway, in words."""

    LIVE = "live"
    KEEPING = "keeping"
    CATCHING_UP = "catching up"
    BIKE_LOST = "bike lost"

    @classmethod
    def of(cls, *, is_online: bool, buffered: int, has_bike: bool = True) -> "GatewayState":
        """Return the state of a gateway with this many messages in its buffer."""
        if not has_bike:
            return cls.BIKE_LOST
        if not is_online:
            return cls.KEEPING
        # The running second's message may be on its way.
        return cls.CATCHING_UP if buffered > 1 else cls.LIVE


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A racer's row on the leaderboard. `standing`: None until one of their messages has arrived.

    `gained`: places gained since the last scene. `buffered`, `is_online`: state of the racer's own
    gateway.
    """

    name: str
    standing: Standing | None
    sample: Sample | None
    gained: int | None = None
    buffered: int | None = None
    is_online: bool | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """The state of a race at one moment.

    `at_ns`: monotonic time. `reason`: why the last connection was lost. `board`: the racers,
    the leader first. `gateways`: one for each connection, in order. `arrivals`: None if the stream
    cannot be read. `network_is_up`: None if there is no network to cut. `outage`: None in a race
    that keeps its network.
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
    gateways: tuple[GatewayState, ...] = ()
    arrivals: Arrivals | None = None
    reason: str = ""
    network_is_up: bool | None = None
    outage: OutageSpan | None = None


@dataclass(frozen=True, slots=True)
class StreamReport:
    """The content of the stream, and how the backend's numbers differ from ours."""

    records: int
    duplicates: int
    unreadable: int
    rule_failures: int
    shards: dict[int, list[str]]
    same_racers: int
    differences: list[str]

    @classmethod
    def of(cls, result: StreamResult, ours: Sequence[Standing]) -> "StreamReport":
        """Compare `result` with `ours`, the standings computed from the messages produced."""
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
        """The number of messages in the stream, without duplicates."""
        return self.records - self.duplicates

    @property
    def scattered(self) -> list[int]:
        """The ids of races that are on more than one shard."""
        return [race_id for race_id, shards in self.shards.items() if len(shards) > 1]

    def ok(self, produced: int) -> bool:
        """Return whether all messages arrived, each race on one shard, with equal numbers."""
        return self.arrived == produced and not self.differences and not self.scattered


@dataclass(frozen=True, slots=True)
class OutageReport:
    """The outage of a demo. `most_buffered`: most messages buffered at once, in all gateways."""

    outage_s: int
    most_buffered: int


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The figures that only a fleet has. Times are from the end of a message's second.

    `expected`: one message for each racer and second. `cores`: CPU use of this process in the race.
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
    """The outcome of a race. `stream`: None if the stream cannot be read.

    `leaderboard`: the backend's; ours if the stream cannot be read.
    """

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
    def class_board(self) -> list[Standing]:
        """The races in which the racers rode their personal records, by class, best first."""
        return class_board(self.leaderboard)

    @property
    def ok(self) -> bool:
        """Whether every expected second was produced, acknowledged and found in the stream."""
        delivery, stream = self.delivery, self.stream
        if delivery and not delivery.expected == self.produced == delivery.acknowledged:
            return False
        return stream is None or stream.ok(self.produced)
