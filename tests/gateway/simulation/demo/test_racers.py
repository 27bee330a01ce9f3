import asyncio
from pathlib import Path

import pytest

from gateway.config.warnings import warnings_of
from gateway.race.races import Race
from gateway.race.results import Place
from gateway.simulation.cloud.client import open_local_cloud
from gateway.simulation.demo.racers import Start, _config, open_racer, race_from
from gateway.simulation.names import NAMES
from gateway.timing.clock import SystemClock

RACE = Race(race_id=44_881_219, start_ms=1_795_248_760_123, length_s=40)


def test_demo_racers_are_all_different_and_ride_from_the_start(tmp_path: Path) -> None:
    start = Start(RACE, seed=2, directory=tmp_path, port=1)
    configs = [_config(number, start) for number in range(1, 2 * len(NAMES) + 1)]
    bikes = [config.bikes[0] for config in configs]
    for unique in (
        [config.thing_name for config in configs],
        [config.state_dir for config in configs],
        [bike.racer_name for bike in bikes],
        [bike.options["seed"] for bike in bikes],
    ):
        assert len(set(unique)) == len(configs)
    assert not any(warnings_of(config) for config in configs), "names fit the backend's columns"
    ride_start_ms = RACE.start_ms - bikes[0].options["ride_offset_ms"]
    assert ride_start_ms % (bikes[0].options["ride_s"] * 1000) == 0


@pytest.mark.slow
def test_race_has_the_id_of_the_continuous_race_of_its_class() -> None:
    race = race_from(1_795_248_760_123, 40)
    assert race == Race(448_812_191, 1_795_248_760_123, 40)


async def test_demo_racers_know_their_ranks(tmp_path: Path) -> None:
    clock, stop = SystemClock(), asyncio.Event()
    race = Race(12, clock.wall_ms_at(clock.monotonic_ns()), length_s=60)
    async with open_local_cloud() as cloud:
        start = Start(race, seed=2, directory=tmp_path, port=cloud.config.port)
        gateways = [await open_racer(number, start, clock, lambda _: None) for number in (1, 2)]
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            for gateway in gateways:
                tasks.create_task(gateway.run(stop))
            places: list[Place | None] = [None]
            while not all(place and place.racers == 2 for place in places):
                await asyncio.sleep(0.1)
                places = [gateway.status.bikes[0].place for gateway in gateways]
            stop.set()
    for number, place in enumerate(places, start=1):
        assert place is not None
        assert place.rank == (1 if place.leader_id == number else 2)
