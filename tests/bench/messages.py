"""Seeded telemetry like that of real bikes; about 230 bytes each on the wire."""

from collections.abc import Iterator
from random import Random

from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import Telemetry, make_telemetry

#: A race of the backend's length, long before any race that takes place during the benchmark.
FIRST_RACE_ID = 5_900_000
RACE_S = 300


def race_of(bikes: int, seconds: int, race_id: int = FIRST_RACE_ID) -> Iterator[Telemetry]:
    """Yield the messages of a race's first `seconds`, one for each bike and second."""
    random = Random(race_id)
    race = Race(race_id, race_id * RACE_S * 1000, RACE_S)
    racers = [Racer(number, f"Rider{number}", 1) for number in range(bikes)]
    for second in range(1, seconds + 1):
        for number, racer in enumerate(racers):
            sample = Sample(
                present=True,
                cadence_rpm=round(random.uniform(60, 110), 1),
                resistance_percent=round(random.uniform(10, 90), 1),
                power_w=round(random.uniform(50, 300), 1),
            )
            bike_id = f"bike-{number:03}"
            yield make_telemetry("gateway-1", bike_id, racer, RaceSecond(race, second, 0), sample)
