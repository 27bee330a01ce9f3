"""The number that a bike sends for its knob: filtered, with its noise and its holds. Pure.

The number may be the count of a converter (0 … 1023 or 4095), a level (1 … 32) or a percentage, and
arrives once to ten times a second. Its kind is unknown beforehand, so everything is judged by the
numbers themselves: their range so far, the smallest step, and the differences of successive ones.
"""

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from statistics import fmean, median, median_low, pstdev

from gateway.timing.units import NS_PER_S

#: A hold has at least this many samples, and lasts at least this many seconds.
MIN_SAMPLES = 10
MIN_HOLD_S = 2.0
#: The memory in seconds and in samples. The slowest bikes need WINDOW_S for a hold. At the fastest
#: rate WINDOW_SAMPLES last longer than a hold, because samples that follow each other within
#: SPACING_NS are not used: they are duplicates, or more than a knob needs.
WINDOW_S = 30
WINDOW_SAMPLES = 64
SPACING_NS = 40_000_000
#: The filtered number is the median of at most this many samples, which hides two glitches, and
#: of at least FEWEST_FILTERED.
FILTER_SAMPLES = 5
FEWEST_FILTERED = 3
#: If a bike reports only other values for this long, in nanoseconds, its last number is repeated:
#: some bikes send it only when it changes.
REPEAT_NS = 900_000_000
#: Changes smaller than this fraction of the observed range are not movement.
STILL_FRACTION = 0.005
#: A sample farther away than this is a glitch: in standard deviations, and in steps of the bike.
GLITCH_NOISES = 4.5
GLITCH_STEPS = 3.0
#: The smallest difference is the step in which the bike counts if it was seen STEPS_SEEN times;
#: else it comes from a glitch or a quick turn. Differences within the factor SAME_STEP are equal.
STEPS_SEEN = 3
SAME_STEP = 1.5
#: Fewer samples than this do not show the noise.
FEWEST_STILL = 5
#: The standard deviation of white noise is √½ of that of its successive differences. If the number
#: wanders, the ratio is larger (von Neumann's ratio); beyond this factor it is not chance.
MAX_WANDER = 1.5
#: The means of the two halves of a hold differ by at most this many standard errors.
MAX_DRIFT_ERRORS = 2.0
#: Two positions of the knob are more than this many standard deviations apart.
DISCERNIBLE_NOISES = 3.0
#: A console has fewer levels than this, and a converter more counts.
COARSE_STEPS = 100
#: How far the number of a knob at rest wanders over minutes, in steps: in a recording of a Peloton
#: (ihaque/pelomon) one or two either way.
WANDER_STEPS = 3.0
#: The rate is measured over this time, in nanoseconds.
RATE_WINDOW_NS = 5 * NS_PER_S
#: The standard deviation of normal noise divided by its median absolute deviation.
_SD_PER_MAD = 1.4826

RawPoint = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Hold:
    """A stretch of samples (at_ns, raw) during which the knob was still, without its glitches.

    It has at least one sample, and may be too short to be reliable.
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
        """The median of the samples."""
        return median(raw for _, raw in self.members)

    @property
    def noise(self) -> float:
        """The standard deviation of the samples."""
        return pstdev(raw for _, raw in self.members)

    @property
    def is_long_enough(self) -> bool:
        return self.samples >= MIN_SAMPLES and self.held_s >= MIN_HOLD_S


class RawSignal:
    """The number of one bike as it arrives. Its memory is bounded at any rate and duration."""

    def __init__(self) -> None:
        self.last: float | None = None
        #: The hold that includes the newest sample; None while the knob is turned.
        self.latest_hold: Hold | None = None
        self._window: deque[RawPoint] = deque(maxlen=WINDOW_SAMPLES)
        self._arrivals_ns: deque[int] = deque(maxlen=WINDOW_SAMPLES)
        #: The noise of the last hold.
        self._hold_noise: float | None = None
        #: The lowest and the highest filtered number.
        self._range: tuple[float, float] | None = None
        #: The smallest differences between successive numbers.
        self._steps: list[float] = []

    def hear(self, at_ns: int, raw: float | None) -> None:
        """Add the number `raw`, or None if the bike reported other values only.

        Raises ValueError for inf and nan.
        """
        if raw is None:
            if self.last is not None and self._window and self._is_silent_since(at_ns):
                self._add(at_ns, self.last)
            return
        if not isfinite(raw):
            raise ValueError(f"{raw} is not a number that a bike can send")
        if self._arrivals_ns and at_ns < self._arrivals_ns[-1]:
            return
        self.last = raw
        self._arrivals_ns.append(at_ns)
        if not self._window or at_ns - self._window[-1][0] >= SPACING_NS:
            self._add(at_ns, raw)

    def restart(self) -> None:
        """Forget the samples after a disconnection: the knob may have been turned meanwhile.

        The noise, the range and the steps of the bike are kept.
        """
        self.last = self.latest_hold = None
        self._window.clear()
        self._arrivals_ns.clear()

    @property
    def hold(self) -> Hold | None:
        """The hold that includes the newest sample, if it is long enough to be reliable."""
        hold = self.latest_hold
        return hold if hold is not None and hold.is_long_enough else None

    @property
    def had_hold(self) -> bool:
        """Whether there has been a hold, so that the noise is known."""
        return self._hold_noise is not None

    @property
    def filtered(self) -> float | None:
        """A short median, which hides single glitches; None while there are too few samples."""
        if len(self._window) < FEWEST_FILTERED:
            return None
        return median_low(raw for _, raw in list(self._window)[-FILTER_SAMPLES:])

    @property
    def tolerance(self) -> float:
        """Half a percent of the range seen so far, in raw units."""
        return 0.0 if self._range is None else STILL_FRACTION * (self._range[1] - self._range[0])

    @property
    def noise(self) -> float:
        """The standard deviation of the last hold; an estimate before the first one."""
        if self._hold_noise is not None:
            return self._hold_noise
        steps = [after - before for (_, before), (_, after) in pairwise(self._window)]
        return _sd_by_mad(steps) / sqrt(2) if steps else 0.0

    @property
    def discernible(self) -> float:
        """The difference above which two numbers are two positions of the knob.

        An estimate before the first hold.
        """
        return max(self.tolerance, DISCERNIBLE_NOISES * self.noise, self._discernible_step)

    @property
    def _discernible_step(self) -> float:
        """The difference due to steps: fine numbers wander by a step or two, coarse ones do not."""
        highest = max(map(abs, self._range or (0.0,)))
        # Until the step is known, a number above COARSE_STEPS is assumed to count in ones.
        step = self._step or float(highest > COARSE_STEPS)
        is_fine = highest > COARSE_STEPS * step
        return step * (WANDER_STEPS if is_fine else DISCERNIBLE_NOISES / sqrt(12))

    @property
    def fuzz(self) -> float:
        """The noise, but at least the rounding noise of the bike's steps."""
        return max(self.noise, self._step / sqrt(12))

    def rate_hz(self, now_ns: int) -> float:
        """Return how often the bike sent the number in the last seconds; 0 if it did not."""
        instants_ns = list(self._arrivals_ns)
        recent = instants_ns[bisect_right(instants_ns, now_ns - RATE_WINDOW_NS) :]
        span_ns = recent[-1] - recent[0] if recent else 0
        return (len(recent) - 1) * NS_PER_S / span_ns if span_ns else 0.0

    def age_s(self, now_ns: int) -> float | None:
        """Return the age of the last number, repeated ones included; None if there is none."""
        return (now_ns - self._window[-1][0]) / NS_PER_S if self._window else None

    @property
    def _step(self) -> float:
        """The step in which the bike counts, 1 for counts and levels; 0 while it is unknown."""
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
        """Return the longest level stretch up to now; samples before a turn are left out."""
        near = self._latest_near()
        while len(near) >= FEWEST_STILL:
            if _is_level([raw for _, raw in near], self.tolerance):
                return Hold(tuple(near))
            near = near[max(1, len(near) // 4) :]
        return None

    def _latest_near(self) -> Sequence[RawPoint]:
        """Return the latest samples that are near the newest ones, without single glitches.

        Two successive samples elsewhere are not glitches: there the knob was turned.
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
    """Return a standard deviation that is insensitive to glitches."""
    centre = median(values)
    return _SD_PER_MAD * median(abs(value - centre) for value in values)


def _is_level(raws: Sequence[float], tolerance: float) -> bool:
    """Return whether the numbers differ by noise only, not by movement."""
    noise = sqrt(fmean((after - before) ** 2 for before, after in pairwise(raws)) / 2)
    half = len(raws) // 2
    drift = abs(fmean(raws[half:]) - fmean(raws[:half]))
    if drift > MAX_DRIFT_ERRORS * 2 * noise / sqrt(len(raws)):
        return False
    return max(raws) - min(raws) <= tolerance or pstdev(raws) <= MAX_WANDER * noise
