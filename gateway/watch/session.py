"""The latest value of each field of a bike, with its age, rate and source. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drivers import Reading
from gateway.sampling.plausible import refused_words
from gateway.sampling.sampler import Sampler
from gateway.sampling.series import FieldState
from gateway.timing.units import NS_PER_S

#: The rate is measured over this many seconds.
RATE_WINDOW_S = 5

#: The fields that are shown, in this order, with their units.
UNITS = {
    "cadence_rpm": "rpm",
    "resistance_raw": "",
    "resistance_percent": "%",
    "power_w": "W",
    "speed_kmh": "km/h",
    "distance_m": "m",
    "heart_rate_bpm": "bpm",
}


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field of the Readings. `value` and `age_s` are None if it was never reported."""

    name: str
    unit: str
    state: FieldState
    value: float | None
    age_s: float | None
    rate_hz: float
    source: str


class Watch:
    """A listener to one bike, like a sampler, that keeps the latest value of each field.

    `on_reading` is called with each Reading as it arrives.
    """

    def __init__(self, on_reading: Callable[[Reading], None] = lambda _: None) -> None:
        self._on_reading = on_reading
        #: Whether the bike has ever sent a Reading.
        self.has_heard = False
        self._stale_ns = 0
        #: What a race without a calibration would make of the values, second by second.
        self._sampler = Sampler()
        self._second_ns = 0
        self._last: dict[str, tuple[int, float, str]] = {}
        self._instants_ns: dict[str, deque[int]] = {name: deque() for name in UNITS}

    def connected(self, at_ns: int, stale_after_s: float) -> None:
        self._stale_ns = round(stale_after_s * NS_PER_S)
        self._sampler.connected(at_ns, stale_after_s)
        self._second_ns = at_ns

    def disconnected(self, at_ns: int) -> None:
        """Forget all values: they do not count on the next connection."""
        self._sampler.disconnected(at_ns)
        self._last.clear()
        for instants_ns in self._instants_ns.values():
            instants_ns.clear()

    def add(self, reading: Reading) -> None:
        self.has_heard = True
        self._on_reading(reading)
        self._sample(reading)
        for name, instants_ns in self._instants_ns.items():
            value = getattr(reading, name)
            if value is None:
                continue
            self._last[name] = (reading.at_ns, value, reading.source)
            instants_ns.append(reading.at_ns)
            while instants_ns[0] <= reading.at_ns - RATE_WINDOW_S * NS_PER_S:
                instants_ns.popleft()

    def _sample(self, reading: Reading) -> None:
        while reading.at_ns >= self._second_ns + NS_PER_S:
            self._sampler.close_second(self._second_ns, self._second_ns + NS_PER_S)
            self._second_ns += NS_PER_S
        self._sampler.add(reading)

    @property
    def notes(self) -> list[str]:
        """What a race would not use of the values that the bike has sent, in words."""
        doubt = self._sampler.resistance_doubt
        instead = (
            "races use one derived from power and cadence instead, unless the bike is calibrated"
        )
        refused = refused_words(self._sampler.refusals.fields)
        return [*([f"{doubt}; {instead}"] if doubt else []), *([refused] if refused else [])]

    def fields(self, now_ns: int) -> list[FieldView]:
        return [self._field(name, unit, now_ns) for name, unit in UNITS.items()]

    def _field(self, name: str, unit: str, now_ns: int) -> FieldView:
        if name not in self._last:
            return FieldView(name, unit, FieldState.UNKNOWN, None, None, 0.0, "")
        at_ns, value, source = self._last[name]
        age_ns = now_ns - at_ns
        state = FieldState.LIVE if age_ns < self._stale_ns else FieldState.STALE
        return FieldView(
            name, unit, state, value, age_ns / NS_PER_S, self._rate_hz(name, now_ns), source
        )

    def _rate_hz(self, name: str, now_ns: int) -> float:
        """Return the rate over the last RATE_WINDOW_S, or less just after the connection."""
        instants_ns = self._instants_ns[name]
        recent = [one for one in instants_ns if one > now_ns - RATE_WINDOW_S * NS_PER_S]
        span_ns = recent[-1] - recent[0] if recent else 0
        return (len(recent) - 1) * NS_PER_S / span_ns if span_ns else 0.0
