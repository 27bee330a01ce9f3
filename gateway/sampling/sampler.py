"""Sampler: turns Readings at the bike's own rate into one Sample per second. Pure."""

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from drivers import Reading
from drivers.magnetic_brake import resistance_percent
from gateway.sampling.calibration import AS_SAID, Calibration, ResistanceSource, resistance
from gateway.sampling.constant import ConstantResistance
from gateway.sampling.current import CurrentValues
from gateway.sampling.plausible import Refusals
from gateway.sampling.series import FieldState, KnobSeries, RidingSeries
from gateway.timing.units import NS_PER_S

#: How long a bike that was lost still counts with the values of its last live second.
HELD_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a bike: calibrated, averaged, staleness judged."""

    present: Annotated[
        bool,
        Field(
            description="whether the bike was connected and had reported something; if not, no "
            "update is sent for the second. Its values are then those of the last live second if "
            "the bike was lost less than 10 s before; otherwise a cadence of 0 and the last known "
            "resistance"
        ),
    ]
    cadence_rpm: Annotated[float, Field(description="rpm, mean over the second")]
    resistance_percent: Annotated[
        float, Field(description="percent, 0 … 100, mean over the second")
    ]
    power_w: Annotated[
        float | None,
        Field(description="W, mean over the second; null if it is unknown"),
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


class Sampler:
    """The recent Readings of one bike, closed second by second. Times are monotonic nanoseconds."""

    def __init__(self, calibration: Calibration = AS_SAID) -> None:
        self._stale_ns = 0
        self._calibration = calibration
        #: The last Reading of this connection that contains a resistance.
        self._knob: Reading | None = None
        self._reports_raw = False
        #: Whether the bike has reported a percentage on this connection.
        self._reports_percent = False
        self._cadence = RidingSeries()
        self._power = RidingSeries()
        self._speed = RidingSeries()
        self._resistance = KnobSeries()
        self._constant = ConstantResistance()
        #: The implausible values, which are in no Sample.
        self.refusals = Refusals()
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
    def resistance_doubt(self) -> str:
        """Why the resistance that the bike reports counts as absent; empty if it does not."""
        return self._constant.doubt

    @property
    def dropped(self) -> int:
        """The number of values dropped because they were out of order or too frequent."""
        return self._cadence.dropped + self._power.dropped + self._resistance.dropped

    def current(self, now_ns: int) -> CurrentValues:
        """Return the newest values, which the current second will count."""
        power = self._power.newest(now_ns, self._stale_ns)
        resistance = self._resistance.newest(now_ns, now_ns)
        if resistance is None and power and self._resistance_source is ResistanceSource.DERIVED:
            resistance = replace(power, value=round(self._last_resistance_percent, 1))
        return CurrentValues(self._cadence.newest(now_ns, self._stale_ns), resistance, power)

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        """Begin a connection, in which a cadence or power is stale after `stale_after_s`.

        A stale cadence counts as 0, because many bikes just stop reporting when the rider stops; a
        stale power is left out. Resistance never becomes stale: the knob stays where it was.
        """
        self._connected_ns = at_ns
        self._reports_percent = False
        self._constant.connect()
        self._stale_ns = round(stale_after_s * NS_PER_S)

    def disconnected(self, at_ns: int) -> None:
        if self._connected_ns is not None and (self._heard_ns or 0) >= self._connected_ns:
            self._lost_ns = at_ns
        self._connected_ns = None
        self._knob = None

    def add(self, reading: Reading) -> None:
        """Add a Reading. Its values are finite numbers (`drivers/promises.py`)."""
        self._heard_ns = max(reading.at_ns, self._heard_ns or reading.at_ns)
        reading = self._believed(reading)
        cadence_rpm, power_w = reading.cadence_rpm, reading.power_w
        if cadence_rpm is not None:
            self._cadence.add(reading.at_ns, cadence_rpm, is_doubtful=bool(power_w))
        if power_w is not None:
            self._power.add(reading.at_ns, power_w, is_doubtful=bool(cadence_rpm))
        if reading.speed_kmh is not None:
            self._speed.add(reading.at_ns, reading.speed_kmh)
        if reading.resistance_raw is not None or reading.resistance_percent is not None:
            self._knob = reading
            self._reports_raw = self._reports_raw or reading.resistance_raw is not None
            self._reports_percent |= reading.resistance_percent is not None
            self._add_resistance(reading, reading.at_ns)

    def _believed(self, reading: Reading) -> Reading:
        """Return the Reading with its true cadence and power, and without what is implausible."""
        calibration = self._calibration
        if reading.cadence_rpm is not None and calibration.cadence_scale != 1:
            cadence_rpm = reading.cadence_rpm * calibration.cadence_scale
            reading = replace(reading, cadence_rpm=cadence_rpm)
        if reading.power_w is not None and calibration.corrects_power:
            power_w = calibration.power_w(reading.power_w, reading.cadence_rpm)
            reading = replace(reading, power_w=power_w)
        believed = self.refusals.without_refused(reading, calibration.own_numbers)
        if believed.power_w is not None and believed.power_w < 0:
            return replace(believed, power_w=0.0)
        return believed

    def _add_resistance(self, reading: Reading, at_ns: int) -> None:
        found = resistance(reading, self._calibration)
        # The bike does not report the calibrated number: use its own percentage.
        if found is None and not self._reports_raw:
            found = resistance(reading, AS_SAID)
        # Some bikes report a percentage and their own number in turn: only the percentage counts.
        if found is None or (found[1] is ResistanceSource.UNCALIBRATED and self._reports_percent):
            return
        percent, source = found
        self._hear_number(reading, source)
        if not self._constant.doubt:
            self._resistance_source = source
            self._resistance.add(at_ns, percent)

    def _hear_number(self, reading: Reading, source: ResistanceSource) -> None:
        """Collect evidence on the number in use; a calibrated one moved when it was measured."""
        own, percent = reading.resistance_raw, reading.resistance_percent
        number = percent if own is None else own
        if number is None or source is ResistanceSource.CALIBRATED:
            self._constant.forget()
        else:
            self._constant.hear(number)

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
        self._doubt_resistance(cadence, power)
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

    def _doubt_resistance(self, cadence_rpm: float | None, power_w: float | None) -> None:
        """Treat the resistance as never reported while it is in doubt."""
        if self._knob is None:
            return
        was_doubted = bool(self._constant.doubt)
        self._constant.ride(cadence_rpm, power_w)
        if was_doubted and not self._constant.doubt:
            self._add_resistance(self._knob, self._heard_ns or self._knob.at_ns)
        if self._constant.doubt and not was_doubted:
            self._resistance.clear()
            self._resistance_source = ResistanceSource.NONE

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
