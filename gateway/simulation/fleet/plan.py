"""Assigns racers to bikes, races and connections, and checks the limits of AWS. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.host.errors import USAGE, GatewayError
from gateway.race.races import ContinuousRaces, Race, Racer
from gateway.simulation.names import name_of

#: A connection carries at most this many racers. IoT Core discards what exceeds 100 publishes/s on
#: one; the rest is room for resends.
RACERS_PER_CONNECTION = 80
#: New connections a second. By default, an account may open 500; newer lists give 3,000, and fewer
#: in some regions ("AWS IoT Core endpoints and quotas", message broker).
CONNECTS_PER_S = 80
#: A shard accepts at most this many records a second (Kinesis Data Streams, "Quotas and limits"). A
#: whole race is on one shard.
SHARD_RECORDS_PER_S = 1000
#: The difference between the ids of simultaneous races of a class: larger than any id of a
#: continuous race until 2200. It leaves the last digit unchanged, which is the class.
ID_STEP = 10**11


class PlanError(GatewayError):
    """The requested fleet is impossible. The message gives the reason and what is possible."""

    exit_code = USAGE


class FleetError(GatewayError):
    """A computer, cloud or network that prevents the race. The message gives reason and remedy."""


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """The user's options for a fleet. `connections`: None = one for each racer.

    `classes`: the races take them in turn; a whole race is ridden in one class.
    """

    racers: int
    race_s: int
    connections: int | None = None
    races: int = 1
    classes: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Assignment:
    """One racer's bike, race and connection; race and connection count from 0."""

    racer: Racer
    bike_id: str
    seed: int
    race: int
    connection: int


class Plan:
    """The plan of a whole fleet. Raises PlanError if the options are impossible."""

    def __init__(self, options: FleetOptions) -> None:
        self.options = options
        self.connections = options.racers if options.connections is None else options.connections
        self._check()

    @property
    def messages(self) -> int:
        return self.options.racers * self.options.race_s

    @property
    def race_classes(self) -> list[int]:
        """The class of each race."""
        classes = self.options.classes
        return [classes[race % len(classes)] for race in range(self.options.races)]

    @property
    def racers_per_race(self) -> int:
        """The number of racers in the largest race."""
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
            f"{self.racers_per_race:,} racers in one race: all records go to one Kinesis shard, "
            f"which accepts {SHARD_RECORDS_PER_S:,} a second; AWS would throttle {excess:,} a "
            "second (a Kinesis emulator does not). To stay within the limit, use --races "
            f"{-(-self.options.racers // SHARD_RECORDS_PER_S)}"
        ]

    def assignments(self) -> Iterator[Assignment]:
        """Yield the assignment of each racer, from racer 1 on.

        Neighbouring racers share a connection; races rotate from racer to racer.
        """
        options, race_classes = self.options, self.race_classes
        for index in range(options.racers):
            number, race = index + 1, index % options.races
            yield Assignment(
                Racer(number, name_of(number), race_classes[race]),
                f"bike-{number:04}",
                options.seed * 10_000 + number,  # as in `demo`, for the same rides
                race,
                index * self.connections // options.racers,
            )

    def races_from(self, start_ms: int) -> list[Race]:
        """Return the races, all of which start at `start_ms`.

        The first race of a class has the id of its continuous race that is on then. No other
        continuous race has one of the ids.
        """
        length_s = self.options.race_s
        races, raced = [], Counter[int]()
        for class_id in self.race_classes:
            continuous = ContinuousRaces(length_s, class_id=class_id).race_at(start_ms)
            race_id = continuous.race_id + raced[class_id] * ID_STEP
            races.append(Race(race_id, start_ms, length_s))
            raced[class_id] += 1
        return races

    def _check(self) -> None:
        racers = self.options.racers
        least = -(-racers // RACERS_PER_CONNECTION)
        if not least <= self.connections <= racers:
            raise PlanError(
                f"--connections {self.connections} for {racers} racers: expected {least} … {racers}"
                f"; each connection carries 1 to {RACERS_PER_CONNECTION} racers (IoT Core accepts "
                "100 publishes a second on a connection)"
            )
        if self.options.races > racers:
            raise PlanError(
                f"--races {self.options.races} for {racers} racers: expected at most {racers}"
            )
