"""What there is to see of a fleet, and to count of it at the end. PURE."""

from dataclasses import dataclass
from enum import Enum

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.fleet.meter import Spread


class Phase(Enum):
    """Where the fleet is."""

    CONNECTING = "connecting"
    COUNTDOWN = "start in"
    RACING = "second"
    ARRIVING = "race over, waiting for the last acknowledgements"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the leaderboard. `gained`: places since the last scene."""

    standing: Standing
    class_id: int
    sample: Sample | None
    gained: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see at one moment. Rates are over the time since the last scene.

    `second`: of the race; until the start while counting down. `in_stream`: None if nobody can read
    the stream.
    """

    target: str
    phase: Phase
    second: int
    race_s: int
    racers: int
    races: int
    connections: int
    connected: int
    produced: int
    produced_per_s: float
    acknowledged: int
    acknowledged_per_s: float
    in_stream: int | None
    latency: Spread
    reason: str
    board: tuple[Line, ...]


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

    def ok(self, produced: int) -> bool:
        """Every message is there, each race on one shard, each racer with the same score."""
        return (
            self.records - self.duplicates == produced
            and not self.differences
            and all(len(ids) == 1 for ids in self.shards.values())
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """How it ended. Times are since the end of the second that a message is about.

    `expected`: a message for each racer and second. `cores`: CPU of this process while racing.
    """

    target: str
    racers: int
    races: int
    connections: int
    race_s: int
    seed: int
    interrupted: bool
    expected: int
    produced: int
    sent: int
    acknowledged: int
    set_aside: int
    leftover: int
    drops: int
    reason: str
    to_publish: Spread
    to_puback: Spread
    cores: float
    peak_mib: float
    stream: StreamReport | None
    leaderboard: list[Standing]

    @property
    def ok(self) -> bool:
        """Every second of every racer was made, acknowledged, and found in the stream."""
        whole = self.expected == self.produced == self.acknowledged
        return whole and (self.stream is None or self.stream.ok(self.produced))
