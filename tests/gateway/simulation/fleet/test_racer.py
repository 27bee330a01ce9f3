"""A racer of the fleet beside a whole bike of a gateway: the same messages, to the byte."""

import asyncio

from drivers.fake import FakeBike
from drivers.fake.driver import FakeBikeOptions
from gateway.bike.bike import Bike
from gateway.bike.calibration_choice import CalibrationInUse
from gateway.config.schema import BikeConfig
from gateway.race.clock import RaceSecond
from gateway.race.commanded import BikeRaces
from gateway.race.races import Race
from gateway.simulation.cloud.consumer import Scoreboard
from gateway.simulation.fleet.plan import FleetOptions, Plan, Seat
from gateway.simulation.fleet.racer import FleetRacer
from gateway.telemetry.message import Telemetry
from gateway.telemetry.undated import UndatedSample
from tests.support.virtual_clock import VirtualClock

RACE = Race(5_984_158, start_ms=1_795_247_400_000, length_s=40)
START_NS = 5_000_000_000
SEAT = list(Plan(FleetOptions(racers=7, race_s=40)).seats())[-1]


def second(number: int, race: Race = RACE) -> RaceSecond:
    return RaceSecond(race, number, START_NS + number * 1_000_000_000)


async def messages_of_a_gateway(seat: Seat) -> list[Telemetry]:
    clock = VirtualClock(RACE.start_ms, START_NS)
    racer = seat.racer
    config = BikeConfig(
        id=seat.bike_id,
        racer_id=racer.racer_id,
        racer_name=racer.name,
        class_id=racer.class_id,
        driver="fake",
    )
    options = FakeBikeOptions(seed=seat.seed, ride_s=RACE.length_s)
    calibration = CalibrationInUse("fake", config.points)
    bike = Bike(config, calibration, "fleet-7", FakeBike(options, clock), BikeRaces([RACE]), clock)
    sent: list[Telemetry | UndatedSample] = []
    tasks = [asyncio.create_task(bike.link.run()), asyncio.create_task(bike.race(sent.append))]
    await clock.run_for(RACE.length_s + 1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return [one for one in sent if isinstance(one, Telemetry)]


async def test_its_messages_are_those_of_a_gateway_to_the_byte() -> None:
    racer = FleetRacer(SEAT, "fleet-7", RACE)
    ours = [racer.close_second(second(number)).to_json() for number in range(1, 41)]
    assert ours == [message.to_json() for message in await messages_of_a_gateway(SEAT)]
    assert b'"event":"final"' in ours[-1]
    assert b'"samples":40' in ours[-1]


def test_its_standing_is_what_the_backend_makes_of_its_messages() -> None:
    racer, backend = FleetRacer(SEAT, "fleet-7", RACE), Scoreboard()
    for number in range(1, 41):
        backend.add("shard", racer.close_second(second(number)).to_json())
        assert backend.leaderboard(RACE.race_id) == [racer.standing]
    assert racer.standing.is_final
    assert racer.standing.seconds_received == 40


def test_heard_ahead_or_only_at_the_tick_it_is_the_same_second() -> None:
    ahead, late = (FleetRacer(SEAT, "fleet-7", RACE) for _ in range(2))
    for number in range(1, 20):
        ahead.ride(second(number))
        assert ahead.close_second(second(number)) == late.close_second(second(number))


def test_a_second_that_was_missed_is_ridden_but_not_reported() -> None:
    whole, stalled = (FleetRacer(SEAT, "fleet-7", RACE) for _ in range(2))
    messages = {number: whole.close_second(second(number)) for number in range(1, 41)}
    seen = [number for number in range(1, 41) if not 10 <= number < 13]
    after = {number: stalled.close_second(second(number)) for number in seen}
    assert after[20] == messages[20]
    assert after[40].samples == stalled.standing.seconds_received == 37
