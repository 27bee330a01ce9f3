"""The live figures of a bike during calibration, built from its Readings. Pure."""

from drivers import Reading
from gateway.bike.link import LinkState
from gateway.calibrating.measuring.signal import RawSignal
from gateway.calibrating.state import LinkStatus
from gateway.calibrating.view.screen import LiveFigures
from gateway.sampling.calibration import AS_PERCENT, Calibration, Quantity, number_of, resistance
from gateway.timing.units import NS_PER_S

#: A bike that sends a percentage but no raw number for this long, in nanoseconds, has none.
PERCENT_ALONE_NS = 3 * NS_PER_S
#: Ask the user to pedal after this time without a number: most bikes sleep until pedalled.
ASLEEP_NS = 5 * NS_PER_S
#: A bike that sends data for this long but no resistance, in nanoseconds, has none.
NEVER_NS = 20 * NS_PER_S
#: Warn if the bike sends no number for this long, in seconds.
SILENT_S = 3.0

PEDAL = "no resistance received yet: pedal lightly, because many bikes sleep until pedalled"


class FigureBuilder:
    """A builder of LiveFigures from a bike's Readings; it finds the number to calibrate by."""

    def __init__(self) -> None:
        self.link = LinkStatus(LinkState.CONNECTING)
        #: The number to calibrate by; None until it is known.
        self.quantity: Quantity | None = None
        self.cadence_rpm: float | None = None
        self._power_w: float | None = None
        #: The last Reading with a resistance.
        self._last: Reading | None = None
        self._connected_ns: int | None = None
        self._percent_ns: int | None = None

    def hear(self, news: Reading | LinkStatus, now_ns: int) -> None:
        if isinstance(news, LinkStatus):
            self._enter(news, now_ns)
            return
        self.cadence_rpm = self.cadence_rpm if news.cadence_rpm is None else news.cadence_rpm
        self._power_w = self._power_w if news.power_w is None else news.power_w
        if news.resistance_raw is not None:
            self.quantity = "raw"
        elif news.resistance_percent is not None:
            if self._percent_ns is None:
                self._percent_ns = now_ns
            if self.quantity is None and now_ns - self._percent_ns >= PERCENT_ALONE_NS:
                self.quantity = "percent"
        if self._number(news) is not None:
            self._last = news

    def number(self, reading: Reading) -> float | None:
        """Return the number to calibrate by; None if `reading` does not contain it."""
        return None if self.quantity is None else self._number(reading)

    def never_says_resistance(self, now_ns: int) -> bool:
        """Return whether the bike has sent other values only, for long enough."""
        is_speaking = self.cadence_rpm is not None or self._power_w is not None
        return self._last is None and is_speaking and self._connected_for(now_ns) >= NEVER_NS

    def figures(self, now_ns: int, signal: RawSignal, calibration: Calibration) -> LiveFigures:
        """Return the figures now, with percentages by `calibration`."""
        last = self._last
        found = None if last is None else resistance(last, calibration)
        return LiveFigures(
            raw=signal.last,
            filtered=signal.filtered,
            noise=None if signal.last is None else signal.noise,
            percent=None if found is None else found[0],
            is_clamped=last is not None and _is_clamped(last, calibration),
            rate_hz=signal.rate_hz(now_ns),
            age_s=signal.age_s(now_ns),
            cadence_rpm=self.cadence_rpm,
            power_w=self._power_w,
            link=self.link.state,
            reason=self.link.reason,
            warnings=tuple(self._warnings(now_ns, signal)),
        )

    def _enter(self, link: LinkStatus, now_ns: int) -> None:
        is_connected = link.state is LinkState.CONNECTED
        if not is_connected:
            self._connected_ns = self._last = self.cadence_rpm = self._power_w = None
        elif self._connected_ns is None:
            self._connected_ns = now_ns
        self.link = link

    def _number(self, reading: Reading) -> float | None:
        return number_of(reading, self.quantity or "raw")

    def _connected_for(self, now_ns: int) -> int:
        return 0 if self._connected_ns is None else now_ns - self._connected_ns

    def _warnings(self, now_ns: int, signal: RawSignal) -> list[str]:
        age_s = signal.age_s(now_ns)
        if self.link.state is not LinkState.CONNECTED:
            return []
        if age_s is None:
            return [PEDAL] if self._connected_for(now_ns) >= ASLEEP_NS else []
        if age_s >= SILENT_S:
            return ["the bike stopped sending: pedal lightly, or check its cable"]
        return []


def _is_clamped(reading: Reading, calibration: Calibration) -> bool:
    """Return whether the number is beyond the ends of the calibration."""
    number, table = number_of(reading, calibration.quantity), calibration.table
    if table is None and reading.resistance_percent is not None:
        return False
    return number is not None and (table or AS_PERCENT).is_clamped(number)
