"""From what was measured to what is saved, with real files and a fake bike in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.calibrating.cadence.dialogue import check_cadence, rescaled
from gateway.calibrating.cadence.ride import CadenceRide
from gateway.calibrating.measuring.cadence import (
    CadenceResult,
    CadenceVerdict,
    Measurement,
    TruthSource,
    judge,
)
from gateway.calibrating.prompt import AnswerError, AnswerFile, AnswerSource, Question
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationState, Origin
from gateway.sampling.calibration import Calibration, CalibrationTable
from tests.support.cadence import START_MS, SeenView, fake_bike
from tests.support.calibrations import record
from tests.support.virtual_clock import VirtualClock

NOW = datetime(2026, 11, 22, 9, 8, 7, 654321, tzinfo=UTC)

Files = list[tuple[str, bytes]]


def files(directory: Path) -> Files:
    return sorted((one.name, one.read_bytes()) for one in directory.rglob("*") if one.is_file())


def said(
    said_rpm: float, true_rpm: float = 80.0
) -> Callable[[CadenceRide], Awaitable[list[Measurement]]]:
    """As if this had been measured."""

    async def way(ride: CadenceRide) -> list[Measurement]:
        return [Measurement(TruthSource.COUNT, said_rpm, true_rpm, 0.8, seconds=22.5, samples=90)]

    return way


class Says:
    """Answers with one word, or never; keeps what it was asked."""

    def __init__(self, word: str | None) -> None:
        self._word = word
        self.questions: list[Question] = []

    async def next(self, question: Question) -> str:
        self.questions.append(question)
        if self._word is None:
            await asyncio.Event().wait()
        assert self._word is not None
        return self._word


class Desk:
    """A bike in virtual time, checked again and again."""

    def __init__(self, session: CalibrationSession, clock: VirtualClock) -> None:
        self.session = session
        self.view = SeenView(clock)
        self._clock = clock

    async def check(
        self, said_rpm: float, answers: AnswerSource | None = None, *, saves_ratio: bool = False
    ) -> bool:
        self.view = SeenView(self._clock)
        checking = asyncio.create_task(
            check_cadence(
                self.session,
                self._clock,
                self.view,
                said(said_rpm),
                answers,
                saves_ratio=saves_ratio,
            )
        )
        for _ in range(150):
            await self._clock.run_for(1)
            if checking.done():
                break
        # Files are written by a thread, which virtual time does not wait for.
        return await asyncio.wait_for(checking, 30)

    @property
    def scale(self) -> float:
        return self.session.state.in_use.cadence_scale


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


async def test_a_plain_ratio_is_saved_when_that_is_wanted_and_holds_at_once(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        desk = Desk(session, clock)
        says = Says("yes")
        assert await desk.check(160.4, says) is True
        assert desk.scale == 0.5
        assert session.state.origin is Origin.SAVED
        assert "Save the cadence scale 0.5" in says.questions[0].text
        assert desk.view.events == ["result", "saved"]
        assert desk.view.data["saved"]["scale"] == 0.5
        assert desk.view.told[-1][1].endswith("to undo: alleycat-gateway calibrate reset bike-1")
        assert await desk.check(160.4, Says("no")) is True, "it is fine now"
        assert desk.view.events == ["result"]
    async with fake_bike(tmp_path, clock) as session:
        assert session.state.in_use.cadence_scale == 0.5, "and it stays"


async def test_the_new_scale_takes_the_place_of_the_one_in_force(
    tmp_path: Path, clock: VirtualClock
) -> None:
    """The bike says twice the truth, then somebody mends it, then it says a tenth too much."""
    async with fake_bike(tmp_path, clock) as session:
        desk = Desk(session, clock)
        for said_rpm, scale in ((160.0, 0.5), (80.2, 1.0), (88.0, 0.909), (800.0, 0.1), (40, 2.0)):
            assert await desk.check(said_rpm, Says("yes"))
            assert desk.scale == scale
            assert said_rpm * desk.scale == pytest.approx(80, abs=1)
        assert len(session.state.backups) == 4, "each of them can be had back"
        assert desk.view.told[-1][1].endswith("calibrate rollback bike-1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "why"), [("no", "you answered no"), (None, "the question was not answered")]
)
async def test_cadence_scale_is_not_saved_without_a_yes(
    tmp_path: Path, clock: VirtualClock, word: str | None, why: str
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        desk = Desk(session, clock)
        assert await desk.check(160, Says(word)) is False
        assert desk.view.told[-1] == ("not_saved", f"not saved: {why}")
        assert desk.scale == 1
        assert files(tmp_path) == []


async def test_with_nobody_there_only_a_plain_ratio_can_be_saved(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        desk = Desk(session, clock)
        assert await desk.check(160) is False
        assert "add --yes" in desk.view.told[-1][1]
        assert await desk.check(70, saves_ratio=True) is False, "1.143 explains nothing"
        assert files(tmp_path) == []
        assert await desk.check(160, saves_ratio=True) is True
        assert desk.scale == 0.5


async def test_an_odd_scale_is_saved_after_a_yes(tmp_path: Path, clock: VirtualClock) -> None:
    async with fake_bike(tmp_path, clock) as session:
        desk = Desk(session, clock)
        assert await desk.check(70, Says("yes"), saves_ratio=True) is True
        assert desk.scale == 1.143


@pytest.mark.parametrize("said_rpm", [79, 80, 81.9])
async def test_cadence_that_is_fine_is_left_alone(
    tmp_path: Path, clock: VirtualClock, said_rpm: float
) -> None:
    async with fake_bike(tmp_path, clock) as session:
        says = Says("yes")
        assert await Desk(session, clock).check(said_rpm, says, saves_ratio=True) is True
        assert says.questions == []
    assert files(tmp_path) == []


@pytest.mark.slow
async def test_cadence_that_is_not_usable_changes_nothing_and_says_why(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with fake_bike(tmp_path, clock, scenario="idle") as session:
        view = SeenView(clock)

        async def way(ride: CadenceRide) -> list[Measurement]:
            return await ride.by_count(30, lambda _: asyncio.sleep(0))

        checking = asyncio.create_task(
            check_cadence(session, clock, view, way, Says("yes"), saves_ratio=True)
        )
        await clock.run_for(100)
        assert await checking is False
    assert view.told[0][1].startswith("Not usable: the bike reported no pedalling within 90 s")
    assert view.data["result"]["verdict"] == "not_usable"
    assert files(tmp_path) == []


async def test_cadence_check_takes_answers_from_a_file(tmp_path: Path, clock: VirtualClock) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("# the cadence\nyes   it was the right foot\n", encoding="utf-8")
    async with fake_bike(tmp_path / "state", clock) as session:
        desk = Desk(session, clock)
        answers = AnswerFile(file)
        assert await desk.check(160, answers) is True
        with pytest.raises(AnswerError, match="has no answer to 'Save the cadence scale 1"):
            await desk.check(80, answers)
        assert desk.scale == 0.5


# What is saved


def state(**changed: object) -> CalibrationState:
    now = CalibrationState("bike-1", "fake seed 1", Calibration(), Origin.BIKE)
    return replace(now, **changed)  # type: ignore[arg-type]


def result(said_rpm: float = 160, scale_in_force: float = 1.0) -> CadenceResult:
    one = Measurement(TruthSource.COUNT, said_rpm, 80.04, 0.8, seconds=22.5, samples=90)
    return judge([one], scale_in_force)


def test_the_resistance_points_that_are_saved_stay_as_they_are() -> None:
    old = record(rate_hz=9.5, cadence_scale=0.7)
    new = rescaled(
        state(record=old, origin=Origin.SAVED, in_use=old.calibration), result(160, 0.7), NOW
    )
    assert new == replace(
        old, cadence_scale=0.5, made_at=NOW.replace(microsecond=0), made_by=new.made_by
    )
    assert new.made_by.startswith("alleycat-gateway ")


def test_the_points_of_the_config_are_taken_along_since_a_record_hides_them() -> None:
    table = CalibrationTable([(164, 0), (803, 50), (967, 100)])
    new = rescaled(state(in_use=Calibration(table), origin=Origin.CONFIG), result(), NOW)
    new_table = new.calibration.table
    assert new_table is not None
    assert new_table.points == table.points
    assert new.quantity == "raw"


def test_cadence_record_takes_nothing_from_another_machine() -> None:
    old = record(device="ble C0:FF:EE:12:34:56")
    new = rescaled(state(record=old, problem="not used: it is of ble …"), result(), NOW)
    assert (new.device, new.points, new.cadence_scale) == ("fake seed 1", (), 0.5)


def test_a_record_of_the_cadence_alone_says_how_it_was_measured() -> None:
    new = rescaled(state(), result(), NOW)
    assert (new.bike_id, new.points, new.rate_hz, new.cadence_rpm) == ("bike-1", (), 4.0, 80.0)
    assert new.calibration == Calibration(None, "raw", 0.5)
    assert result().verdict is CadenceVerdict.RATIO


async def test_the_config_s_points_still_hold_after_the_cadence_was_saved(
    tmp_path: Path, clock: VirtualClock
) -> None:
    points = [(0.0, 0.0), (40.0, 70.0), (100.0, 100.0)]
    async with fake_bike(tmp_path, clock, calibration=points) as session:
        assert await Desk(session, clock).check(160, saves_ratio=True)
        table = session.state.in_use.table
        assert table is not None
        assert table.points == tuple(points)
