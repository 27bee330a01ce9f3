"""Capture: ask for one target after the other, and capture the knob where it is held still."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from drivers import Reading
from gateway.bike.link import LinkState
from gateway.calibrating.guided.figures import FigureBuilder
from gateway.calibrating.measuring.guide import Guide, Hint, Phase, StepRefused, Target
from gateway.calibrating.prompt import AnswerSource, Prompt, Question
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationError, LinkStatus
from gateway.calibrating.view.screen import Screen, ShownTarget, Step, captured_words
from gateway.calibrating.view.script import Shown
from gateway.sampling.calibration import Calibration
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.keyboard import ENTER
from gateway.terminal.live import LiveView
from gateway.timing.clock import GatewayClock

CAPTURE, REDO, SKIP, QUIT = "capture", "redo", "skip", "quit"
KEYS = {ENTER: CAPTURE, "r": REDO, "s": SKIP, "q": QUIT}

_DOING = {
    Phase.WAIT: "waiting for the bike",
    Phase.TURN: "turn the knob",
    Phase.HOLD: "holding still",
    Phase.DONE: "",
}
_HINTS = {
    Hint.NONE: "",
    Hint.IS_STILL: "the knob has not moved: if it is already there, capture it",
    Hint.TURNED_ON: "the knob moved after the capture: if that was too early, redo it",
}


class Quit(Exception):
    """The user chose to quit; nothing was changed."""


@dataclass(frozen=True, slots=True)
class GuidedContext:
    """The session, view, answers and clock of a guided calibration.

    `hand` is called with each target once the bike has sent its number. `command` returns the
    command for words such as "calibrate bike-001", to be pasted by the user.
    """

    session: CalibrationSession
    view: LiveView[Shown]
    answers: AnswerSource
    clock: GatewayClock
    hand: Callable[[Target], None]
    #: An unanswered question waits this long.
    patience_s: float
    command: Callable[[str], str] = "alleycat-gateway {}".format

    def prompt(self) -> Prompt:
        return Prompt(self.session, self.clock, self.patience_s)


class Capture:
    """A run through the targets, capturing a point at each.

    Raises Quit, CalibrationError, and what the answers raise.
    """

    def __init__(self, context: GuidedContext, prompt: Prompt, asked: Sequence[Target]) -> None:
        self.guide = Guide(asked)
        self.builder = FigureBuilder()
        self._context = context
        self._prompt = prompt
        self._asked = tuple(asked)
        #: The user asked for a capture: capture the knob once held, whether it was turned or not.
        self._is_there = False
        self._is_done = False
        #: The result of the last action, for the screen.
        self._last = ""

    async def run(self) -> None:
        """Run until each target is captured or skipped; after a redo, go on from there.

        The points do not change afterwards.
        """
        self._is_done = False
        while (target := self.guide.target) is not None:
            question = Question(_instruction(target), KEYS, may_hold=True)
            is_hand_asked = False
            while self.guide.target == target:
                if not is_hand_asked and self.guide.signal.last is not None:
                    self._context.hand(target)
                    is_hand_asked = True
                happened = await self.hear_or(question, self._context.session.state.in_use)
                if happened is not None:
                    self._do(happened)
            self._is_done = self.guide.target is None
            if self._is_done:  # Show the last point, too.
                self._show(question, self._context.session.state.in_use)

    def _show(self, question: Question, calibration: Calibration) -> None:
        now_ns = self._context.clock.monotonic_ns()
        self._context.view.show(self._screen(question, calibration, now_ns), now_ns)

    async def hear_or(self, question: Question, calibration: Calibration) -> str | None:
        """Show the bike, converted by `calibration`, until something happens; return an answer."""
        self._show(question, calibration)
        happened = await self._prompt.next(question, self._context.answers)
        if isinstance(happened, Reading | LinkStatus):
            self.hear(happened)
            return None
        if self.builder.never_says_resistance(self._context.clock.monotonic_ns()):
            raise CalibrationError(
                f"{self._context.session.state.bike_id} sends data, but no resistance: there is "
                "nothing to calibrate. In races, the gateway derives its resistance from power and "
                "cadence"
            )
        if happened == QUIT:
            raise Quit
        return happened

    def redo(self) -> None:
        """Take back the last answer."""
        self._do(REDO)

    def say(self, words: str) -> None:
        """Show `words` as the result of the last action."""
        self._last = words

    def _do(self, word: str) -> None:
        self._is_there = word == CAPTURE
        try:
            if word == CAPTURE:
                self._capture()
            elif word == REDO:
                self._last = f"capture {self.guide.redo().percent:g} % again"
            elif word == SKIP:
                self._last = f"skipped {self.guide.skip().percent:g} %"
        except StepRefused as error:
            self._last = f"not yet: {error}"

    def _capture(self) -> None:
        point = self.guide.capture_now(self._context.clock.monotonic_ns())
        self._captured(point)

    def _captured(self, point: CapturedPoint) -> None:
        self._is_there = False
        self._last = captured_words(point)

    def hear(self, news: Reading | LinkStatus) -> None:
        now_ns = self._context.clock.monotonic_ns()
        self.builder.hear(news, now_ns)
        if isinstance(news, LinkStatus):
            if news.state is not LinkState.CONNECTED:
                self.guide.disconnected()
            return
        number = self.builder.number(news)
        if self._is_done:
            self.guide.signal.hear(news.at_ns, number)
            return
        point = self.guide.hear(news.at_ns, number)
        if point is not None:
            self._captured(point)
        elif self._is_there:
            with suppress(StepRefused):
                self._capture()

    def _screen(self, question: Question, calibration: Calibration, now_ns: int) -> Screen:
        seen = self.guide.progress(now_ns)
        doing = _HINTS[seen.hint] or _DOING[seen.phase]
        share = min(seen.samples / seen.samples_needed, seen.held_s / seen.held_s_needed, 1.0)
        return Screen(
            bike_id=self._context.session.state.bike_id,
            figures=self.builder.figures(now_ns, self.guide.signal, calibration),
            step=Step(
                number=max(1, seen.number),
                count=max(1, seen.count),
                instruction=question.text,
                doing=doing,
                hold=None if seen.phase is Phase.DONE else share * (seen.phase is Phase.HOLD),
            ),
            targets=tuple(self._targets()),
            last=self._last,
            keys=question.words,
        )

    def _targets(self) -> list[ShownTarget]:
        answered = zip(self._asked, self.guide.answers, strict=False)
        shown = [
            ShownTarget(one.percent, one.direction, answer, is_skipped=answer is None)
            for one, answer in answered
        ]
        return shown + [
            ShownTarget(one.percent, one.direction) for one in self._asked[len(shown) :]
        ]


def _instruction(target: Target) -> str:
    way = {"up": "", "down": "down "}[target.direction]
    return f"turn {way}to {target.percent:g} %, then hold still"
