"""A guided calibration: which percent to turn the knob to next, and when it stands there. Pure.

It goes by the bike's number alone: where that has moved and then holds, it captures. How this is
shown, and which key is which command, others say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import copysign

from gateway.calibrating.measuring.signal import MIN_HOLD_S, MIN_SAMPLES, Hold, RawSignal
from gateway.sampling.calibration_record import CapturedPoint, Direction

DEFAULT_PERCENTS = (0.0, 25.0, 50.0, 75.0, 100.0)
#: More points than a knob has places.
MAX_COUNT = 101
#: Silence for longer is no lost message any more.
SILENT_S = 5.0
#: The knob was surely turned, and its sensor did not just creep: by so many standard deviations.
#: Of a bike with levels two are far enough; the very next one is captured on command.
SURE_NOISES = 6.0
#: A longer hold is in the same place if its noise is no more than this many times what it was.
SAME_NOISE = 2.0
#: Who turns on in the same direction so soon after a capture was only pausing.
PAUSE_NS = 600_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """Where the knob is to be turned, and which way it is turned to get there."""

    percent: float
    direction: Direction = "up"


def targets(
    points: int | Sequence[float] = DEFAULT_PERCENTS, *, both_ways: bool = False
) -> tuple[Target, ...]:
    """Up from the lowest, and `both_ways` down again from the highest, which is asked for once.

    `points`: percents in any order, or how many, evenly from 0 to 100. Raises ValueError.
    """
    percents = sorted(_evenly(points) if isinstance(points, int) else points)
    if len(percents) < 2 or len(set(percents)) < len(percents):
        raise ValueError(f"{_listed(percents)}: expected at least 2 percents, all different")
    if not 0 <= percents[0] <= percents[-1] <= 100:
        raise ValueError(f"{_listed(percents)}: expected percents in 0 … 100")
    up = [Target(percent, "up") for percent in percents]
    down = [Target(percent, "down") for percent in reversed(percents[:-1])]
    return (*up, *down) if both_ways else tuple(up)


def _evenly(count: int) -> list[float]:
    if not 2 <= count <= MAX_COUNT:
        raise ValueError(f"{count} points: expected 2 … {MAX_COUNT}")
    return [round(100 * index / (count - 1), 1) for index in range(count)]


def _listed(percents: Sequence[float]) -> str:
    return ", ".join(f"{percent:g}" for percent in percents) or "nothing"


class Phase(StrEnum):
    """What the person is to do."""

    #: Nothing: the bike does not say its number.
    WAIT = "wait"
    TURN = "turn"
    HOLD = "hold"
    DONE = "done"


class Hint(StrEnum):
    """What the person may want to know beside."""

    NONE = ""
    #: The number has not moved since the question was put, but stands still: it can be captured.
    IS_STILL = "is still"
    #: The knob was turned on right after the capture: perhaps that should be taken back.
    TURNED_ON = "turned on"


@dataclass(frozen=True, slots=True)
class GuideProgress:
    """What to show. `target` is the `number`th of `count`; None when all are done.

    The number holds for `samples` and `held_s` by now; it takes `samples_needed` and
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
    """A command cannot be done now. The text says why."""


@dataclass(slots=True)
class _Pause:
    """A capture that may have been made in a pause: where and when, and how it was come to."""

    at_ns: int
    raw: float
    #: 1 or -1: whether the number rose or fell.
    sign: float
    #: Further away than this it was turned on.
    reach: float
    turned_on: int = 0

    def is_over(self, at_ns: int) -> bool:
        return at_ns > self.at_ns + PAUSE_NS and not self.turned_on

    def hear(self, raw: float) -> bool:
        """Whether it is clear that the knob was turned on: one sample alone may be a glitch."""
        self.turned_on = self.turned_on + 1 if (raw - self.raw) * self.sign > self.reach else 0
        return self.turned_on >= 2


class Guide:
    """One run through the targets. Times are monotonic nanoseconds."""

    def __init__(self, asked: Sequence[Target]) -> None:
        self.signal = RawSignal()
        self._targets = tuple(asked)
        #: By target; None for one that was skipped.
        self._answers: list[CapturedPoint | None] = []
        #: The number when the question was put, and whether the knob was turned since.
        self._stood_at: float | None = None
        self._has_moved = False
        #: What counted as far away when the question was put.
        self._reach = 0.0
        #: The question was put by a capture.
        self._has_just_captured = False
        self._pause: _Pause | None = None
        self._hint = Hint.NONE

    @property
    def target(self) -> Target | None:
        """What is asked for now; None when all are done."""
        done = len(self._answers)
        return self._targets[done] if done < len(self._targets) else None

    @property
    def captured(self) -> tuple[CapturedPoint, ...]:
        return tuple(answer for answer in self._answers if answer is not None)

    @property
    def answers(self) -> tuple[CapturedPoint | None, ...]:
        """By target, as far as they are answered; None for one that was skipped."""
        return tuple(self._answers)

    @property
    def skipped(self) -> tuple[Target, ...]:
        answered = zip(self._targets, self._answers, strict=False)
        return tuple(target for target, answer in answered if answer is None)

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
        """The bike said its number, or other things (None). Gives the point this has captured."""
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
        """The bike is lost. When it comes back the knob must hold anew; all else stays."""
        self.signal.restart()
        self._pause = None

    def capture_now(self, now_ns: int) -> CapturedPoint:
        """Capture where the knob stands, also if it was never turned. Raises StepRefused."""
        if self.target is None:
            raise StepRefused("all points are captured or skipped")
        age_s = self.signal.age_s(now_ns)
        if age_s is None:
            raise StepRefused("the bike has not said its number yet")
        if age_s > SILENT_S:
            raise StepRefused(f"the bike has not said its number for {age_s:.0f} s")
        if self.signal.hold is None:
            raise StepRefused(_why_not(self.signal))
        return self._capture(self.signal.hold)

    def redo(self) -> Target:
        """Take back the last capture, or skip: that target is asked for again.

        Raises StepRefused.
        """
        if not self._answers:
            raise StepRefused("nothing was captured or skipped yet")
        taken_back = self._answers.pop()
        self._ask(self.signal.filtered if taken_back is None else taken_back.raw)
        return self._targets[len(self._answers)]

    def skip(self) -> Target:
        """Go on without this target. Raises StepRefused."""
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

    def _ask(self, stands_at: float | None, *, has_just_captured: bool = False) -> None:
        """The next question is put."""
        self._stood_at = stands_at
        self._reach = self._reach_now()
        self._has_just_captured = has_just_captured
        self._has_moved = False
        self._pause = None
        self._hint = Hint.NONE

    def _capture(self, hold: Hold) -> CapturedPoint:
        point = _point(self._targets[len(self._answers)], hold)
        came_from, has_moved = self._stood_at, self._has_moved
        self._answers.append(point)
        self._ask(hold.raw, has_just_captured=True)
        if came_from is not None and has_moved:
            sign = copysign(1, hold.raw - came_from)
            self._pause = _Pause(hold.end_ns, hold.raw, sign, self.signal.discernible)
        return point

    def _better(self, hold: Hold) -> None:
        """Replace the point: the longer the knob stays where it was captured, the better.

        A turn adds to the noise, and what is within the noise does not count as a turn. A hold in
        which a turn may have begun is therefore left out: one that is far from the point, by the
        noise before the turn, or much noisier.
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
        if self._stood_at is None:
            self._stood_at = filtered
        if self.signal.had_hold and self._is_far(filtered, self._stood_at):
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
        """The knob was turned, and to elsewhere than where the last point was captured."""
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
        return "the bike has said too little yet: hold the knob still"
    if latest is None:
        return "the number still moves: hold the knob still"
    if latest.samples < MIN_SAMPLES:
        return f"{latest.samples} of {MIN_SAMPLES} samples so far: hold the knob still"
    return f"held for {latest.held_s:.1f} of {MIN_HOLD_S:g} s: hold the knob still"
