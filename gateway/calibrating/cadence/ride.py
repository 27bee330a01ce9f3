"""CadenceRide: measure the cadence of a bike, and the true cadence, while it is pedalled."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from drivers import Driver, Reading
from gateway.calibrating.cadence.view import CadenceScreen
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
from gateway.calibrating.prompt import Question
from gateway.calibrating.ride import PATIENCE_S, MeasuredRide, cancelled
from gateway.calibrating.second_sensor import OwnSensor
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.view.screen import legend
from gateway.terminal.keyboard import ENTER
from gateway.terminal.live import Event, LiveView
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

#: The shortest and the longest time in which a rider gets used to a new beat, in seconds.
SETTLE_S = 8.0
SETTLED_BY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Strokes:
    """An AnswerSource with one answer: Enter, pressed some turns after it was last pressed."""

    press: Callable[[int], Awaitable[None]]
    turns: int

    async def next(self, question: Question) -> str:
        await self.press(self.turns)
        return question.words[ENTER]


class CadenceRide(MeasuredRide[CadenceScreen]):
    """A ride that measures the cadence of a bike in one of three ways."""

    quantity = "cadence"
    least = STANDING_RPM
    unheard = ("the bike reported no pedalling", "if you did pedal, check its sensor")

    def __init__(
        self, session: CalibrationSession, clock: GatewayClock, view: LiveView[CadenceScreen]
    ) -> None:
        super().__init__(session, clock, view)
        self._metronome: Metronome | None = None

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
        await self._listen_to(OwnSensor(name, driver, self._clock))
        self._instruct("Pedal evenly, at any cadence.")
        span_ns = await self._measure(seconds)
        return [by_sensor(self._said, self._others, *span_ns)]

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
            await cancelled(beating)

    def _value(self, reading: Reading) -> float | None:
        return reading.cadence_rpm

    def _screen(self, now_ns: int) -> CadenceScreen:
        return CadenceScreen(
            bike_id=self._session.state.bike_id,
            link=self._link,
            said_rpm=self._last(self._said),
            scale=self._session.state.in_use.cadence_scale,
            instruction=self._question.text,
            doing=self._doing,
            other=self._other_name,
            other_rpm=self._last(self._others),
            done=self._done(now_ns),
            phase=None if self._metronome is None else self._metronome.phase(now_ns),
            keys=tuple(legend(self._question.words)),
        )
