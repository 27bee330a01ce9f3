"""A made-up rig, and who turns its knob as they are told."""

import asyncio
from pathlib import Path
from statistics import mean

import pytest

from drivers import Reading
from gateway.calibrating.fake import FakePowerRider
from gateway.calibrating.measuring.guide import Target
from gateway.calibrating.prompt import Question
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import LinkStatus
from tests.support.cadence import FAKE, START_MS, pedaller
from tests.support.calibration_sitting import Sitting
from tests.support.virtual_clock import NS_PER_S, VirtualClock

CALM = {"pot": {"curve": "linear", "raw_min": 0, "raw_max": 1000, "noise_counts": 0}}


async def numbers(sitting: Sitting, seconds: float) -> list[float]:
    """That it says meanwhile."""
    said: list[Reading | LinkStatus] = []

    async def listen() -> None:
        async for one in sitting.rig.session.news():
            said.append(one)  # noqa: PERF401 it is cancelled before its end

    listening = asyncio.create_task(listen())
    await sitting.clock.run_for(seconds)
    listening.cancel()
    await asyncio.wait([listening])
    raws = [one.resistance_raw for one in said if isinstance(one, Reading)]
    return [raw for raw in raws if raw is not None]


async def test_the_knob_goes_where_it_is_told_after_a_moment(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [], CALM)
    async with sitting.rig.session:
        found = await numbers(sitting, 2)
        assert found[-1] == 400
        sitting.rig.turn_to(Target(60))
        assert (await numbers(sitting, 0.8))[-1] == 400
        assert (await numbers(sitting, 15))[-1] == 600


async def test_knob_told_again_goes_there(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [], CALM)
    async with sitting.rig.session:
        sitting.rig.turn_to(Target(60))
        sitting.rig.turn_to(Target(20))
        assert max(await numbers(sitting, 15)) == 400


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


async def heard(session: CalibrationSession, clock: VirtualClock, seconds: float) -> list[float]:
    """The cadences that the bike says meanwhile."""
    rpms: list[float] = []

    async def listen() -> None:
        async for news in session.news():
            match news:
                case Reading(cadence_rpm=float(rpm)):
                    rpms.append(rpm)

    listening = asyncio.create_task(listen())
    await clock.run_for(seconds)
    listening.cancel()
    return rpms


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
async def test_the_turns_are_counted_rightly_whatever_the_bike_says(
    tmp_path: Path, clock: VirtualClock, factor: float
) -> None:
    person = pedaller(tmp_path, clock, factor)
    async with person.session() as session:

        async def count() -> float:
            await person.press(0)
            start_ns = clock.monotonic_ns()
            await person.press(30)
            return (clock.monotonic_ns() - start_ns) / NS_PER_S

        await clock.run_for(5)  # the bike is not waited for
        counting = asyncio.create_task(count())
        said_rpm = mean(await heard(session, clock, 40))
        true_rpm = 30 * 60 / await counting
        assert said_rpm == pytest.approx(factor * true_rpm, rel=0.03)


async def test_the_rider_follows_each_beat(tmp_path: Path, clock: VirtualClock) -> None:
    person = pedaller(tmp_path, clock, factor=2)
    async with person.session() as session:
        for rpm in (60, 90, 70):
            person.follow(rpm)
            await clock.run_for(8)
            assert mean(await heard(session, clock, 30)) == pytest.approx(2 * rpm, abs=4)


async def test_the_rider_is_up_to_speed_when_the_check_begins(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with pedaller(tmp_path, clock).session() as session:
        assert min(await heard(session, clock, 2)) > 50


async def test_fake_rider_holds_a_power_which_the_bike_reports_times_the_factor(
    tmp_path: Path, clock: VirtualClock
) -> None:
    rider = FakePowerRider("bike-1", 0.5, FAKE, tmp_path, clock)
    question = Question("Steady?", {"Enter": "steady"})
    async with rider.session() as session:
        for watts in (100.0, 200.0):
            rider.hold(watts)
            answering = asyncio.create_task(rider.next(question))
            await clock.run_for(15)
            assert await answering == "steady"
            said: list[float] = []

            async def listen(said: list[float] = said) -> None:
                async for news in session.news():
                    if isinstance(news, Reading) and news.power_w is not None:
                        said.append(news.power_w)  # noqa: PERF401 it is cancelled before its end

            listening = asyncio.create_task(listen())
            await clock.run_for(20)
            listening.cancel()
            assert mean(said) == pytest.approx(watts / 2, rel=0.05)
