"""A racer of the fleet beside a whole bike of a gateway: the same messages, to the byte."""

import asyncio

import pytest

from drivers import Reading
from drivers.fake import FakeBike
from drivers.fake.driver import FakeBikeOptions
from gateway.bike.bike import Bike
from gateway.bike.calibration_choice import CalibrationInUse
from gateway.config.schema import BikeConfig
from gateway.race.clock import RaceSecond
from gateway.race.commanded import BikeRaces
from gateway.race.joins import Joins
from gateway.race.races import Race
from gateway.simulation.cloud.leaderboard import Leaderboard
from gateway.simulation.fleet.plan import Assignment, FleetOptions, Plan
from gateway.simulation.fleet.racer import FakeRider, FleetRacer
from gateway.telemetry.message import Telemetry
from gateway.telemetry.undated import UndatedSample
from tests.support.clock import ManualClock
from tests.support.virtual_clock import VirtualClock

RACE = Race(5_984_158, start_ms=1_795_247_400_000, length_s=40)
START_NS = 5_000_000_000
ASSIGNMENT = list(Plan(FleetOptions(racers=7, race_s=40)).assignments())[-1]


def second(number: int, race: Race = RACE) -> RaceSecond:
    return RaceSecond(race, number, START_NS + number * 1_000_000_000)


async def messages_of_a_gateway(assignment: Assignment) -> list[Telemetry]:
    clock = VirtualClock(RACE.start_ms, START_NS)
    racer = assignment.racer
    config = BikeConfig(
        id=assignment.bike_id,
        racer_id=racer.racer_id,
        racer_name=racer.name,
        class_id=racer.class_id,
        driver="fake",
    )
    options = FakeBikeOptions(seed=assignment.seed, ride_s=RACE.length_s)
    calibration = CalibrationInUse("fake", config.points)
    bike = Bike(
        config, calibration, "fleet-7", FakeBike(options, clock), BikeRaces([RACE]), Joins(), clock
    )
    sent: list[Telemetry | UndatedSample] = []
    tasks = [asyncio.create_task(bike.link.run()), asyncio.create_task(bike.race(sent.append))]
    await clock.run_for(RACE.length_s + 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return [one for one in sent if isinstance(one, Telemetry)]


async def test_fleet_racer_sends_the_messages_of_a_gateway_to_the_byte() -> None:
    racer = FleetRacer(ASSIGNMENT, "fleet-7", RACE)
    ours = [racer.close_second(second(number)).to_json() for number in range(1, 41)]
    assert ours == [message.to_json() for message in await messages_of_a_gateway(ASSIGNMENT)]
    assert b'"event":"final"' in ours[-1]
    assert b'"samples":40' in ours[-1]


def test_fleet_racer_standing_is_what_the_backend_makes_of_its_messages() -> None:
    racer, backend = FleetRacer(ASSIGNMENT, "fleet-7", RACE), Leaderboard()
    for number in range(1, 41):
        backend.add_poll("shard", [racer.close_second(second(number)).to_json()])
        assert backend.standings() == [racer.standing]
    assert racer.standing.final_result is not None
    assert racer.standing.seconds_received == 40


def test_fleet_racer_closes_the_same_second_whether_ridden_ahead_or_late() -> None:
    ahead, late = (FleetRacer(ASSIGNMENT, "fleet-7", RACE) for _ in range(2))
    for number in range(1, 20):
        ahead.ride(second(number))
        assert ahead.close_second(second(number)) == late.close_second(second(number))


def test_fleet_racer_rides_a_missed_second_but_does_not_report_it() -> None:
    whole, stalled = (FleetRacer(ASSIGNMENT, "fleet-7", RACE) for _ in range(2))
    messages = {number: whole.close_second(second(number)) for number in range(1, 41)}
    seen = [number for number in range(1, 41) if not 10 <= number < 13]
    after = {number: stalled.close_second(second(number)) for number in seen}
    assert after[20] == messages[20]
    assert after[40].samples == stalled.standing.seconds_received == 37


RIDE_S = 30
RIDE_START_NS = 7_000_000_000  # when a ManualClock begins


@pytest.mark.parametrize("seed", [1, 10_682])
async def test_fake_rider_sends_the_readings_of_the_driver_fake_with_the_same_seed(
    seed: int,
) -> None:
    bike = FakeBike(FakeBikeOptions(seed=seed, ride_s=RIDE_S), ManualClock())
    said: list[Reading] = []
    async with bike.open_bike() as readings:
        async for reading in readings:
            if reading.at_ns >= RIDE_START_NS + RIDE_S * 1_000_000_000:
                break
            said.append(reading)
    rider = FakeRider(seed, RIDE_S)
    starts_ns = [RIDE_START_NS + second * 1_000_000_000 for second in range(RIDE_S)]
    heard = [
        reading
        for second, start_ns in enumerate(starts_ns, start=1)
        for reading in rider.next_second(start_ns, second)
    ]
    assert [(r.at_ns, r.cadence_rpm, r.resistance_percent, r.power_w) for r in heard] == [
        (r.at_ns, r.cadence_rpm, r.resistance_percent, r.power_w) for r in said
    ]
    assert len(heard) == 4 * RIDE_S
    assert rider.stale_after_s == bike.stale_after_s
