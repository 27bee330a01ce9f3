"""PageDialogue: a guided calibration with a page as its display and its keys.

The dialogue itself is that of `calibrate` in a terminal (gateway/calibrating/guided/).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from secrets import token_urlsafe

import structlog

from gateway.calibrating.guided.capture import GuidedContext, Quit
from gateway.calibrating.guided.resistance import Saved, UnsavedError
from gateway.calibrating.measuring.guide import Target
from gateway.calibrating.prompt import Question
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationError
from gateway.calibrating.view.script import Shown
from gateway.sampling.calibration_record import record_to_json
from gateway.terminal.live import Event
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S
from gateway.web.dialogue_events import (
    BEAT,
    HELLO,
    DialogueEnd,
    Outcome,
    end_event,
    shown_event,
    told_event,
)

log = structlog.get_logger()

#: A dialogue that no page has followed for this long is abandoned, in nanoseconds. A telephone that
#: changes from one access point to the next is away for some seconds. The page names this time.
ALONE_NS = 10 * NS_PER_S
#: How often the followers are counted, in nanoseconds.
LOOK_NS = NS_PER_S // 4
#: How long an unanswered question waits, in seconds.
PATIENCE_S = 900.0
#: The longest time between two events, in seconds.
BEAT_S = 1.0

FAILED = "The calibration failed: this is a bug in the gateway. Its log has the reason."

#: Runs a guided calibration.
Act = Callable[[GuidedContext], Awaitable[Saved | bool]]


class PageButtons:
    """Answers from the buttons of a page."""

    def __init__(self) -> None:
        self._question: Question | None = None
        self._pressed: asyncio.Future[str] | None = None

    async def next(self, question: Question) -> str:
        """Return the word of the button that is pressed."""
        self._question = question
        self._pressed = asyncio.get_running_loop().create_future()
        try:
            return await self._pressed
        finally:
            self._pressed = None

    def press(self, text: str, word: str) -> bool:
        """Answer the question with this text; return whether that question waits for an answer.

        A second tap on a button must not answer the next question.
        """
        if self._pressed is None or self._pressed.done() or self._question is None:
            return False
        if text != self._question.text or word not in self._question.words.values():
            return False
        self._pressed.set_result(word)
        return True


class PageView:
    """A LiveView whose screens and events are sent to the pages that follow it."""

    def __init__(self) -> None:
        self._screen = b""
        #: The events that no screen contains, which are few.
        self._told: list[bytes] = []
        self._is_over = False
        self._changed = asyncio.Event()
        #: How many pages follow.
        self.followers = 0

    def show(self, screen: Shown, now_ns: int) -> None:
        self._screen = shown_event(screen)
        self._wake()

    def tell(self, event: Event) -> None:
        self._told.append(told_event(event))
        self._wake()

    def suspend(self) -> None:
        """Do nothing: no other program writes to a page."""

    def resume(self) -> None:
        """Do nothing: no other program writes to a page."""

    def end(self, end: DialogueEnd) -> None:
        self._told.append(end_event(end))
        self._is_over = True
        self._wake()

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Yield the last screen and all other events, then what is new, until the dialogue ends.

        A page that reads slowly misses screens, but no other event.
        """
        told, screen = 0, b""
        self.followers += 1
        try:
            yield HELLO
            while True:
                changed = self._changed
                news = self._told[told:]
                told += len(news)
                if self._screen != screen:
                    screen = self._screen
                    news.insert(0, screen)
                yield b"".join(news) or BEAT
                if self._is_over and told == len(self._told):
                    return
                await _wait(changed)
        finally:
            self.followers -= 1

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def _wait(changed: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(BEAT_S):
            await changed.wait()
    except TimeoutError:
        return


class PageDialogue:
    """One calibration of a bike from a page, from `begin` to `end`, or until its page has left."""

    def __init__(
        self,
        opening: AbstractAsyncContextManager[CalibrationSession],
        clock: GatewayClock,
        act: Act,
    ) -> None:
        self.id = token_urlsafe(16)
        self.view = PageView()
        self.buttons = PageButtons()
        self._clock = clock
        self._opening = opening
        self._act = act
        self._running: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Open the session. Raises CalibrationError if the bike cannot be calibrated now."""
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(self._opening)
            self._running = asyncio.create_task(self._run(session, stack.pop_all()))
            await asyncio.sleep(0)  # A task that is cancelled before it starts would close nothing.

    async def end(self) -> None:
        """End the dialogue. The calibration that was in use before is in use again."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _run(self, session: CalibrationSession, stack: AsyncExitStack) -> None:
        talking = asyncio.create_task(self._talk(session))
        outcome = DialogueEnd(Outcome.STOPPED)
        try:
            async with stack:
                try:
                    is_followed = await self._is_followed_to_the_end(talking)
                    outcome = talking.result() if is_followed else DialogueEnd(Outcome.LEFT)
                finally:
                    talking.cancel()
                    await asyncio.wait([talking])
        finally:  # After the session: its calibration is no longer on trial.
            self.view.end(outcome)

    async def _is_followed_to_the_end(self, talking: asyncio.Task[DialogueEnd]) -> bool:
        """Return whether a page follows until the dialogue is done."""
        seen_ns = self._clock.monotonic_ns()
        while not talking.done():
            now_ns = self._clock.monotonic_ns()
            if self.view.followers:
                seen_ns = now_ns
            elif now_ns - seen_ns >= ALONE_NS:
                return False
            await self._clock.sleep_until(now_ns + LOOK_NS)
        return True

    async def _talk(self, session: CalibrationSession) -> DialogueEnd:
        context = GuidedContext(
            session, self.view, self.buttons, self._clock, _own_hand, PATIENCE_S
        )
        try:
            done = await self._act(context)
        except Quit:
            return DialogueEnd(Outcome.QUIT)
        except UnsavedError as error:
            return DialogueEnd(Outcome.FAILED, str(error), record_to_json(error.record))
        except CalibrationError as error:
            return DialogueEnd(Outcome.FAILED, str(error))
        except Exception:
            log.exception("calibration on a page failed")
            return DialogueEnd(Outcome.FAILED, FAILED)
        if isinstance(done, Saved):
            return DialogueEnd(Outcome.SAVED)
        return DialogueEnd(Outcome.RIGHT if done else Outcome.WRONG)


def _own_hand(target: Target) -> None:
    """Do nothing: the person turns the knob."""
