"""CadenceRide: measure the cadence of a bike, and the true cadence, while it is pedalled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Self

from drivers import Driver, Reading
from gateway.bike.link import BikeLink, LinkState
from gateway.calibrating.cadence.view import CadenceScreen, cadence_event
from gateway.calibrating.measuring.cadence import (
    PEDALLED_RPM,
    STANDING_RPM,
    Measurement,
    NotUsable,
    by_count,
    by_metronome,
    by_sensor,
    is_steady,
)
from gateway.calibrating.measuring.metronome import Metronome
from gateway.calibrating.prompt import AnswerSource, Prompt, Question
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import LinkStatus
from gateway.calibrating.view.screen import legend
from gateway.terminal.keyboard import ENTER
from gateway.terminal.live import Event, LiveView
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S
from gateway.watch.session import Watch

#: The time between two screens, in nanoseconds: short, because the metronome's mark moves.
LOOK_NS = NS_PER_S // 20
#: How long to wait for the bike to connect, and for its rider to pedal, in seconds.
READY_S = 90.0
#: How long to wait for the first Enter, and for the answer to a question, in seconds.
PATIENCE_S = 120.0
#: The shortest and the longest time in which a rider gets used to a new beat, in seconds.
SETTLE_S = 8.0
SETTLED_BY_S = 60.0
#: Readings older than this, in nanoseconds, are ignored.
OLD_NS = 5 * NS_PER_S

NOTHING = Question("", {}, is_put=False)


@dataclass(frozen=True, slots=True)
class _Strokes:
    """An AnswerSource with one answer: Enter, pressed some turns after it was last pressed."""

    press: Callable[[int], Awaitable[None]]
    turns: int

    async def next(self, question: Question) -> str:
        await self.press(self.turns)
        return question.words[ENTER]


class CadenceRide:
    """An asynchronous context manager that shows a bike and measures its cadence.

    All methods raise CalibrationError when the session has ended. Those that measure raise
    NotUsable.
    """

    def __init__(
        self, session: CalibrationSession, clock: GatewayClock, view: LiveView[CadenceScreen]
    ) -> None:
        self._session = session
        self._clock = clock
        self._view = view
        self._prompt = Prompt(session, clock, tick_ns=LOOK_NS)
        self._link = session.link
        #: Background tasks, which run until they are cancelled; one that ends by itself has failed.
        self._helpers: list[asyncio.Task[Any]] = []
        #: Whether a measurement is running, which a lost connection ends.
        self._is_measuring = False
        self._said: list[Reading] = []
        self._other_name = ""
        self._others: list[Reading] = []
        #: The question or instruction, and the source of its answer.
        self._question = NOTHING
        self._answers: AnswerSource | None = None
        self._doing = ""
        self._span_ns: tuple[int, int] | None = None
        self._metronome: Metronome | None = None

    async def __aenter__(self) -> Self:
        await self._prompt.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._prompt.__aexit__(None, None, None)
        for helper in self._helpers:
            await _cancelled(helper)

    async def by_count(
        self, turns: int, press: Callable[[int], Awaitable[None]]
    ) -> list[Measurement]:
        """Measure by counted turns. `press(n)` returns when Enter is pressed after n more turns."""
        await self._until_pedalled()
        first_ns = await self._pressed(
            press,
            0,
            "Pedal evenly. When your right foot is down, press Enter: that is stroke 0.",
            PATIENCE_S,
        )
        self._is_measuring = True
        self._tell("counting", f"stroke 0; count to {turns}", turns=turns)
        last_ns = await self._pressed(
            press,
            turns,
            "Keep pedalling, and count each time your right foot is down: 1, 2, 3 …\n"
            f"At stroke {turns} press Enter.",
            60 * turns / PEDALLED_RPM[0] + 1,
        )
        return [by_count(self._said, turns, first_ns, last_ns)]

    async def by_metronome(
        self,
        rpms: Sequence[float],
        seconds: float,
        follow: Callable[[float], None],
        ring: Callable[[], None],
    ) -> list[Measurement]:
        """Measure at each cadence of a metronome. `follow` announces it; `ring` sounds a beat."""
        await self._until_pedalled()
        measured = []
        for rpm in rpms:
            follow(rpm)
            measured.append(await self._at_beat(rpm, seconds, ring))
        return measured

    async def by_sensor(self, driver: Driver, name: str, seconds: float) -> list[Measurement]:
        """Measure with a second sensor, which `driver` opens and which is shown as `name`."""
        self._other_name = name
        watch = Watch(self._others.append)
        link = BikeLink(name, driver, watch, self._clock, Random(name))
        self._help(link.run())
        await self._until_pedalled()
        self._doing = f"waiting for {name}"
        if not await self._until(lambda: self._last_rpm(self._others) is not None, READY_S):
            raise NotUsable(f"{name} sends no cadence: {link.reason or link.state.value}")
        self._instruct("Pedal evenly, at any cadence.")
        span_ns = await self._measure(seconds)
        return [by_sensor(self._said, self._others, *span_ns)]

    async def ask(self, answers: AnswerSource, question: Question) -> str | None:
        """Ask `question`; return the answer, or None if none comes. Raises what `answers` does."""
        self._is_measuring, self._doing = False, ""
        self._question, self._answers = question, answers
        end_ns = self._clock.monotonic_ns() + round(PATIENCE_S * NS_PER_S)
        return await self._answer(end_ns)

    async def _until_pedalled(self) -> None:
        self._instruct("Pedal.")
        if not await self._until(self._is_pedalled, READY_S):
            if self._link.state is not LinkState.CONNECTED:
                reason = self._link.reason or self._link.state.value
                raise NotUsable(f"the bike did not connect within {READY_S:g} s: {reason}")
            raise NotUsable(
                f"the bike reported no pedalling within {READY_S:g} s: if you did pedal, check its "
                "sensor"
            )

    async def _pressed(
        self, press: Callable[[int], Awaitable[None]], turns: int, instruction: str, within_s: float
    ) -> int:
        """Return the monotonic time of the press. Raises NotUsable after `within_s`."""
        self._question = Question(instruction, {ENTER: f"stroke {turns}"})
        self._answers = strokes = _Strokes(press, turns)
        await self._prompt.begin(self._question, strokes)
        end_ns = self._clock.monotonic_ns() + round(within_s * NS_PER_S)
        if await self._answer(end_ns) is None:
            raise NotUsable(f"Enter was not pressed at stroke {turns} within {within_s:.0f} s")
        return self._clock.monotonic_ns()

    async def _answer(self, end_ns: int) -> str | None:
        """Return the answer to the question, or None if it is not given before `end_ns`."""
        while self._clock.monotonic_ns() < end_ns:
            answer = await self._look()
            if answer is not None:
                self._instruct(self._question.text)
                return answer
        return None

    def _instruct(self, words: str) -> None:
        """Show an instruction without a question."""
        self._question, self._answers = Question(words, {}, is_put=False), None

    async def _at_beat(self, rpm: float, seconds: float, ring: Callable[[], None]) -> Measurement:
        self._is_measuring = True
        start_ns = self._clock.monotonic_ns() + NS_PER_S
        self._instruct(f"Pedal at {rpm:g} rpm, with your right foot down on every beat.")
        self._doing = "match the beat"
        self._tell("metronome", f"metronome at {rpm:g} rpm", rpm=rpm)
        async with self._beating(Metronome(rpm, start_ns), ring):
            await self._until_ns(start_ns + round(SETTLE_S * NS_PER_S))
            if not await self._until(self._is_steady, SETTLED_BY_S):
                raise NotUsable(f"the cadence did not become steady at {rpm:g} rpm")
            span_ns = await self._measure(seconds)
        return by_metronome(self._said, rpm, *span_ns)

    def _is_pedalled(self) -> bool:
        return (self._last_rpm(self._said) or 0.0) >= STANDING_RPM

    def _is_steady(self) -> bool:
        return is_steady(self._said, self._clock.monotonic_ns())

    @asynccontextmanager
    async def _beating(self, metronome: Metronome, ring: Callable[[], None]) -> AsyncIterator[None]:
        async def beat() -> None:
            number = -1
            while True:
                # Beats that were missed while this process was suspended are skipped.
                number = max(number + 1, metronome.next_beat(self._clock.monotonic_ns()))
                await self._clock.sleep_until(metronome.beat_ns(number))
                ring()
                self._view.tell(Event("beat", "", {"number": number}))

        self._metronome = metronome
        beating = self._help(beat())
        try:
            yield
        finally:
            self._metronome = None
            self._helpers.remove(beating)
            await _cancelled(beating)

    async def _measure(self, seconds: float) -> tuple[int, int]:
        """Measure for `seconds`; return (start_ns, end_ns)."""
        self._is_measuring = True
        start_ns = self._clock.monotonic_ns()
        span_ns = start_ns, start_ns + round(seconds * NS_PER_S)
        self._doing = f"measuring for {seconds:g} s"
        self._tell("measuring", self._doing, seconds=seconds)
        self._span_ns = span_ns
        await self._until_ns(span_ns[1])
        self._span_ns, self._doing = None, ""
        return span_ns

    async def _until_ns(self, instant_ns: int) -> None:
        while self._clock.monotonic_ns() < instant_ns:
            await self._look()

    async def _until(self, is_so: Callable[[], bool], within_s: float) -> bool:
        """Wait until `is_so`; return whether that happened within `within_s`."""
        end_ns = self._clock.monotonic_ns() + round(within_s * NS_PER_S)
        while not is_so():
            if self._clock.monotonic_ns() >= end_ns:
                return False
            await self._look()
        return True

    async def _look(self) -> str | None:
        """Show the bike until something happens; return an answer to the question, if any.

        Raises the error of a failed helper, and NotUsable if the connection is lost.
        """
        for helper in self._helpers:
            if helper.done():
                helper.result()
        now_ns = self._clock.monotonic_ns()
        self._view.show(self._screen(now_ns), now_ns)
        happened = await self._prompt.next(self._question, self._answers)
        if isinstance(happened, Reading):
            self._said.append(happened)
            return None
        if isinstance(happened, LinkStatus):
            self._link = happened
            if self._is_measuring and happened.state is not LinkState.CONNECTED:
                raise NotUsable(f"the bike disconnected: {happened.reason}")
            return None
        return happened

    def _tell(self, kind: str, words: str, **data: object) -> None:
        self._view.tell(cadence_event(kind, words, **data))

    def _screen(self, now_ns: int) -> CadenceScreen:
        done = None
        if self._span_ns is not None:
            start_ns, end_ns = self._span_ns
            done = (now_ns - start_ns) / (end_ns - start_ns)
        return CadenceScreen(
            bike_id=self._session.state.bike_id,
            link=self._link,
            said_rpm=self._last_rpm(self._said),
            scale=self._session.state.in_use.cadence_scale,
            instruction=self._question.text,
            doing=self._doing,
            other=self._other_name,
            other_rpm=self._last_rpm(self._others),
            done=done,
            phase=None if self._metronome is None else self._metronome.phase(now_ns),
            keys=tuple(legend(self._question.words)),
        )

    def _last_rpm(self, readings: list[Reading]) -> float | None:
        """Return the last cadence; None if it is older than OLD_NS."""
        since_ns = self._clock.monotonic_ns() - OLD_NS
        for reading in reversed(readings):
            if reading.at_ns < since_ns:
                break
            if reading.cadence_rpm is not None:
                return reading.cadence_rpm
        return None

    def _help(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._helpers.append(task)
        return task


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait([task])
