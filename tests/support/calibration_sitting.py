"""A user who calibrates a fake rig, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from drivers.registry import load_drivers
from gateway.calibrating.fake import AWKWARD, FakeRig
from gateway.calibrating.guided.capture import GuidedContext
from gateway.calibrating.local import LocalSession
from gateway.calibrating.prompt import AnswerFile
from gateway.calibrating.view.script import CalibrationScript
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration_store import CalibrationStore
from gateway.terminal.live import Event, LinesView
from tests.support.virtual_clock import VirtualClock

Result = TypeVar("Result")

#: Time limit in virtual seconds; no calibration takes that long.
MOST_S = 1200


class Sitting:
    """A calibration with the lines of an answer file. `events`: everything that was shown."""

    def __init__(
        self, directory: Path, answers: list[str], options: Mapping[str, object] = AWKWARD
    ) -> None:
        file = directory / "answers.txt"
        file.write_text("\n".join(answers))
        self.clock = VirtualClock()
        self.events: list[Event] = []
        self.store = CalibrationStore(directory)
        self.rig = FakeRig("bike-1", load_drivers()["fake"], directory, self.clock, options)
        self._session = self.rig.session
        self.context = GuidedContext(
            self.rig.session,
            LinesView(CalibrationScript(Console()), self.events.append),
            AnswerFile(file),
            self.clock,
            self.rig.turn_to,
            patience_s=120,
        )

    def sit_on(self, bike: BikeConfig, directory: Path) -> None:
        """Use another bike, whose knob does not follow the guide."""
        driver = load_drivers()[bike.driver]
        self._session = LocalSession(bike, driver, directory, self.clock)
        self.context = replace(self.context, session=self._session, hand=lambda _: None)

    async def run(self, act: Callable[[GuidedContext], Awaitable[Result]]) -> Result:
        """Run `act`; return its result or raise its error."""
        async with self._session:
            acting = asyncio.ensure_future(act(self.context))
            for _ in range(MOST_S):
                await self.clock.run_for(1)
                if acting.done():
                    return acting.result()
            acting.cancel()
            raise AssertionError(f"it does not end: {self.said[-5:]}")

    @property
    def said(self) -> list[str]:
        return [event.words for event in self.events]

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events if event.kind == kind]
