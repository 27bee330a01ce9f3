"""A metronome: a beat for each turn of the cranks. Pure."""

from fractions import Fraction

_NS_PER_MIN = 60_000_000_000


class Metronome:
    """Beat k is due at start + k × period, however late the one before was heard: none drifts."""

    def __init__(self, rpm: float, start_ns: int) -> None:
        self.rpm = rpm
        self._start_ns = start_ns
        self._period_ns = _NS_PER_MIN / Fraction(rpm)

    def beat_ns(self, number: int) -> int:
        """When a beat is due; the first one, 0, at the start."""
        return self._start_ns + round(number * self._period_ns)

    def next_beat(self, now_ns: int) -> int:
        """The first that is not due yet."""
        return max(0, (now_ns - self._start_ns) // self._period_ns + 1)

    def phase(self, now_ns: int) -> float:
        """How much of the turn is done: 0 at a beat, less than 1 just before the next."""
        return float((now_ns - self._start_ns) / self._period_ns % 1)


#: The mark at its beat, elsewhere, and its line; and where there is only ASCII.
LETTERS = "●○─"
ASCII_LETTERS = "#o-"


def mark(phase: float, width: int, letters: str = LETTERS) -> str:
    """A mark on a line of `width` that comes back to its left end with each beat."""
    at = round((1 - abs(1 - 2 * phase)) * (width - 1))
    rail = letters[2] * width
    return rail[:at] + letters[1 if at else 0] + rail[at + 1 :]
