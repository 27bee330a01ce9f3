"""Series: the recent values of one field of a bike, without its sensor's faults. Pure."""

from bisect import bisect_left
from enum import Enum

from gateway.sampling.current import CurrentValue
from gateway.timing.units import seconds_between

#: A zero that is followed by a non-zero value within this time is a sensor drop-out, not a stop.
#: The margin above 1 s allows for the jitter of bikes that report once a second.
DROPOUT_NS = 1_250_000_000
#: A resistance at least this far from its neighbours is a glitch …
GLITCH_PERCENT = 20.0
#: … if the neighbours differ by at most this.
AGREE_PERCENT = 5.0
#: Limit of values kept per field. A bike reports 1 to 10 times a second; more than this is a fault.
MAX_POINTS = 256


class FieldState(Enum):
    """The reliability of a number, which matters above all for a 0."""

    #: The bike reported it recently.
    LIVE = "live"
    #: The bike reported it too long ago.
    STALE = "stale"
    #: The bike has not reported it since it was connected.
    UNKNOWN = "unknown"


class Series:
    """The recent values of one field, oldest first; each applies until the next one."""

    def __init__(self) -> None:
        self._points: list[tuple[int, float]] = []
        self.dropped = 0

    def add(self, at_ns: int, value: float) -> None:
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
        """Return the time-weighted mean of the valid values in [start, end); None without any."""
        total, weight_ns = 0.0, 0
        until_ns = end_ns
        points, believed = self._points, self._believed
        # Plain comparisons in reverse order, for speed: this runs three times a second per bike.
        for index in range(self._count_before(end_ns) - 1, -1, -1):
            at_ns, value = points[index]
            from_ns = at_ns if at_ns > start_ns else start_ns
            if until_ns - at_ns > lifetime_ns:
                until_ns = at_ns + lifetime_ns
            if until_ns > from_ns:
                total += believed(index, value, end_ns, lifetime_ns) * (until_ns - from_ns)
                weight_ns += until_ns - from_ns
            if at_ns <= start_ns:
                break
            until_ns = at_ns
        return total / weight_ns if weight_ns else None

    def last(self, end_ns: int) -> float | None:
        past = self._count_before(end_ns)
        return self._points[past - 1][1] if past else None

    def newest(self, now_ns: int, lifetime_ns: int) -> CurrentValue | None:
        """Return the value that applies now, however old; None before the first."""
        past = self._count_before(now_ns)
        if not past:
            return None
        at_ns, value = self._points[past - 1]
        return CurrentValue(
            value=round(self._believed(past - 1, value, now_ns, lifetime_ns), 1),
            age_s=seconds_between(at_ns, now_ns),
            is_stale=now_ns - at_ns > lifetime_ns,
        )

    def state(self, start_ns: int, end_ns: int, lifetime_ns: int) -> FieldState:
        """Return the field's state in [start, end); live if a value was valid in that time."""
        past = self._count_before(end_ns)
        if not past:
            return FieldState.UNKNOWN
        valid = self._points[past - 1][0] + lifetime_ns > start_ns
        return FieldState.LIVE if valid else FieldState.STALE

    def forget_before(self, end_ns: int) -> None:
        """Drop old values, except the current one and the one before, which a zero is judged by."""
        del self._points[: max(0, self._count_before(end_ns) - 2)]

    def _count_before(self, end_ns: int) -> int:
        points = self._points
        if points and points[-1][0] < end_ns:  # nearly always, so it is decided first
            return len(points)
        return bisect_left(points, (end_ns,))

    def _believed(self, index: int, value: float, end_ns: int, lifetime_ns: int) -> float:
        """Return the value to use for the point at `index`, which reports `value`."""
        return value


class KnobSeries(Series):
    """The values of resistance, where a single outlier between agreeing neighbours is a glitch.

    Peloton bikes are known for it (selalipop/grupetto). No hand turns a knob there and back that
    fast.
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


class RidingSeries(Series):
    """The values of cadence or power, where a single zero is a sensor drop-out.

    Keiser and Flywheel bikes are known for it. While a zero may still be a drop-out, the value
    before it applies. On bikes that report rarely, the other of the two fields decides: if it is
    not zero in the same Reading, the first zero is ignored (ptx2/gymnasticon).
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_doubting = False

    def add(self, at_ns: int, value: float, *, is_doubtful: bool = False) -> None:
        """Add a value; a zero `is_doubtful` if the other field of its Reading is not zero."""
        if value == 0 and is_doubtful and not self._is_doubting and self._last_value:
            self._is_doubting = True
            return
        self._is_doubting = False
        super().add(at_ns, value)

    def is_moving(self, start_ns: int, end_ns: int, lifetime_ns: int) -> bool | None:
        """Return whether a value in [start, end) is above 0; without one, the last valid value is.

        None without a valid value. A zero is believed at once: after a stop, the value before it
        is still part of the mean for a while, but the pedals do not turn.
        """
        past = self._count_before(end_ns)
        recent = self._points[self._count_before(start_ns) : past]
        if not recent and past and self._points[past - 1][0] + lifetime_ns > start_ns:
            recent = self._points[past - 1 : past]
        return any(round(value, 1) > 0 for _, value in recent) if recent else None

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
