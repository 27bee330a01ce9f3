"""MeasuredRide: the base of the checks that measure a bike while it is ridden."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, Generic, Self, TypeVar

from drivers import Reading
from gateway.bike.link import LinkState
from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.prompt import AnswerSource, Prompt, Question
from gateway.calibrating.second_sensor import SecondSensor
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import LinkStatus
from gateway.calibrating.view.ride import RideScreen, ride_event
from gateway.terminal.live import LiveView
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: The time between two screens, in nanoseconds: short, because the metronome's mark moves.
LOOK_NS = NS_PER_S // 20
#: How long to wait for the bike to connect, and for its rider to pedal, in seconds.
READY_S = 90.0
#: How long to wait for Enter, and for the answer to a question, in seconds.
PATIENCE_S = 120.0
#: Readings older than this, in nanoseconds, are ignored.
OLD_NS = 5 * NS_PER_S

NOTHING = Question("", {}, is_put=False)

Screen = TypeVar("Screen", bound=RideScreen)


class MeasuredRide(ABC, Generic[Screen]):
    """An asynchronous context manager that shows a bike, listens to it and asks questions.

    All methods raise CalibrationError when the session has ended. Those that measure raise
    NotUsable.
    """

    #: The name of the value that is measured, and the least value of a bike that is pedalled.
    quantity: ClassVar[str]
    least: ClassVar[float]
    #: The fault of a bike that reports less, and the remedy.
    unheard: ClassVar[tuple[str, str]]

    def __init__(
        self, session: CalibrationSession, clock: GatewayClock, view: LiveView[Screen]
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

    async def __aenter__(self) -> Self:
        await self._prompt.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._prompt.__aexit__(None, None, None)
        for helper in self._helpers:
            await cancelled(helper)

    async def ask(self, answers: AnswerSource, question: Question) -> str | None:
        """Ask `question`; return the answer, or None if none comes. Raises what `answers` does."""
        self._is_measuring, self._doing = False, ""
        self._question, self._answers = question, answers
        end_ns = self._clock.monotonic_ns() + round(PATIENCE_S * NS_PER_S)
        return await self._answer(end_ns)

    @abstractmethod
    def _screen(self, now_ns: int) -> Screen:
        """Return the screen of this moment."""

    @abstractmethod
    def _value(self, reading: Reading) -> float | None:
        """Return the value that is measured; None if it is not reported."""

    async def _listen_to(self, sensor: SecondSensor) -> None:
        """Listen to a second sensor; wait until the bike is pedalled and the sensor is heard."""
        self._other_name = sensor.name
        self._help(sensor.listen(self._others.append))
        await self._until_pedalled()
        self._doing = f"waiting for {sensor.name}"
        if not await self._until(lambda: self._last(self._others) is not None, READY_S):
            raise NotUsable(f"{sensor.name} sends no {self.quantity}: {sensor.link}")

    async def _until_pedalled(self) -> None:
        self._instruct("Pedal.")
        if not await self._until(self._is_pedalled, READY_S):
            if self._link.state is not LinkState.CONNECTED:
                reason = self._link.reason or self._link.state.value
                raise NotUsable(f"the bike did not connect within {READY_S:g} s: {reason}")
            raise NotUsable(f"{self.unheard[0]} within {READY_S:g} s: {self.unheard[1]}")

    def _is_pedalled(self) -> bool:
        return (self._last(self._said) or 0.0) >= self.least

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
        self._view.tell(ride_event(kind, words, **data))

    def _done(self, now_ns: int) -> float | None:
        """Return the share of the measurement that is over; None without one."""
        if self._span_ns is None:
            return None
        start_ns, end_ns = self._span_ns
        return (now_ns - start_ns) / (end_ns - start_ns)

    def _last(self, readings: list[Reading]) -> float | None:
        """Return the last value; None if it is older than OLD_NS."""
        since_ns = self._clock.monotonic_ns() - OLD_NS
        for reading in reversed(readings):
            if reading.at_ns < since_ns:
                break
            value = self._value(reading)
            if value is not None:
                return value
        return None

    def _help(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._helpers.append(task)
        return task


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a helper and wait for its end."""
    task.cancel()
    await asyncio.wait([task])
