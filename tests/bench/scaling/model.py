"""What a fleet asks of the cloud each second, which limit that reaches, and what it costs. Pure.

All racers race without a break, a message a second each, as the gateway does.
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
#: Shards for each race that is on: its own, and one for what comes late of an earlier race.
SHARDS_PER_RACE = 2
MINUTES_PER_HOUR = 60
RACES_PER_HOUR = 3600 // RACE_S
MILLION = 1_000_000
GB = 2**30


@dataclass(frozen=True, slots=True)
class Fleet:
    """`bikes`: of each gateway, all of them raced."""

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
        """On at the same time."""
        return ceil(self.racers / self.racers_per_race)

    @property
    def fullest_race(self) -> int:
        """Racers."""
        return min(self.racers, self.racers_per_race)

    @property
    def shards(self) -> int:
        return self.races * SHARDS_PER_RACE


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of one limit, in its unit."""

    limit: Number
    asked: float

    @property
    def share(self) -> float:
        """1 = all that there is."""
        return self.asked / self.limit.value


def loads(fleet: Fleet) -> Iterator[Load]:
    """While everybody races; each race has a shard of its own."""
    yield Load(limits.SHARD_RECORDS, fleet.fullest_race)
    yield Load(limits.SHARD_BYTES, fleet.fullest_race * record_bytes())
    yield Load(limits.PUBLISHES, fleet.racers)
    yield Load(limits.RULES, fleet.racers)
    yield Load(limits.CONNECTIONS, fleet.connections)
    yield Load(limits.CONSUMERS, fleet.shards * FUNCTIONS * limits.BATCHES.value)
    yield Load(limits.SHARDS, fleet.shards)


def record_bytes() -> int:
    """The longest `update` of an ordinary racer, and its partition key."""
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
    """Dollars an hour."""

    connections: float
    messages: float
    rules: float
    stream: float

    @property
    def total(self) -> float:
        return self.connections + self.messages + self.rules + self.stream

    @property
    def race(self) -> float:
        """Of five minutes."""
        return self.total / RACES_PER_HOUR


def cost(fleet: Fleet) -> Cost:
    """Without consumers, logs, alarms and taxes; each connection stays."""
    millions = fleet.racers * 3600 / MILLION
    minutes = fleet.connections * MINUTES_PER_HOUR / MILLION
    return Cost(
        connections=minutes * limits.CONNECTION_MINUTES.value,
        messages=millions * limits.MESSAGES.value,
        rules=millions * (limits.RULES_TRIGGERED.value + limits.ACTIONS.value),
        stream=fleet.shards * limits.SHARD_HOURS.value + millions * limits.PUT_UNITS.value,
    )


def on_demand_cost(fleet: Fleet) -> float:
    """Dollars an hour for the stream, if it were one on demand: writing alone."""
    written = fleet.racers * 3600 * limits.ON_DEMAND_ROUNDING.value
    return limits.ON_DEMAND_HOURS.value + written / GB * limits.ON_DEMAND_GB.value
