"""Readings at the bike's rhythm in, one Sample a second out. Pure."""

from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum
from math import isfinite

from drivers import Reading
from drivers.magnetic_brake import resistance_percent
from gateway.sampling.calibration import AS_SAID, Calibration, ResistanceSource, resistance
from gateway.timing.units import NS_PER_S

#: A zero that is followed by a non-zero within this time is a drop-out of the sensor, not a stop.
#: Bikes that speak once a second do so with some jitter.
DROPOUT_NS = 1_250_000_000
#: A resistance so far from its neighbours is a glitch, if they are so near to each other.
GLITCH_PERCENT = 20.0
AGREE_PERCENT = 5.0
#: Values of one field kept at once. A bike speaks 1 … 10 times a second; more than this is a fault.
MAX_POINTS = 256


class FieldState(Enum):
    """What is behind a number, above all behind a 0."""

    #: The bike said it, and lately.
    LIVE = "live"
    #: The bike said it, but too long ago.
    STALE = "stale"
    #: The bike has not said it since it was connected.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a bike: calibrated, averaged, staleness judged.

    Not `present` means that the bike was away, or has not said anything yet: the second gets no
    update. Its cadence is then 0 and its resistance the last known. `resistance_source` is that of
    the last value in the second.
    """

    present: bool
    cadence_rpm: float
    resistance_percent: float
    power_w: float | None
    cadence: FieldState = FieldState.LIVE
    resistance: FieldState = FieldState.LIVE
    resistance_source: ResistanceSource = ResistanceSource.NONE


class _Series:
    """The recent values of one field as (at_ns, value), oldest first; each holds until the next."""

    def __init__(self) -> None:
        self._points: list[tuple[int, float]] = []
        self.dropped = 0

    def add(self, at_ns: int, value: float) -> None:
        if not isfinite(value):
            raise ValueError(f"{value} is no number that a bike can say")
        points = self._points
        if points and at_ns < points[-1][0]:
            self.dropped += 1
            return
        if len(points) >= MAX_POINTS:
            self.dropped += 1
            del points[0]
        points.append((at_ns, value))

    def clear(self) -> None:
        self._points.clear()

    @property
    def _last_value(self) -> float:
        return self._points[-1][1] if self._points else 0.0

    def mean(self, start_ns: int, end_ns: int, lifetime_ns: int) -> float | None:
        """Time-weighted mean over what was valid in [start, end); None if nothing was."""
        total, weight_ns = 0.0, 0
        until_ns = end_ns
        # Plain comparisons, backwards: this runs three times a second for each bike.
        for index in range(self._count_before(end_ns) - 1, -1, -1):
            at_ns, value = self._points[index]
            from_ns = at_ns if at_ns > start_ns else start_ns
            if until_ns - at_ns > lifetime_ns:
                until_ns = at_ns + lifetime_ns
            if until_ns > from_ns:
                total += self._believed(index, value, end_ns, lifetime_ns) * (until_ns - from_ns)
                weight_ns += until_ns - from_ns
            until_ns = at_ns
        return total / weight_ns if weight_ns else None

    def last(self, end_ns: int) -> float | None:
        past = self._count_before(end_ns)
        return self._points[past - 1][1] if past else None

    def state(self, start_ns: int, end_ns: int, lifetime_ns: int) -> FieldState:
        """Of what was said before `end_ns`; live if it was valid at some time since `start_ns`."""
        past = self._count_before(end_ns)
        if not past:
            return FieldState.UNKNOWN
        valid = self._points[past - 1][0] + lifetime_ns > start_ns
        return FieldState.LIVE if valid else FieldState.STALE

    def forget_before(self, end_ns: int) -> None:
        """Keep what still matters: the value that holds now, and the one a zero is judged by."""
        del self._points[: max(0, self._count_before(end_ns) - 2)]

    def _count_before(self, end_ns: int) -> int:
        return bisect_left(self._points, (end_ns,))

    def _believed(self, index: int, value: float, end_ns: int, lifetime_ns: int) -> float:
        """What the point at `index`, which says `value`, stands for."""
        return value


class _KnobSeries(_Series):
    """Resistance, where a lone value far from its neighbours, which agree, is a glitch.

    Known of Peloton bikes (selalipop/grupetto). No hand turns a knob there and back so fast.
    """

    def _believed(self, index: int, value: float, end_ns: int, lifetime_ns: int) -> float:
        points = self._points
        if not 0 < index < len(points) - 1:
            return value
        before_ns, before = points[index - 1]
        after_ns, after = points[index + 1]
        is_glitch = (
            abs(after - before) <= AGREE_PERCENT
            and abs(value - before) >= GLITCH_PERCENT
            and after_ns - before_ns <= 2 * DROPOUT_NS
        )
        return before if is_glitch else value


class _RidingSeries(_Series):
    """Cadence or power, where a lone zero is a drop-out of the sensor.

    Known of Keiser and Flywheel bikes. While it is still open whether a zero is alone, the
    value before it holds. On bikes that speak seldom it is known by the other of the two, which
    goes on (ptx2/gymnasticon): the first such zero is not heard.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_doubting = False

    def add(self, at_ns: int, value: float, *, is_doubtful: bool = False) -> None:
        """`is_doubtful`: the same Reading says that there is riding, so a zero may be none."""
        if value == 0 and is_doubtful and not self._is_doubting and self._last_value:
            self._is_doubting = True
            return
        self._is_doubting = False
        super().add(at_ns, value)

    def _believed(self, index: int, value: float, end_ns: int, lifetime_ns: int) -> float:
        if value or index == 0 or not self._returns_soon(index, end_ns):
            return value
        before_ns, before = self._points[index - 1]
        return before if self._points[index][0] - before_ns < lifetime_ns else 0.0

    def _returns_soon(self, index: int, end_ns: int) -> bool:
        at_ns = self._points[index][0]
        if index + 1 == len(self._points):
            return end_ns - at_ns < DROPOUT_NS
        next_ns, following = self._points[index + 1]
        return following != 0 and next_ns - at_ns <= DROPOUT_NS


class Sampler:
    """One bike's Readings, second by second. Times are monotonic nanoseconds."""

    def __init__(self, calibration: Calibration = AS_SAID) -> None:
        self._stale_ns = 0
        self._calibration = calibration
        #: The last that said something of the resistance, on this connection.
        self._knob: Reading | None = None
        self._says_raw = False
        self._cadence = _RidingSeries()
        self._power = _RidingSeries()
        self._resistance = _KnobSeries()
        self._connected_ns: int | None = None
        self._heard_ns: int | None = None
        self._last_resistance_percent = 0.0
        self._resistance_source = ResistanceSource.NONE

    @property
    def calibration(self) -> Calibration:
        """Another holds at once, also for bikes that say their resistance only when it changes."""
        return self._calibration

    @calibration.setter
    def calibration(self, calibration: Calibration) -> None:
        self._calibration = calibration
        if self._knob is not None:
            self._add_resistance(self._knob, self._heard_ns or self._knob.at_ns)

    @property
    def dropped(self) -> int:
        """Values not used because they came out of order or too fast."""
        return self._cadence.dropped + self._power.dropped + self._resistance.dropped

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        """A cadence or power not repeated for `stale_after_s` is no longer believed.

        On a connected bike the cadence is then 0, since a rider who stops is often not announced,
        and the power is left out. Resistance is a knob: it stays where it was.
        """
        self._connected_ns = at_ns
        self._stale_ns = round(stale_after_s * NS_PER_S)

    def disconnected(self) -> None:
        self._connected_ns = None
        self._knob = None

    def add(self, reading: Reading) -> None:
        """Raises TypeError or ValueError for what is not a finite number: the driver's bug."""
        self._heard_ns = max(reading.at_ns, self._heard_ns or reading.at_ns)
        cadence_rpm, power_w = reading.cadence_rpm, reading.power_w
        if cadence_rpm is not None:
            cadence_rpm *= self._calibration.cadence_scale
            self._cadence.add(reading.at_ns, cadence_rpm, is_doubtful=bool(power_w))
        if power_w is not None:
            self._power.add(reading.at_ns, power_w, is_doubtful=bool(cadence_rpm))
        if reading.resistance_raw is not None or reading.resistance_percent is not None:
            self._knob = reading
            self._says_raw = self._says_raw or reading.resistance_raw is not None
            self._add_resistance(reading, reading.at_ns)

    def _add_resistance(self, reading: Reading, at_ns: int) -> None:
        found = resistance(reading, self._calibration)
        if found is None and not self._says_raw:  # calibrated by a number that it does not have
            found = resistance(reading, AS_SAID)
        if found is not None:
            percent, self._resistance_source = found
            self._resistance.add(at_ns, percent)

    def close_second(self, start_ns: int, end_ns: int) -> Sample:
        """The Sample of [start, end). Seconds are closed in order, each once."""
        there = self._was_there(start_ns)
        cadence = self._cadence.mean(start_ns, end_ns, self._stale_ns) if there else None
        power = self._power.mean(start_ns, end_ns, self._stale_ns) if there else None
        percent = self._resistance_percent(start_ns, end_ns)
        if cadence and power and self._never_says_resistance(end_ns):
            percent = self._derive(cadence, power)
        sample = Sample(
            present=cadence is not None or self._silent(end_ns),
            cadence_rpm=round(cadence or 0.0, 1),
            resistance_percent=round(percent, 1),
            power_w=None if power is None else round(power, 1),
            cadence=self._cadence.state(start_ns, end_ns, self._stale_ns),
            resistance=self._resistance.state(start_ns, end_ns, self._stale_ns),
            resistance_source=self._resistance_source,
        )
        self._forget_before(end_ns)
        return sample

    def _was_there(self, start_ns: int) -> bool:
        """Connected now, or heard of in this second before it was lost."""
        heard = self._heard_ns is not None and self._heard_ns >= start_ns
        return heard or self._connected_ns is not None

    def _silent(self, end_ns: int) -> bool:
        """Connected for long enough to have said something, and did not."""
        return self._connected_ns is not None and end_ns - self._connected_ns >= self._stale_ns

    def _resistance_percent(self, start_ns: int, end_ns: int) -> float:
        forever_ns = end_ns
        percent = self._resistance.mean(start_ns, end_ns, forever_ns)
        if percent is None:
            return self._last_resistance_percent
        self._last_resistance_percent = self._resistance.last(end_ns) or 0.0
        return percent

    def _never_says_resistance(self, end_ns: int) -> bool:
        known = (ResistanceSource.CALIBRATED, ResistanceSource.DEVICE)
        return self._resistance_source not in known and self._silent(end_ns)

    def _derive(self, cadence_rpm: float, power_w: float) -> float:
        """The knob stays there when nobody pedals."""
        percent = min(100.0, resistance_percent(power_w, cadence_rpm))
        self._resistance_source = ResistanceSource.DERIVED
        self._last_resistance_percent = percent
        return percent

    def _forget_before(self, end_ns: int) -> None:
        for series in (self._cadence, self._power, self._resistance):
            if self._connected_ns is None:
                series.clear()
            else:
                series.forget_before(end_ns)
