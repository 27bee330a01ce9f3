"""A guided calibration: the percentage to turn the knob to next, and when it is there. Pure.

The guide uses the bike's number alone: it captures a point when the number has moved and then
holds. Display and keys are defined elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import copysign

from gateway.calibrating.measuring.signal import MIN_HOLD_S, MIN_SAMPLES, Hold, RawSignal
from gateway.sampling.calibration_record import CapturedPoint, Direction

DEFAULT_PERCENTS = (0.0, 25.0, 50.0, 75.0, 100.0)
#: The largest number of points.
MAX_COUNT = 101
#: A longer silence, in seconds, is more than a few lost messages.
SILENT_S = 5.0
#: A knob was turned, and its sensor did not just drift, if the number moved by this many standard
#: deviations. On a bike with levels this is two levels; an adjacent level needs a command.
SURE_NOISES = 6.0
#: A hold that has grown is still in the same place if its noise grew at most by this factor.
SAME_NOISE = 2.0
#: A user who goes on turning in the same direction this soon after a capture was only pausing.
PAUSE_NS = 600_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """A percent to turn the knob to, and the direction from which to approach it."""

    percent: float
    direction: Direction = "up"


def targets(
    points: int | Sequence[float] = DEFAULT_PERCENTS, *, both_ways: bool = False
) -> tuple[Target, ...]:
    """Return targets from the lowest percentage upwards, and with `both_ways` down again.

    The highest percentage occurs once. `points`: percentages in any order, or their number,
    evenly from 0 to 100. Raises ValueError.
    """
    percents = sorted(_evenly(points) if isinstance(points, int) else points)
    if len(percents) < 2 or len(set(percents)) < len(percents):
        raise ValueError(f"{_listed(percents)}: expected at least 2 different percentages")
    if not 0 <= percents[0] <= percents[-1] <= 100:
        raise ValueError(f"{_listed(percents)}: expected percentages from 0 to 100")
    up = [Target(percent, "up") for percent in percents]
    down = [Target(percent, "down") for percent in reversed(percents[:-1])]
    return (*up, *down) if both_ways else tuple(up)


def _evenly(count: int) -> list[float]:
    if not 2 <= count <= MAX_COUNT:
        raise ValueError(f"expected 2 … {MAX_COUNT} points")
    return [round(100 * index / (count - 1), 1) for index in range(count)]


def _listed(percents: Sequence[float]) -> str:
    return ", ".join(f"{percent:g}" for percent in percents) or "nothing"


class Phase(StrEnum):
    """The task of the user."""

    #: Wait: the bike does not send its number.
    WAIT = "wait"
    TURN = "turn"
    HOLD = "hold"
    DONE = "done"


class Hint(StrEnum):
    """An additional hint to the user."""

    NONE = ""
    #: The number is still, but has not moved since the target was set: it can be captured.
    IS_STILL = "is still"
    #: The knob was turned further right after the capture: perhaps it should be taken back.
    TURNED_ON = "turned on"


@dataclass(frozen=True, slots=True)
class GuideProgress:
    """The progress of a guide. `target` is the `number`th of `count`; None when all are done.

    The present hold has `samples` and lasts `held_s`; a capture needs `samples_needed` and
    `held_s_needed`.
    """

    phase: Phase
    target: Target | None
    number: int
    count: int
    samples: int
    held_s: float
    hint: Hint
    samples_needed: int = MIN_SAMPLES
    held_s_needed: float = MIN_HOLD_S


class StepRefused(Exception):
    """A command that is not possible now. The text gives the reason."""


@dataclass(slots=True)
class _Pause:
    """A capture that may have happened during a pause: its time, its number, and the direction."""

    at_ns: int
    raw: float
    #: 1 if the number rose, -1 if it fell.
    sign: float
    #: A change by more than this means that the knob was turned further.
    reach: float
    turned_on: int = 0

    def is_over(self, at_ns: int) -> bool:
        return at_ns > self.at_ns + PAUSE_NS and not self.turned_on

    def hear(self, raw: float) -> bool:
        """Return whether the knob was turned further; a single sample may be a glitch."""
        self.turned_on = self.turned_on + 1 if (raw - self.raw) * self.sign > self.reach else 0
        return self.turned_on >= 2


class Guide:
    """A run through the targets. Times are monotonic nanoseconds."""

    def __init__(self, asked: Sequence[Target]) -> None:
        self.signal = RawSignal()
        self._targets = tuple(asked)
        #: The point of each target so far; None for a skipped target.
        self._answers: list[CapturedPoint | None] = []
        #: The number when the target was set, and whether the knob was turned since.
        self._began_at: float | None = None
        self._has_moved = False
        #: The distance that counted as a turn when the target was set.
        self._reach = 0.0
        #: Whether the target was set by a capture.
        self._has_just_captured = False
        self._pause: _Pause | None = None
        self._hint = Hint.NONE

    @property
    def target(self) -> Target | None:
        """The target now; None when all are done."""
        done = len(self._answers)
        return self._targets[done] if done < len(self._targets) else None

    @property
    def captured(self) -> tuple[CapturedPoint, ...]:
        return tuple(answer for answer in self._answers if answer is not None)

    @property
    def answers(self) -> tuple[CapturedPoint | None, ...]:
        """The point of each target so far; None for a skipped target."""
        return tuple(self._answers)

    def progress(self, now_ns: int) -> GuideProgress:
        hold = self.signal.latest_hold
        return GuideProgress(
            phase=self._phase(now_ns, hold),
            target=self.target,
            number=min(len(self._answers) + 1, len(self._targets)),
            count=len(self._targets),
            samples=0 if hold is None else hold.samples,
            held_s=0.0 if hold is None else hold.held_s,
            hint=self._hint or self._hint_of(hold),
        )

    def hear(self, at_ns: int, raw: float | None) -> CapturedPoint | None:
        """Add the bike's number, or None for other values; return a point if it captures one."""
        self.signal.hear(at_ns, raw)
        self._notice_movement()
        self._notice_turning_on(at_ns, raw)
        hold = self.signal.hold
        if hold is not None and self._has_just_captured and not self._has_moved:
            self._better(hold)
        if self.target is None or hold is None or not self._is_new(hold):
            return None
        return self._capture(hold)

    def disconnected(self) -> None:
        """Restart the hold after a lost connection; keep everything else."""
        self.signal.restart()
        self._pause = None

    def capture_now(self, now_ns: int) -> CapturedPoint:
        """Capture the knob where it is, even if it was not turned. Raises StepRefused."""
        if self.target is None:
            raise StepRefused("all points are captured or skipped")
        age_s = self.signal.age_s(now_ns)
        if age_s is None:
            raise StepRefused("the bike has not sent its resistance yet")
        if age_s > SILENT_S:
            raise StepRefused(f"the bike has not sent its resistance for {age_s:.0f} s")
        if self.signal.hold is None:
            raise StepRefused(_why_not(self.signal))
        return self._capture(self.signal.hold)

    def redo(self) -> Target:
        """Take back the last capture or skip, and return its target, which is next again.

        Raises StepRefused.
        """
        if not self._answers:
            raise StepRefused("nothing has been captured or skipped yet")
        taken_back = self._answers.pop()
        self._ask(self.signal.filtered if taken_back is None else taken_back.raw)
        return self._targets[len(self._answers)]

    def skip(self) -> Target:
        """Skip this target and return it. Raises StepRefused."""
        target = self.target
        if target is None:
            raise StepRefused("all points are captured or skipped")
        self._answers.append(None)
        self._ask(self.signal.filtered)
        return target

    def _phase(self, now_ns: int, hold: Hold | None) -> Phase:
        if self.target is None:
            return Phase.DONE
        age_s = self.signal.age_s(now_ns)
        if age_s is None or age_s > SILENT_S:
            return Phase.WAIT
        return Phase.HOLD if hold is not None and self._is_new(hold) else Phase.TURN

    def _hint_of(self, hold: Hold | None) -> Hint:
        if hold is None or not hold.is_long_enough or self.target is None:
            return Hint.NONE
        return Hint.NONE if self._has_just_captured or self._has_moved else Hint.IS_STILL

    def _ask(self, began_at: float | None, *, has_just_captured: bool = False) -> None:
        """Start the next target."""
        self._began_at = began_at
        self._reach = self._reach_now()
        self._has_just_captured = has_just_captured
        self._has_moved = False
        self._pause = None
        self._hint = Hint.NONE

    def _capture(self, hold: Hold) -> CapturedPoint:
        point = _point(self._targets[len(self._answers)], hold)
        came_from, has_moved = self._began_at, self._has_moved
        self._answers.append(point)
        self._ask(hold.raw, has_just_captured=True)
        if came_from is not None and has_moved:
            sign = copysign(1, hold.raw - came_from)
            self._pause = _Pause(hold.end_ns, hold.raw, sign, self.signal.discernible)
        return point

    def _better(self, hold: Hold) -> None:
        """Replace the point while the knob stays where it was captured: a longer hold is better.

        A turn increases the noise, and changes within the noise do not count as a turn. Therefore
        ignore a hold in which a turn may have begun: one that is far from the point, measured by
        the noise before the turn, or one that is much noisier.
        """
        last = self._answers[-1]
        if last is None or hold.samples <= last.samples:
            return
        if abs(hold.raw - last.raw) <= self._reach and hold.noise <= SAME_NOISE * last.noise:
            self._answers[-1] = _point(self._targets[len(self._answers) - 1], hold)

    def _notice_movement(self) -> None:
        filtered = self.signal.filtered
        if filtered is None:
            return
        if self._began_at is None:
            self._began_at = filtered
        if self.signal.had_hold and self._is_far(filtered, self._began_at):
            self._has_moved = True

    def _notice_turning_on(self, at_ns: int, raw: float | None) -> None:
        if self._pause is None or raw is None:
            return
        if self._pause.hear(raw):
            self._hint = Hint.TURNED_ON
            self._pause = None
        elif self._pause.is_over(at_ns):
            self._pause = None

    def _is_new(self, hold: Hold) -> bool:
        """Return whether the knob was turned away from where the last point was captured."""
        captured = self.captured
        return self._has_moved and (not captured or self._is_far(hold.raw, captured[-1].raw))

    def _is_far(self, raw: float, other: float) -> bool:
        return abs(raw - other) > self._reach_now()

    def _reach_now(self) -> float:
        return max(self.signal.discernible, SURE_NOISES * self.signal.fuzz)


def _point(target: Target, hold: Hold) -> CapturedPoint:
    return CapturedPoint(target.percent, hold.raw, hold.noise, hold.samples, target.direction)


def _why_not(signal: RawSignal) -> str:
    latest = signal.latest_hold
    if signal.filtered is None:
        return "the bike has sent too few values so far: hold the knob still"
    if latest is None:
        return "the resistance is still changing: hold the knob still"
    if latest.samples < MIN_SAMPLES:
        return f"{latest.samples} of {MIN_SAMPLES} samples so far: hold the knob still"
    return f"held for {latest.held_s:.1f} of {MIN_HOLD_S:g} s: hold the knob still"
