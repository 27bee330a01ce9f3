"""The guided ride of `capture`: what the rider of an unknown bike does, and reports afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.timing.units import NS_PER_S

if TYPE_CHECKING:
    from drivers import Clock
    from drivers.captures.recorder import FrameRecorder


@dataclass(frozen=True, slots=True)
class RideStep:
    """Something that the rider does for some seconds."""

    seconds: int
    what: str
    #: The cadence at which the rider counts turns meanwhile; None: nothing is counted.
    counted_at_rpm: int | None = None


_COUNT = "keep that cadence and count the turns of one pedal"

#: Two cadences, the second half as fast again as the first. The rider keeps each long enough that
#: an error of one turn matters little.
RIDE = (
    RideStep(10, "keep the pedals still"),
    RideStep(5, "pedal: get to about 60 rpm, one turn a second"),
    RideStep(20, _COUNT, counted_at_rpm=60),
    RideStep(5, "pedal faster: get to about 90 rpm, three turns in two seconds"),
    RideStep(20, _COUNT, counted_at_rpm=90),
    RideStep(20, "keep pedalling and turn the resistance slowly from one end to the other"),
)

#: Asks the rider a question; the answer is empty if there is no terminal.
AskRider = Callable[[str], str]


class GuidedRide:
    """A ride in steps. `line` is the current step, for people; empty before and after the ride."""

    def __init__(self, clock: "Clock", recorder: "FrameRecorder") -> None:
        self._clock = clock
        self._recorder = recorder
        self._step: RideStep | None = None
        self._until_ns = 0
        #: The counted steps that were ridden to the end, each with the time at which it ended.
        self._counted: list[tuple[RideStep, int]] = []

    @property
    def line(self) -> str:
        if self._step is None:
            return ""
        left_s = max(0.0, (self._until_ns - self._clock.monotonic_ns()) / NS_PER_S)
        return f"{self._step.what}: {left_s:.0f} s left"

    async def run(self) -> None:
        """Go through the steps, and note in the capture when each of them began."""
        self._until_ns = self._clock.monotonic_ns()
        for step in RIDE:
            self._recorder.record_note(step.what, self._until_ns)
            self._step = step
            self._until_ns += step.seconds * NS_PER_S
            await self._clock.sleep_until(self._until_ns)
            if step.counted_at_rpm is not None:
                self._counted.append((step, self._until_ns))
        self._step = None

    def ask(self, ask: AskRider) -> None:
        """Ask what the rider counted and saw, and write the answers to the capture."""
        for step, until_ns in self._counted:
            from_ns = until_ns - step.seconds * NS_PER_S
            question = f"Turns that you counted at about {step.counted_at_rpm} rpm"
            turns = _turns_from(ask, question, step.seconds)
            if turns is not None:
                self._recorder.record_turns(turns, from_ns, until_ns)
            shown = ask(
                f"Cadence, resistance, power and speed that the display showed at about "
                f"{step.counted_at_rpm} rpm (press Enter for none)"
            )
            if shown:
                self._recorder.record_note(f"the display showed: {shown}", from_ns)


def _turns_from(ask: AskRider, question: str, seconds: float) -> float | None:
    """Ask until the answer is a possible number of turns; return None for an empty answer."""
    from drivers.captures.format import CountedTurns

    hint = " (press Enter if not counted)"
    while text := ask(f"{question}{hint}").strip():
        try:
            turns = float(text)
        except ValueError:
            turns = -1.0
        if CountedTurns(0, seconds, turns).is_plausible:
            return turns
        hint = " (a number such as 20; press Enter if not counted)"
    return None
