"""Who rides what over which connection, and which limits that comes near. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.host.errors import USAGE, GatewayError
from gateway.race.races import Race, Racer
from gateway.simulation.names import name_of

#: IoT Core discards beyond 100 publishes/s on a connection; so many leave room for a resend.
RACERS_PER_CONNECTION = 80
#: New connections a second. An account may make 500 by default; newer lists say 3,000, and fewer in
#: some regions ("AWS IoT Core endpoints and quotas", message broker).
CONNECTS_PER_S = 80
#: What a shard takes (Kinesis Data Streams, "Quotas and limits"); all of a race lies on one.
SHARD_RECORDS_PER_S = 1000


class PlanError(GatewayError):
    """Such a fleet cannot be. The text says why and what would do."""

    exit_code = USAGE


class FleetError(GatewayError):
    """Machine, cloud or network do not let it race. The text says what to do."""


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What was asked for. `connections`: None = one for each racer."""

    racers: int
    race_s: int
    connections: int | None = None
    races: int = 1
    classes: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Assignment:
    """One racer's bike, race and connection, the last two counted from 0."""

    racer: Racer
    bike_id: str
    seed: int
    race: int
    connection: int


class Plan:
    """The whole fleet. Raises PlanError if it cannot be."""

    def __init__(self, options: FleetOptions) -> None:
        self.options = options
        self.connections = options.racers if options.connections is None else options.connections
        self._check()

    @property
    def messages(self) -> int:
        return self.options.racers * self.options.race_s

    @property
    def racers_per_race(self) -> int:
        """Of the fullest one."""
        return -(-self.options.racers // self.options.races)

    @property
    def connecting_s(self) -> float:
        return self.connections / CONNECTS_PER_S

    @property
    def warnings(self) -> list[str]:
        if self.racers_per_race <= SHARD_RECORDS_PER_S:
            return []
        excess = self.racers_per_race - SHARD_RECORDS_PER_S
        return [
            f"{self.racers_per_race:,} racers in one race: all of it goes to one Kinesis shard, "
            f"which takes {SHARD_RECORDS_PER_S:,} records/s; AWS would throttle {excess:,} a "
            f"second, a Kinesis emulator does not. --races "
            f"{-(-self.options.racers // SHARD_RECORDS_PER_S)} would fit"
        ]

    def assignments(self) -> Iterator[Assignment]:
        """Yield those of racers 1 …

        Neighbours share a connection, and take turns at races and classes.
        """
        options = self.options
        for index in range(options.racers):
            number = index + 1
            yield Assignment(
                Racer(number, name_of(number), options.classes[index % len(options.classes)]),
                f"bike-{number:04}",
                options.seed * 10_000 + number,  # as `demo` has it: the same rides
                index % options.races,
                index * self.connections // options.racers,
            )

    def races_from(self, start_ms: int) -> list[Race]:
        """All at once. A single one has the id of a continuous race that starts then."""
        window = start_ms // (self.options.race_s * 1000)
        first_id = window * self.options.races
        return [
            Race(first_id + number, start_ms, self.options.race_s)
            for number in range(self.options.races)
        ]

    def _check(self) -> None:
        racers = self.options.racers
        least = -(-racers // RACERS_PER_CONNECTION)
        if not least <= self.connections <= racers:
            raise PlanError(
                f"--connections {self.connections} for {racers} racers: expected {least} … {racers}"
                f", since a connection carries at most {RACERS_PER_CONNECTION} racers (IoT Core "
                "takes 100 publishes a second on one) and nobody needs two"
            )
        if self.options.races > racers:
            raise PlanError(
                f"--races {self.options.races} for {racers} racers: expected at most {racers}"
            )
