"""From the powers that were measured to what is saved, with real files in virtual time."""

import asyncio
from pathlib import Path

import pytest

from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.measuring.power import PowerPair
from gateway.calibrating.power.dialogue import check_power
from gateway.calibrating.power.ride import PowerRide
from gateway.calibrating.prompt import AnswerFile, AnswerSource
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import Origin
from tests.support.cadence import START_MS, fake_bike
from tests.support.calibrations import record
from tests.support.live_views import KeptView
from tests.support.virtual_clock import VirtualClock

HALF = [PowerPair(50, 100), PowerPair(100, 200)]
MOVED = [PowerPair(70, 100), PowerPair(170, 200)]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


@pytest.fixture
def view() -> KeptView:
    return KeptView()


def answers(directory: Path, word: str) -> AnswerSource:
    file = directory / "answers.txt"
    file.write_text(word, encoding="utf-8")
    return AnswerFile(file)


async def checked(
    session: CalibrationSession,
    clock: VirtualClock,
    view: KeptView,
    pairs: list[PowerPair],
    source: AnswerSource | None = None,
    *,
    saves: bool = False,
) -> bool:
    async def way(ride: PowerRide) -> list[PowerPair]:
        if not pairs:
            raise NotUsable("the bike fell silent")
        return pairs

    checking = asyncio.create_task(check_power(session, clock, view, way, source, saves=saves))
    for _ in range(150):
        await clock.run_for(1)
        if checking.done():
            break
    # Files are written by a thread, which virtual time does not wait for.
    return await asyncio.wait_for(checking, 30)


async def test_correction_is_saved_after_a_yes_and_in_use_at_once(
    tmp_path: Path, clock: VirtualClock, view: KeptView
) -> None:
    async with fake_bike(tmp_path / "state", clock) as session:
        assert await checked(session, clock, view, MOVED, answers(tmp_path, "yes")) is True
        in_use = session.state.in_use
        assert (in_use.power_scale, in_use.power_offset_w) == (1, 30)
        assert session.state.origin is Origin.SAVED
        assert (view.data["saved"]["scale"], view.data["saved"]["offset_w"]) == (1, 30)
        assert view.told[-1][1].endswith("to undo: alleycat-gateway calibrate reset bike-1")
        assert await checked(session, clock, view, MOVED) is True, "it is fine now"
        assert view.data["result"]["verdict"] == "fine"
    async with fake_bike(tmp_path / "state", clock) as session:
        assert session.state.in_use.power_offset_w == 30, "and it stays"


@pytest.mark.parametrize(
    ("word", "why"), [("no", "you answered no"), (None, "cannot ask without a terminal; add --yes")]
)
async def test_correction_is_not_saved_without_a_yes(
    tmp_path: Path, clock: VirtualClock, view: KeptView, word: str | None, why: str
) -> None:
    async with fake_bike(tmp_path / "state", clock) as session:
        source = None if word is None else answers(tmp_path, word)
        assert await checked(session, clock, view, HALF, source) is False
        assert view.told[-1][1].startswith(f"not saved: {why}")
        assert session.state.origin is Origin.BIKE


async def test_correction_is_saved_without_a_question_if_that_is_wanted(
    tmp_path: Path, clock: VirtualClock, view: KeptView
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        await session.save(record(cadence_scale=0.5, power_scale=4.0))
        assert await checked(session, clock, view, HALF, saves=True) is True
        saved = session.state.record
        assert saved is not None
        assert (saved.power_scale, saved.power_offset_w, saved.cadence_scale) == (2, 0, 0.5)
        assert saved.points == record().points
        assert view.told[-1][1].endswith("calibrate rollback bike-1")
        await session.rollback()
        assert session.state.in_use.power_scale == 4


async def test_points_of_the_config_are_kept_when_the_power_is_saved(
    tmp_path: Path, clock: VirtualClock, view: KeptView
) -> None:
    points = [(0.0, 0.0), (40.0, 70.0), (100.0, 100.0)]
    async with fake_bike(tmp_path, clock, calibration=points) as session:
        assert await checked(session, clock, view, HALF, saves=True)
        table = session.state.in_use.table
        assert table is not None
        assert table.points == tuple(points)


async def test_measurement_that_is_not_usable_changes_nothing(
    tmp_path: Path, clock: VirtualClock, view: KeptView
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        assert await checked(session, clock, view, [], saves=True) is False
        assert view.told == [("result", "Not usable: the bike fell silent.")]
        assert session.state.origin is Origin.BIKE
