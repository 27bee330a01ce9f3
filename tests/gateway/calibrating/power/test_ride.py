"""The steps of a power check, on a fake bike in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.calibrating.fake import FakePowerRider
from gateway.calibrating.local import LocalSession
from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.measuring.power import PowerPair, judge_power
from gateway.calibrating.power.ride import PowerRide
from gateway.calibrating.prompt import Question
from gateway.calibrating.second_sensor import BikeSensor, OwnSensor
from gateway.calibrating.session import CalibrationSession
from tests.support.cadence import FAKE, START_MS, fake_bike
from tests.support.calibrations import record
from tests.support.live_views import KeptView
from tests.support.virtual_clock import VirtualClock

pytestmark = pytest.mark.slow

LONG_S = 500


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


def rider(directory: Path, clock: VirtualClock, factor: float) -> FakePowerRider:
    return FakePowerRider("fake-bike", factor, FAKE, directory, clock)


async def ridden(
    session: CalibrationSession,
    clock: VirtualClock,
    way: Callable[[PowerRide], Awaitable[list[PowerPair]]],
) -> list[PowerPair]:
    async def ride() -> list[PowerPair]:
        async with PowerRide(session, clock, KeptView()) as ride:
            return await way(ride)

    riding = asyncio.create_task(ride())
    for _ in range(LONG_S // 10):
        await clock.run_for(10)
        if riding.done():
            return riding.result()
    riding.cancel()
    raise AssertionError("it does not end")


@pytest.mark.parametrize("factor", [0.5, 1.0, 10.0])
async def test_power_is_measured_at_known_watts(
    tmp_path: Path, clock: VirtualClock, factor: float
) -> None:
    person = rider(tmp_path, clock, factor)
    async with person.session() as session:
        pairs = await ridden(
            session, clock, lambda ride: ride.by_watts((100, 200), 20, person.hold, person)
        )
    assert [one.true_w for one in pairs] == [100, 200]
    for one in pairs:
        assert one.said_w == pytest.approx(one.true_w * factor, rel=0.06)


async def test_power_is_measured_with_a_second_sensor(tmp_path: Path, clock: VirtualClock) -> None:
    person = rider(tmp_path, clock, 0.5)
    async with person.session() as session:
        sensor = OwnSensor("other", person.right_bike(), clock)
        pairs = await ridden(session, clock, lambda ride: ride.by_sensor(sensor, 120, person.hold))
    result = judge_power(pairs)
    assert result.scale == pytest.approx(2, rel=0.01)
    assert result.offset_w == 0
    powers_w = [one.true_w for one in pairs]
    assert max(powers_w) > 1.5 * min(powers_w)


async def test_another_bike_of_the_config_is_a_sensor_with_its_calibration(
    tmp_path: Path, clock: VirtualClock
) -> None:
    person = rider(tmp_path, clock, 0.5)
    other: LocalSession = fake_bike(tmp_path / "state", clock)
    async with person.session() as session, other:
        await other.try_out(record(points=(), power_scale=3.0))
        pairs = await ridden(
            session, clock, lambda ride: ride.by_sensor(BikeSensor(other), 60, person.hold)
        )
        calibrated = [one.true_w for one in pairs]
        await other.undo()
        pairs = await ridden(
            session, clock, lambda ride: ride.by_sensor(BikeSensor(other), 60, person.hold)
        )
    plain = [one.true_w for one in pairs]
    assert min(calibrated) > 1.5 * max(plain)


async def test_bike_without_a_power_is_not_usable(tmp_path: Path, clock: VirtualClock) -> None:
    person = rider(tmp_path, clock, 1.0)
    async with fake_bike(tmp_path, clock, wire="lines") as session:
        with pytest.raises(NotUsable, match="the bike reported no power within 90 s"):
            await ridden(
                session, clock, lambda ride: ride.by_watts((100,), 20, person.hold, person)
            )


class Absent:
    """A person who never presses a key."""

    async def next(self, question: Question) -> str:
        await asyncio.Event().wait()
        raise AssertionError


async def test_power_that_nobody_confirms_is_not_usable(
    tmp_path: Path, clock: VirtualClock
) -> None:
    person = rider(tmp_path, clock, 1.0)
    async with person.session() as session:
        with pytest.raises(NotUsable, match="Enter was not pressed at 100 W within 120 s"):
            await ridden(
                session, clock, lambda ride: ride.by_watts((100,), 20, person.hold, Absent())
            )


async def test_silent_sensor_is_not_usable(tmp_path: Path, clock: VirtualClock) -> None:
    person = rider(tmp_path, clock, 1.0)
    other = fake_bike(tmp_path / "state", clock, wire="lines")
    async with person.session() as session, other:
        with pytest.raises(NotUsable, match="bike-1 sends no power: connected"):
            await ridden(
                session, clock, lambda ride: ride.by_sensor(BikeSensor(other), 60, person.hold)
            )
