"""The records of a seeded fleet in two races, in order of arrival.

Rides, samples and messages are those of `fleet`. Outages and arrival are decided here and not by a
real network, so that the records are always the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

from gateway.race.clock import RaceSecond
from gateway.simulation.fleet.plan import FleetOptions, Plan
from gateway.simulation.fleet.racer import FleetRacer
from gateway.timing.units import NS_PER_S

RIDERS, RACE_S, CLASS_ID = 60, 60, 1
#: The seed of each race's rides. All riders ride in both races, which follow each other.
SEEDS = (1, 2)
START_MS = 1_795_248_780_000

# Times below are in seconds since the start of the first race.

#: The gateways of these riders are offline from here to there.
OFFLINE_RIDERS = range(10, RIDERS + 1, 10)
OFFLINE_FROM_S, OFFLINE_UNTIL_S = 50, 65
#: This rider's gateway loses its power for good.
LOST_RIDER, LOST_AT_S = 7, 100


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record, and the number of the poll that returns it; poll n is at n seconds."""

    poll: int
    record: bytes

    def to_json(self) -> bytes:
        return b'{"poll":%d,"record":%b}' % (self.poll, self.record)


def arrivals() -> list[Arrival]:
    """Return the records of both races."""
    produced = [
        Arrival(_poll(at_s, rider), record)
        for race in range(len(SEEDS))
        for at_s, rider, record in _ride(race)
        if not (rider == LOST_RIDER and at_s > LOST_AT_S)
    ]
    return sorted(produced, key=attrgetter("poll"))


def _ride(number: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield end, rider and message of each second of race `number` (0, 1)."""
    begun_s = number * RACE_S
    plan = Plan(FleetOptions(RIDERS, RACE_S, classes=(CLASS_ID,), seed=SEEDS[number]))
    [race] = plan.races_from(START_MS + begun_s * 1000)
    racers = [FleetRacer(one, f"fleet-{one.connection + 1}", race) for one in plan.assignments()]
    for second in range(1, RACE_S + 1):
        at_s = begun_s + second
        ended = RaceSecond(race, second, at_s * NS_PER_S)
        for racer in racers:
            message = racer.close_second(ended)
            yield at_s, message.racer_id, message.to_json()


def _poll(at_s: int, rider: int) -> int:
    is_offline = rider in OFFLINE_RIDERS and OFFLINE_FROM_S < at_s < OFFLINE_UNTIL_S
    return OFFLINE_UNTIL_S if is_offline else at_s
