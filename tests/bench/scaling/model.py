"""The load of a fleet on the cloud each second, the limits that it reaches, and its cost. Pure.

All racers race without a break and send one message a second each, as with the gateway.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from gateway.cloud.connections import BIKES_PER_CONNECTION
from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import make_telemetry
from tests.bench.scaling import limits
from tests.bench.scaling.limits import Number

SIZES = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
RACE_S = 300
RACERS_PER_RACE = 1_000
#: Functions that read the stream: the live leaderboard, the finals, the history.
FUNCTIONS = 3
#: Shards for each current race: its own, and one for late messages of an earlier race.
SHARDS_PER_RACE = 2
MINUTES_PER_HOUR = 60
RACES_PER_HOUR = 3600 // RACE_S
MILLION = 1_000_000
GB = 2**30


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet of gateways. `bikes`: bikes on each gateway, all of which race."""

    racers: int
    bikes: int = 1
    racers_per_race: int = RACERS_PER_RACE

    @property
    def gateways(self) -> int:
        return ceil(self.racers / self.bikes)

    @property
    def connections(self) -> int:
        return self.gateways * ceil(self.bikes / BIKES_PER_CONNECTION)

    @property
    def races(self) -> int:
        """The number of races at the same time."""
        return ceil(self.racers / self.racers_per_race)

    @property
    def fullest_race(self) -> int:
        """The number of racers in the largest race."""
        return min(self.racers, self.racers_per_race)

    @property
    def shards(self) -> int:
        return self.races * SHARDS_PER_RACE


@dataclass(frozen=True, slots=True)
class Load:
    """The load on one limit, in its unit."""

    limit: Number
    asked: float

    @property
    def share(self) -> float:
        """The load as a fraction of the limit; 1 = the whole limit."""
        return self.asked / self.limit.value


def loads(fleet: Fleet) -> Iterator[Load]:
    """Yield the loads while all racers race; each race has its own shard."""
    yield Load(limits.SHARD_RECORDS, fleet.fullest_race)
    yield Load(limits.SHARD_BYTES, fleet.fullest_race * record_bytes())
    yield Load(limits.PUBLISHES, fleet.racers)
    yield Load(limits.RULES, fleet.racers)
    yield Load(limits.CONNECTIONS, fleet.connections)
    yield Load(limits.CONSUMERS, fleet.shards * FUNCTIONS * limits.BATCHES.value)
    yield Load(limits.SHARDS, fleet.shards)


def record_bytes() -> int:
    """Return the size of an ordinary racer's longest `update`, with its partition key."""
    race = Race(race_id=5_984_158, start_ms=5_984_158 * RACE_S * 1000, length_s=RACE_S)
    message = make_telemetry(
        "gateway-1",
        "bike-001",
        Racer(racer_id=100_000, name="Hayden", class_id=1),
        RaceSecond(race, second=299, end_ns=0),
        Sample(
            present=True,
            cadence_rpm=121.9,
            resistance_percent=85.3,
            power_w=260.5,
            resistance_source=ResistanceSource.CALIBRATED,
        ),
    )
    return len(message.to_json()) + len(str(race.race_id))


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a fleet in dollars an hour."""

    connections: float
    messages: float
    rules: float
    stream: float

    @property
    def total(self) -> float:
        return self.connections + self.messages + self.rules + self.stream

    @property
    def race(self) -> float:
        """The cost of a race of five minutes."""
        return self.total / RACES_PER_HOUR


def cost(fleet: Fleet) -> Cost:
    """Return the cost without consumers, logs, alarms and taxes; connections stay open."""
    millions = fleet.racers * 3600 / MILLION
    minutes = fleet.connections * MINUTES_PER_HOUR / MILLION
    return Cost(
        connections=minutes * limits.CONNECTION_MINUTES.value,
        messages=millions * limits.MESSAGES.value,
        rules=millions * (limits.RULES_TRIGGERED.value + limits.ACTIONS.value),
        stream=fleet.shards * limits.SHARD_HOURS.value + millions * limits.PUT_UNITS.value,
    )


def on_demand_cost(fleet: Fleet) -> float:
    """Return the cost of writing to an on-demand stream, in dollars an hour."""
    written = fleet.racers * 3600 * limits.ON_DEMAND_ROUNDING.value
    return limits.ON_DEMAND_HOURS.value + written / GB * limits.ON_DEMAND_GB.value
