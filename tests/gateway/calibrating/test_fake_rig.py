"""A made-up rig, and who turns its knob as they are told."""

import asyncio
from pathlib import Path

from drivers import Reading
from gateway.calibrating.guide import Target
from gateway.calibrating.session import Link
from tests.support.calibration_sitting import Sitting

CALM = {"pot": {"curve": "linear", "raw_min": 0, "raw_max": 1000, "noise_counts": 0}}


async def numbers(sitting: Sitting, seconds: float) -> list[float]:
    """That it says meanwhile."""
    said: list[Reading | Link] = []

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


async def test_told_anew_it_goes_there(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [], CALM)
    async with sitting.rig.session:
        sitting.rig.turn_to(Target(60))
        sitting.rig.turn_to(Target(20))
        assert max(await numbers(sitting, 15)) == 400
