from pathlib import Path

from gateway.race.races import Race
from gateway.simulation.demo.racers import Start, _config
from gateway.simulation.names import NAMES

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
    assert not any(config.warnings for config in configs), "names fit the backend's columns"
    ride_start_ms = RACE.start_ms - bikes[0].options["ride_offset_ms"]
    assert ride_start_ms % (bikes[0].options["ride_s"] * 1000) == 0
