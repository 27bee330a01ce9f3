"""Sampler: turns Readings at the bike's own rate into one Sample per second. Pure."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from enum import Enum
from math import isfinite
from typing import Annotated

from pydantic import Field

from drivers import Reading
from drivers.magnetic_brake import resistance_percent
from gateway.sampling.calibration import AS_SAID, Calibration, ResistanceSource, resistance
from gateway.timing.units import NS_PER_S

#: A zero that is followed by a non-zero value within this time is a sensor drop-out, not a stop.
#: The margin above 1 s allows for the jitter of bikes that report once a second.
DROPOUT_NS = 1_250_000_000
#: A resistance at least this far from its neighbours is a glitch …
GLITCH_PERCENT = 20.0
#: … if the neighbours differ by at most this.
AGREE_PERCENT = 5.0
#: How long a bike that was lost still counts with the values of its last live second.
HELD_NS = 10 * NS_PER_S
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


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a bike: calibrated, averaged, staleness judged."""

    present: Annotated[
        bool,
        Field(
            description="whether the bike was connected and had reported something; if not, the "
            "second gets no update, and its values are those of the last live "
            "second if the bike was lost less than 10 s before, else a cadence of 0 "
            "and the last known resistance"
        ),
    ]
    cadence_rpm: Annotated[float, Field(description="rpm, mean over the second")]
    resistance_percent: Annotated[
        float, Field(description="percent, 0 … 100, mean over the second")
    ]
    power_w: Annotated[
        float | None,
        Field(description="W, mean over the second; null if the bike does not report it"),
    ]
    cadence: Annotated[FieldState, Field(description="how reliable the cadence is")] = (
        FieldState.LIVE
    )
    resistance: Annotated[FieldState, Field(description="how reliable the resistance is")] = (
        FieldState.LIVE
    )
    resistance_source: Annotated[
        ResistanceSource, Field(description="the origin of the last resistance in the second")
    ] = ResistanceSource.NONE
    # Older gateways stored seconds without it.
    is_pedalling: Annotated[
        bool, Field(description="whether the pedals turned, by cadence, else by power or speed")
    ] = True

    @property
    def is_live(self) -> bool:
        """Whether the bike reported its rider's effort recently."""
        return self.present and (self.cadence is FieldState.LIVE or self.power_w is not None)


class _Series:
    """The recent values of one field, oldest first; each applies until the next one."""

    def __init__(self) -> None:
        self._points: list[tuple[int, float]] = []
        self.dropped = 0

    def add(self, at_ns: int, value: float) -> None:
        if not isfinite(value):
            raise ValueError(f"expected a finite number from the bike; got {value}")
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
        # Plain comparisons in reverse order, for speed: this runs three times a second per bike.
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
        return bisect_left(self._points, (end_ns,))

    def _believed(self, index: int, value: float, end_ns: int, lifetime_ns: int) -> float:
        """Return the value to use for the point at `index`, which reports `value`."""
        return value


class _KnobSeries(_Series):
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


class _RidingSeries(_Series):
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


class Sampler:
    """The recent Readings of one bike, closed second by second. Times are monotonic nanoseconds."""

    def __init__(self, calibration: Calibration = AS_SAID) -> None:
        self._stale_ns = 0
        self._calibration = calibration
        #: The last Reading of this connection that contains a resistance.
        self._knob: Reading | None = None
        self._reports_raw = False
        #: Whether the bike has reported a percent on this connection.
        self._reports_percent = False
        self._cadence = _RidingSeries()
        self._power = _RidingSeries()
        self._speed = _RidingSeries()
        self._resistance = _KnobSeries()
        self._connected_ns: int | None = None
        self._heard_ns: int | None = None
        #: When the last connection ended in which the bike reported something.
        self._lost_ns: int | None = None
        self._last_live: tuple[int, Sample] | None = None
        self._last_resistance_percent = 0.0
        self._resistance_source = ResistanceSource.NONE

    @property
    def calibration(self) -> Calibration:
        """The calibration in use. A new one also applies to the last known resistance at once."""
        return self._calibration

    @calibration.setter
    def calibration(self, calibration: Calibration) -> None:
        self._calibration = calibration
        if self._knob is not None:
            self._add_resistance(self._knob, self._heard_ns or self._knob.at_ns)

    @property
    def dropped(self) -> int:
        """The number of values dropped because they were out of order or too frequent."""
        return self._cadence.dropped + self._power.dropped + self._resistance.dropped

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        """Begin a connection, in which a cadence or power is stale after `stale_after_s`.

        A stale cadence counts as 0, because many bikes just stop reporting when the rider stops; a
        stale power is left out. Resistance never becomes stale: the knob stays where it was.
        """
        self._connected_ns = at_ns
        self._reports_percent = False
        self._stale_ns = round(stale_after_s * NS_PER_S)

    def disconnected(self, at_ns: int) -> None:
        if self._connected_ns is not None and (self._heard_ns or 0) >= self._connected_ns:
            self._lost_ns = at_ns
        self._connected_ns = None
        self._knob = None

    def add(self, reading: Reading) -> None:
        """Add a Reading. Raises TypeError or ValueError if a value is not a finite number."""
        self._heard_ns = max(reading.at_ns, self._heard_ns or reading.at_ns)
        cadence_rpm, power_w = reading.cadence_rpm, reading.power_w
        if cadence_rpm is not None:
            cadence_rpm *= self._calibration.cadence_scale
            self._cadence.add(reading.at_ns, cadence_rpm, is_doubtful=bool(power_w))
        if power_w is not None:
            power_w = self._calibration.power_w(power_w)
            self._power.add(reading.at_ns, power_w, is_doubtful=bool(cadence_rpm))
        if reading.speed_kmh is not None:
            self._speed.add(reading.at_ns, reading.speed_kmh)
        if reading.resistance_raw is not None or reading.resistance_percent is not None:
            self._knob = reading
            self._reports_raw = self._reports_raw or reading.resistance_raw is not None
            self._reports_percent |= reading.resistance_percent is not None
            self._add_resistance(reading, reading.at_ns)

    def _add_resistance(self, reading: Reading, at_ns: int) -> None:
        found = resistance(reading, self._calibration)
        # The bike does not report the calibrated number: use its own percent.
        if found is None and not self._reports_raw:
            found = resistance(reading, AS_SAID)
        # Some bikes report percent and their own number in turn: then only the percent counts.
        if found is None or (found[1] is ResistanceSource.UNCALIBRATED and self._reports_percent):
            return
        percent, self._resistance_source = found
        self._resistance.add(at_ns, percent)

    def close_second(self, start_ns: int, end_ns: int) -> Sample:
        """Return the Sample of [start, end). Call it once per second, in order."""
        sample = self._sample(start_ns, end_ns)
        self._forget_before(end_ns)
        if sample.is_live:
            self._last_live = end_ns, sample
        return sample if sample.present else self._absent(sample, end_ns)

    def _sample(self, start_ns: int, end_ns: int) -> Sample:
        there = self._was_there(start_ns)
        cadence = self._cadence.mean(start_ns, end_ns, self._stale_ns) if there else None
        power = self._power.mean(start_ns, end_ns, self._stale_ns) if there else None
        percent = self._resistance_percent(start_ns, end_ns)
        if cadence and power and self._never_reports_resistance(end_ns):
            percent = self._derive(cadence, power)
        present = cadence is not None or self._silent_for_good(start_ns, end_ns)
        return Sample(
            present=present,
            cadence_rpm=round(cadence or 0.0, 1),
            resistance_percent=round(percent, 1),
            power_w=None if power is None else round(power, 1),
            cadence=self._cadence.state(start_ns, end_ns, self._stale_ns),
            resistance=self._resistance.state(start_ns, end_ns, self._stale_ns),
            resistance_source=self._resistance_source,
            is_pedalling=present and there and bool(self._is_moving(start_ns, end_ns)),
        )

    def _held(self, end_ns: int) -> Sample | None:
        """Return the last live second of a bike that was lost less than HELD_NS ago, else None."""
        if self._lost_ns is None or self._last_live is None or end_ns - self._lost_ns >= HELD_NS:
            return None
        live_ns, live = self._last_live
        # A rider who had stopped long before the loss has stopped.
        return live if self._lost_ns - live_ns < HELD_NS else None

    def _is_moving(self, start_ns: int, end_ns: int) -> bool | None:
        """Return whether the pedals turned, by the first of the fields that is known, else None."""
        for series in (self._cadence, self._power, self._speed):
            is_moving = series.is_moving(start_ns, end_ns, self._stale_ns)
            if is_moving is not None:
                return is_moving
        return None

    def _absent(self, sample: Sample, end_ns: int) -> Sample:
        """Return the sample of an absent second, with the last live values if just lost.

        Only a `final` is sent of an absent second, and it decides the result.
        """
        live = self._held(end_ns)
        if live is None:
            return sample
        return replace(
            sample,
            cadence_rpm=live.cadence_rpm,
            resistance_percent=live.resistance_percent,
            power_w=live.power_w,
            resistance_source=live.resistance_source,
        )

    def _was_there(self, start_ns: int) -> bool:
        """Return whether the bike is connected, or sent something in this second before a loss."""
        heard = self._heard_ns is not None and self._heard_ns >= start_ns
        return heard or self._connected_ns is not None

    def _silent(self, end_ns: int) -> bool:
        """Return whether the bike has been connected long enough to have reported something."""
        return self._connected_ns is not None and end_ns - self._connected_ns >= self._stale_ns

    def _silent_for_good(self, start_ns: int, end_ns: int) -> bool:
        """Return whether a bike that reports no cadence is present.

        Just after a loss it is not, until it reports the rider's effort again.
        """
        if not self._silent(end_ns):
            return False
        return self._held(end_ns) is None or self._is_moving(start_ns, end_ns) is not None

    def _resistance_percent(self, start_ns: int, end_ns: int) -> float:
        forever_ns = end_ns
        percent = self._resistance.mean(start_ns, end_ns, forever_ns)
        if percent is None:
            return self._last_resistance_percent
        self._last_resistance_percent = self._resistance.last(end_ns) or 0.0
        return percent

    def _never_reports_resistance(self, end_ns: int) -> bool:
        unknown = (ResistanceSource.NONE, ResistanceSource.DERIVED)
        return self._resistance_source in unknown and self._silent(end_ns)

    def _derive(self, cadence_rpm: float, power_w: float) -> float:
        """Return the derived percent and remember it, since the knob stays there in a pause."""
        percent = min(100.0, resistance_percent(power_w, cadence_rpm))
        self._resistance_source = ResistanceSource.DERIVED
        self._last_resistance_percent = percent
        return percent

    def _forget_before(self, end_ns: int) -> None:
        for series in (self._cadence, self._power, self._speed, self._resistance):
            if self._connected_ns is None:
                series.clear()
            else:
                series.forget_before(end_ns)
