"""The guided ride: its steps are in the capture, with what the rider counted in them."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from drivers import Frame
from drivers.captures.format import CountedTurns, TimedNote, load_capture
from drivers.captures.recorder import FrameRecorder
from gateway.cli.bikes.guided_ride import RIDE, GuidedRide
from tests.support.clock import ManualClock

START_NS = 5_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ride.jsonl"


@pytest.fixture
def recorder(file: Path) -> Iterator[FrameRecorder]:
    with file.open("x", encoding="utf-8") as lines:
        recorder = FrameRecorder(lines)
        recorder.record("", Frame(START_NS, b"\x01"))
        yield recorder


@pytest.fixture
def ride(recorder: FrameRecorder) -> GuidedRide:
    return GuidedRide(ManualClock(monotonic_ns=START_NS), recorder)


def test_steps_are_noted_when_they_begin(file: Path, ride: GuidedRide) -> None:
    asyncio.run(ride.run())
    notes = load_capture(file).notes
    assert [note.text for note in notes] == [step.what for step in RIDE]
    assert notes[:3] == (
        TimedNote(0, "keep the pedals still"),
        TimedNote(10, "pedal: get to about 60 rpm, one turn a second"),
        TimedNote(15, "keep that cadence and count the turns of one pedal"),
    )
    assert ride.line == ""


def test_line_shows_each_step_with_the_time_that_is_left(recorder: FrameRecorder) -> None:
    lines: list[str] = []
    rides: list[GuidedRide] = []

    class SeeingClock(ManualClock):
        async def sleep_until(self, monotonic_ns: int) -> None:
            self.advance(2_000_000_000)
            lines.extend(one.line for one in rides)
            await super().sleep_until(monotonic_ns)

    rides.append(GuidedRide(SeeingClock(monotonic_ns=START_NS), recorder))
    asyncio.run(rides[0].run())
    assert lines[0] == "keep the pedals still: 8 s left"
    assert len(lines) == len(RIDE)


def test_answers_of_the_rider_are_stored_with_the_time_of_their_step(
    file: Path, ride: GuidedRide
) -> None:
    asyncio.run(ride.run())
    answers = iter(["20", "60 rpm, level 5", "many", "-3", "31", ""])
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return next(answers)

    ride.ask(ask)
    capture = load_capture(file)
    assert capture.turns == (CountedTurns(15, 35, 20), CountedTurns(40, 60, 31))
    assert capture.notes[-1] == TimedNote(15, "the display showed: 60 rpm, level 5")
    assert questions[0] == "Turns that you counted at about 60 rpm (press Enter if not counted)"
    assert "a number such as 20" in questions[3], "asked again after an answer of another kind"


@pytest.mark.parametrize("slip", ["2000", "1e308", "inf", "nan", "0.001"])
def test_number_of_turns_that_no_rider_pedals_is_asked_again(
    file: Path, ride: GuidedRide, slip: str
) -> None:
    asyncio.run(ride.run())
    answers = iter([slip, "20", "", "0", ""])
    ride.ask(lambda _question: next(answers))
    assert load_capture(file).turns == (CountedTurns(15, 35, 20), CountedTurns(40, 60, 0))


def test_rider_who_counted_nothing_is_asked_once(file: Path, ride: GuidedRide) -> None:
    asyncio.run(ride.run())
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return ""

    ride.ask(ask)
    assert load_capture(file).turns == ()
    assert len(questions) == 4


def test_step_that_was_not_ridden_to_its_end_is_not_asked_about(recorder: FrameRecorder) -> None:
    class StoppingClock(ManualClock):
        async def sleep_until(self, monotonic_ns: int) -> None:
            if monotonic_ns > START_NS + 20 * 1_000_000_000:
                raise asyncio.CancelledError
            await super().sleep_until(monotonic_ns)

    ride = GuidedRide(StoppingClock(monotonic_ns=START_NS), recorder)
    with suppress(asyncio.CancelledError):
        asyncio.run(ride.run())
    ride.ask(pytest.fail)
