"""Messages for tests that ignore their content."""

from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import Telemetry, make_telemetry, telemetry_from_json


def message(second: int, race_id: int = 1, bike: str = "bike-1", length_s: int = 300) -> Telemetry:
    """Return one second's message of a race; the last second's is final."""
    race = Race(race_id, race_id * length_s * 1000, length_s)
    sample = Sample(present=True, cadence_rpm=80.0, resistance_percent=40.0, power_w=112.0)
    racer = Racer(racer_id=7, name="Hayden", class_id=1)
    return make_telemetry("thing", bike, racer, RaceSecond(race, second, 0), sample)


def seconds_of(payloads: list[bytes]) -> list[tuple[int, int]]:
    """Return (race, second) of each message."""
    messages = [telemetry_from_json(payload) for payload in payloads]
    return [(telemetry.race_id, telemetry.second) for telemetry in messages]
