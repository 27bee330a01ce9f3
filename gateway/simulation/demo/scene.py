"""What there is to see of a demo, and to count of it."""

from collections import Counter
from dataclasses import dataclass, field

from gateway.race.races import Race
from gateway.simulation.cloud.consumer import Standing
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry


@dataclass(slots=True)
class Tally:
    """Every message by its uuid, where it was produced and where it must arrive."""

    produced: set[str] = field(default_factory=set)
    finals: int = 0
    arrived: Counter[str] = field(default_factory=Counter)
    most_buffered: int = 0

    def on_telemetry(self, telemetry: Telemetry) -> None:
        self.produced.add(telemetry.uuid)
        self.finals += telemetry.is_final

    @property
    def lost(self) -> int:
        return len(self.produced - self.arrived.keys())

    @property
    def duplicates(self) -> int:
        return self.arrived.total() - len(self.arrived)


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see at one moment."""

    race: Race
    now_ms: int
    network_up: bool
    gateways: tuple[GatewayStatus, ...]
    standings: tuple[Standing, ...]
    produced: int
    in_kinesis: int

    @property
    def buffered(self) -> int:
        return sum(status.buffer.depth for status in self.gateways)


@dataclass(frozen=True, slots=True)
class Summary:
    """How it ended. `ok`: nothing lost, each race on one shard."""

    racers: int
    produced: int
    in_kinesis: int
    lost: int
    duplicates: int
    shards: dict[str, list[str]]
    race_s: int
    outage_s: int
    seed: int
    most_buffered: int
    rule_failures: int
    leaderboard: tuple[Standing, ...]

    @property
    def ok(self) -> bool:
        return self.lost == 0 and all(len(shards) == 1 for shards in self.shards.values())
