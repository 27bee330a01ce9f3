"""A dialogue whose display and keys are a page, in virtual time."""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from drivers.registry import load_drivers
from gateway.calibrating.fake import FakeRig
from gateway.calibrating.guided.capture import GuidedContext
from gateway.calibrating.guided.resistance import Saved, calibrate_resistance
from gateway.calibrating.measuring.guide import targets
from gateway.calibrating.prompt import Question
from gateway.sampling.calibration_store import CalibrationStore
from gateway.web.dialogue import FAILED, PageButtons, PageDialogue, PageView
from gateway.web.dialogue_events import DialogueEnd, Outcome
from tests.support.virtual_clock import VirtualClock


class Rider:
    """A rider with a page: `events` are those that the page received."""

    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.store = CalibrationStore(directory)
        self.rig = FakeRig("bike-1", load_drivers()["fake"], directory, self.clock)
        self.dialogue = PageDialogue(self.rig.session, self.clock, self._act)
        self.events: list[tuple[str, Any]] = []

    async def _act(self, context: GuidedContext) -> Saved | bool:
        return await calibrate_resistance(context, targets((0, 100)))

    async def follow(self) -> None:
        async with aclosing(self.dialogue.view.follow()) as news:
            async for data in news:
                for one in filter(None, data.decode().split("\n\n")):
                    name, _, text = one.removeprefix("event: ").partition("\ndata: ")
                    self.events.append((name, json.loads(text)))

    async def wait_for(self, is_so: Callable[[], bool]) -> None:
        for _ in range(240):
            if is_so():
                return
            await self.clock.run_for(0.5)
        raise AssertionError(self.events[-2:])

    def last(self, name: str) -> dict[str, Any]:
        return next((data for found, data in reversed(self.events) if found == name), {})

    def press(self, word: str) -> bool:
        asked = self.events[-1][1]
        return self.dialogue.buttons.press(asked["question"], word)


async def capture_both(rider: Rider) -> None:
    for percent in (0, 100):
        await rider.wait_for(
            lambda percent=percent: f"to {percent} %" in rider.last("screen").get("question", "")  # type: ignore[misc]
        )
        await rider.clock.run_for(2)
        rider.rig.turn_to(targets((0, 100))[percent // 100])
    await rider.wait_for(lambda: rider.events[-1][0] == "review")


async def test_calibration_by_buttons_is_tried_and_saved(tmp_path: Path) -> None:
    rider = Rider(tmp_path)
    await rider.dialogue.begin()
    following = asyncio.create_task(rider.follow())
    await capture_both(rider)
    review = rider.last("review")
    assert [point["percent"] for point in review["points"]] == [0, 100]
    assert review["answers"] == ["accept", "redo", "quit"]
    assert rider.press("accept")
    await rider.wait_for(lambda: "save" in rider.last("screen")["answers"])
    assert rider.rig.session.state.origin.value == "trial"
    assert rider.press("save")
    await rider.wait_for(following.done)
    assert rider.events[-1] == ("end", {"outcome": "saved", "why": "", "file": ""})
    assert rider.store.load("bike-1") is not None


async def test_dialogue_that_no_page_follows_ends_and_leaves_nothing(tmp_path: Path) -> None:
    rider = Rider(tmp_path)
    await rider.dialogue.begin()
    following = asyncio.create_task(rider.follow())
    await capture_both(rider)
    assert rider.press("accept")
    await rider.wait_for(lambda: "save" in rider.last("screen")["answers"])
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    await rider.clock.run_for(9)
    assert rider.rig.session.state.origin.value == "trial"
    await rider.clock.run_for(2)
    assert rider.rig.session.state.origin.value == "bike"
    await rider.follow()
    assert rider.events[-1][1]["outcome"] == "left"
    assert rider.store.load("bike-1") is None


async def test_dialogue_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    rider = Rider(tmp_path)
    await rider.dialogue.begin()
    await rider.dialogue.end()
    await rider.follow()
    assert rider.events[-1][1]["outcome"] == "stopped"


async def test_fault_in_a_dialogue_is_not_taken_for_a_page_that_left(tmp_path: Path) -> None:
    async def fail(_: GuidedContext) -> bool:
        raise RuntimeError("planted")

    rider = Rider(tmp_path)
    rider.dialogue = PageDialogue(rider.rig.session, rider.clock, fail)
    await rider.dialogue.begin()
    following = asyncio.create_task(rider.follow())
    await rider.wait_for(following.done)
    assert rider.last("end") == {"outcome": "failed", "why": FAILED, "file": ""}


async def test_button_of_an_earlier_question_answers_nothing() -> None:
    buttons = PageButtons()
    assert not buttons.press("first", "skip")
    asking = asyncio.create_task(buttons.next(Question("second", {"s": "skip"})))
    await asyncio.sleep(0)
    assert not buttons.press("first", "skip")
    assert not buttons.press("second", "save")
    assert buttons.press("second", "skip")
    assert not buttons.press("second", "skip")
    assert await asking == "skip"


async def test_page_that_comes_late_receives_the_end() -> None:
    view = PageView()
    view.end(DialogueEnd(Outcome.FAILED, "the bike is gone"))
    received = b"".join([data async for data in view.follow()])
    assert b"the bike is gone" in received
