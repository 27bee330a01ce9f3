"""The number a bike gives for its knob, as it comes: filtered, its noise, whether it holds. Pure.

It has to do for counts of a converter (0 … 1023 or 4095), for levels (1 … 32) and for percent, once
to ten times a second, and nobody says beforehand which it is. So all is judged by what was heard:
the range so far, the smallest step, and how much one number differs from the next.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from statistics import fmean, median, median_low, pstdev

from gateway.timing.units import NS_PER_S

#: A hold is at least so many samples, over at least this time.
MIN_SAMPLES = 10
MIN_HOLD_S = 2.0
#: What is remembered. The slowest bikes need this time for a hold, and so many samples of the
#: fastest last for longer than one, since those that come closer together are not used: they are
#: the same one twice, or more than a knob needs.
WINDOW_S = 30
WINDOW_SAMPLES = 64
SPACING_NS = 40_000_000
#: The filtered number is the median of so many: two glitches among them are not seen.
FILTER_SAMPLES = 5
FEWEST_FILTERED = 3
#: A bike that speaks, but not of its knob, for so long: its number still holds. There are bikes
#: that say it only when it changes.
REPEAT_NS = 900_000_000
#: So much of the range seen so far nobody would call movement.
STILL_FRACTION = 0.005
#: Further away than this is a glitch: in standard deviations, or in steps of the bike.
GLITCH_NOISES = 4.5
GLITCH_STEPS = 3.0
#: The smallest difference, if seen so often, is the step in which the bike counts; else it is that
#: of a glitch or a quick turn. Those that differ by no more than this factor are the same.
STEPS_SEEN = 3
SAME_STEP = 1.5
#: Fewer samples tell nothing of noise.
FEWEST_STILL = 5
#: White noise has √½ of the standard deviation of its successive differences. A number that
#: wanders has more (von Neumann's ratio); so much more is no chance any more.
MAX_WANDER = 1.5
#: The halves of a hold have the same mean, up to so many standard errors of their difference.
MAX_DRIFT_ERRORS = 2.0
#: Two positions of the knob are further apart than so many standard deviations.
DISCERNIBLE_NOISES = 3.0
#: A console has fewer levels than this; a converter counts further.
COARSE_STEPS = 100
#: A Peloton's number at rest, over minutes (a recording of ihaque/pelomon): one or two either way.
WANDER_STEPS = 3.0
#: The rate is that of the last seconds.
RATE_WINDOW_NS = 5 * NS_PER_S
#: Of normal noise, the standard deviation over the median absolute deviation.
_SD_PER_MAD = 1.4826

RawPoint = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Hold:
    """A stretch of samples (at_ns, raw) in which the knob stood still; glitches are not among them.

    It has at least one sample, and is perhaps too short to be believed.
    """

    members: tuple[RawPoint, ...]

    @property
    def start_ns(self) -> int:
        return self.members[0][0]

    @property
    def end_ns(self) -> int:
        return self.members[-1][0]

    @property
    def held_s(self) -> float:
        return (self.end_ns - self.start_ns) / NS_PER_S

    @property
    def samples(self) -> int:
        return len(self.members)

    @property
    def raw(self) -> float:
        """The median."""
        return median(raw for _, raw in self.members)

    @property
    def noise(self) -> float:
        """The standard deviation."""
        return pstdev(raw for _, raw in self.members)

    @property
    def is_long_enough(self) -> bool:
        return self.samples >= MIN_SAMPLES and self.held_s >= MIN_HOLD_S


class RawSignal:
    """Hears one bike. What it remembers is bounded, however long and fast the bike speaks."""

    def __init__(self) -> None:
        self.last: float | None = None
        #: That goes on to the newest sample; None while the knob is turned.
        self.latest_hold: Hold | None = None
        self._window: deque[RawPoint] = deque(maxlen=WINDOW_SAMPLES)
        self._arrivals_ns: deque[int] = deque(maxlen=WINDOW_SAMPLES)
        #: Of the last hold.
        self._hold_noise: float | None = None
        #: Lowest and highest that passed the filter.
        self._range: tuple[float, float] | None = None
        #: The smallest differences between successive numbers.
        self._steps: list[float] = []

    def hear(self, at_ns: int, raw: float | None) -> None:
        """The bike said `raw`, or something else (None). Raises ValueError for inf and nan."""
        if raw is None:
            if self.last is not None and self._window and self._is_silent_since(at_ns):
                self._add(at_ns, self.last)
            return
        if not isfinite(raw):
            raise ValueError(f"{raw} is no number that a bike can say")
        if self._arrivals_ns and at_ns < self._arrivals_ns[-1]:
            return
        self.last = raw
        self._arrivals_ns.append(at_ns)
        if not self._window or at_ns - self._window[-1][0] >= SPACING_NS:
            self._add(at_ns, raw)

    def restart(self) -> None:
        """The bike was away: who knows what was done to its knob. What it is like is remembered."""
        self.last = self.latest_hold = None
        self._window.clear()
        self._arrivals_ns.clear()

    @property
    def hold(self) -> Hold | None:
        """The knob stands still, and has for long enough to be believed."""
        hold = self.latest_hold
        return hold if hold is not None and hold.is_long_enough else None

    @property
    def had_hold(self) -> bool:
        """There was one, now or before: it is known what is noise."""
        return self._hold_noise is not None

    @property
    def filtered(self) -> float | None:
        """A short median, in which lone glitches do not show; None while too little was heard."""
        if len(self._window) < FEWEST_FILTERED:
            return None
        return median_low(raw for _, raw in list(self._window)[-FILTER_SAMPLES:])

    @property
    def tolerance(self) -> float:
        """Half a percent of the range seen so far, in raw units."""
        return 0.0 if self._range is None else STILL_FRACTION * (self._range[1] - self._range[0])

    @property
    def noise(self) -> float:
        """Standard deviation: of the last hold; a guess until there was one."""
        if self._hold_noise is not None:
            return self._hold_noise
        steps = [after - before for (_, before), (_, after) in pairwise(self._window)]
        return _sd_by_mad(steps) / sqrt(2) if steps else 0.0

    @property
    def discernible(self) -> float:
        """Numbers that differ by more than this are two positions of the knob.

        A guess until there was a hold.
        """
        return max(self.tolerance, DISCERNIBLE_NOISES * self.noise, self._discernible_step)

    @property
    def _discernible_step(self) -> float:
        """Fine numbers wander by a step or two on their own, for minutes; coarse ones do not."""
        highest = max(map(abs, self._range or (0.0,)))
        # Until more is known, a number of hundreds is taken to count in ones.
        step = self._step or float(highest > COARSE_STEPS)
        is_fine = highest > COARSE_STEPS * step
        return step * (WANDER_STEPS if is_fine else DISCERNIBLE_NOISES / sqrt(12))

    @property
    def fuzz(self) -> float:
        """The noise, but at least that of rounding to the bike's steps."""
        return max(self.noise, self._step / sqrt(12))

    def rate_hz(self, now_ns: int) -> float:
        """How often the bike says the number, over the last seconds; 0 if it does not."""
        instants_ns = list(self._arrivals_ns)
        recent = instants_ns[bisect_right(instants_ns, now_ns - RATE_WINDOW_NS) :]
        span_ns = recent[-1] - recent[0] if recent else 0
        return (len(recent) - 1) * NS_PER_S / span_ns if span_ns else 0.0

    def age_s(self, now_ns: int) -> float | None:
        """Of what counts as the last number. None if there is none."""
        return (now_ns - self._window[-1][0]) / NS_PER_S if self._window else None

    @property
    def _step(self) -> float:
        """In which the bike counts: of counts and levels 1. 0 while too little was heard to say."""
        steps = self._steps
        is_known = len(steps) == STEPS_SEEN and steps[-1] <= SAME_STEP * steps[0]
        return steps[0] if is_known else 0.0

    def _is_silent_since(self, at_ns: int) -> bool:
        return at_ns - self._window[-1][0] >= REPEAT_NS

    def _add(self, at_ns: int, raw: float) -> None:
        window = self._window
        if window and raw != window[-1][1]:
            insort(self._steps, abs(raw - window[-1][1]))
            del self._steps[STEPS_SEEN:]
        window.append((at_ns, raw))
        while window[0][0] < at_ns - WINDOW_S * NS_PER_S:
            window.popleft()
        filtered = self.filtered
        if filtered is not None:
            low, high = self._range or (filtered, filtered)
            self._range = min(low, filtered), max(high, filtered)
        self.latest_hold = self._find_hold()
        if self.hold is not None:
            self._hold_noise = self.hold.noise

    def _find_hold(self) -> Hold | None:
        """The longest that is level; where the knob was turned, its oldest part is left off."""
        near = self._latest_near()
        while len(near) >= FEWEST_STILL:
            if _is_level([raw for _, raw in near], self.tolerance):
                return Hold(tuple(near))
            near = near[max(1, len(near) // 4) :]
        return None

    def _latest_near(self) -> Sequence[RawPoint]:
        """Back from the newest, all that are about where the newest are, without lone glitches.

        Two in a row that are elsewhere are no glitches: there the knob was turned.
        """
        latest = [raw for _, raw in list(self._window)[-MIN_SAMPLES:]]
        if len(latest) < FEWEST_STILL:
            return []
        centre = median(latest)
        reach = max(self.tolerance, GLITCH_NOISES * _sd_by_mad(latest), GLITCH_STEPS * self._step)
        near: list[RawPoint] = []
        elsewhere = 0
        for at_ns, raw in reversed(self._window):
            elsewhere = elsewhere + 1 if abs(raw - centre) > reach else 0
            if elsewhere == 2:
                break
            if not elsewhere:
                near.append((at_ns, raw))
        return near[::-1]


def _sd_by_mad(values: Sequence[float]) -> float:
    """A standard deviation that glitches do not touch."""
    centre = median(values)
    return _SD_PER_MAD * median(abs(value - centre) for value in values)


def _is_level(raws: Sequence[float], tolerance: float) -> bool:
    """What differs among them is noise, not movement."""
    noise = sqrt(fmean((after - before) ** 2 for before, after in pairwise(raws)) / 2)
    half = len(raws) // 2
    drift = abs(fmean(raws[half:]) - fmean(raws[:half]))
    if drift > MAX_DRIFT_ERRORS * 2 * noise / sqrt(len(raws)):
        return False
    return max(raws) - min(raws) <= tolerance or pstdev(raws) <= MAX_WANDER * noise
