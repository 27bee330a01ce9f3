"""A ride that is measured: its questions, its end, and what it says of a lost bike."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.power.ride import PowerRide
from gateway.calibrating.prompt import Question
from tests.support.cadence import START_MS, fake_bike
from tests.support.live_views import KeptView
from tests.support.virtual_clock import VirtualClock

pytestmark = pytest.mark.slow


class Words:
    """Answers with one word, or never."""

    def __init__(self, word: str | None) -> None:
        self._word = word

    async def next(self, question: Question) -> str:
        if self._word is None:
            await asyncio.Event().wait()
        return self._word or ""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_MS)


async def result_of(
    directory: Path,
    clock: VirtualClock,
    act: Callable[[PowerRide], Awaitable[object]],
    **options: Any,
) -> object:
    async def ride() -> object:
        async with (
            fake_bike(directory, clock, **options) as session,
            PowerRide(session, clock, KeptView()) as ride,
        ):
            return await act(ride)

    riding = asyncio.create_task(ride())
    for _ in range(30):
        await clock.run_for(10)
        if riding.done():
            return riding.result()
    riding.cancel()
    raise AssertionError("it does not end")


@pytest.mark.parametrize("word", ["yes", None])
async def test_question_is_answered_or_given_up(
    tmp_path: Path, clock: VirtualClock, word: str | None
) -> None:
    question = Question("Save it?", {"y": "yes"})
    answer = await result_of(tmp_path, clock, lambda ride: ride.ask(Words(word), question))
    assert answer == word


@pytest.mark.parametrize(
    ("faults", "complaint"),
    [
        ({"vanish_at_s": 0}, "did not connect within 90 s: the fake bike vanished"),
        ({"vanish_at_s": 60}, "the bike disconnected: the fake bike vanished"),
    ],
)
async def test_lost_bike_ends_the_measurement_with_the_reason(
    tmp_path: Path, clock: VirtualClock, faults: dict[str, float], complaint: str
) -> None:
    with pytest.raises(NotUsable, match=complaint):
        await result_of(
            tmp_path,
            clock,
            lambda ride: ride.by_watts((100,), 60, lambda _: None, Words("steady")),
            faults=faults,
        )
