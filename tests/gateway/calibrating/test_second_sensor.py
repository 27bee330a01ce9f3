"""A second sensor: opened here, or another bike of the gateway."""

import asyncio
from pathlib import Path

import pytest

from drivers import Reading
from drivers.registry import make_driver
from gateway.calibrating.second_sensor import BikeSensor, OwnSensor, SecondSensor
from gateway.sampling.calibration import AS_SAID
from tests.support.cadence import FAKE, START_MS, fake_bike
from tests.support.calibrations import record
from tests.support.virtual_clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


async def heard(sensor: SecondSensor, clock: VirtualClock) -> list[Reading]:
    readings: list[Reading] = []
    listening = asyncio.create_task(sensor.listen(readings.append))
    await clock.run_for(5)
    listening.cancel()
    await asyncio.wait([listening])
    return readings


async def test_sensor_of_its_own_is_opened_and_heard_uncalibrated(clock: VirtualClock) -> None:
    sensor = OwnSensor("C0:FF", make_driver(FAKE, {"wire": "ftms"}, clock), clock)
    assert len(await heard(sensor, clock)) > 2
    assert (sensor.name, sensor.calibration) == ("C0:FF", AS_SAID)


async def test_lost_sensor_gives_the_reason(clock: VirtualClock) -> None:
    options = {"faults": {"vanish_at_s": 0}}
    sensor = OwnSensor("C0:FF", make_driver(FAKE, options, clock), clock)
    assert await heard(sensor, clock) == []
    assert sensor.link == "the fake bike vanished for the rest of the ride"


async def test_bike_of_the_config_is_heard_with_its_calibration(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        await session.try_out(record(points=(), power_scale=2.0))
        sensor = BikeSensor(session)
        assert len(await heard(sensor, clock)) > 2
        assert (sensor.name, sensor.calibration.power_scale) == ("bike-1", 2)
        assert sensor.link == "connected"
