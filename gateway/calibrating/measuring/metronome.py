"""A metronome with one beat for each turn of the cranks. Pure."""

from fractions import Fraction

_NS_PER_MIN = 60_000_000_000


class Metronome:
    """A metronome whose beat k is due at start + k × period, so that late beats cause no drift."""

    def __init__(self, rpm: float, start_ns: int) -> None:
        self.rpm = rpm
        self._start_ns = start_ns
        self._period_ns = _NS_PER_MIN / Fraction(rpm)

    def beat_ns(self, number: int) -> int:
        """Return when beat `number` is due; beat 0 is at the start."""
        return self._start_ns + round(number * self._period_ns)

    def next_beat(self, now_ns: int) -> int:
        """Return the number of the first beat that is not due yet."""
        return max(0, (now_ns - self._start_ns) // self._period_ns + 1)

    def phase(self, now_ns: int) -> float:
        """Return the share of the turn that is over: 0 at a beat, less than 1 before the next."""
        return float((now_ns - self._start_ns) / self._period_ns % 1)


#: The mark on the beat, the mark off the beat, and the line; in Unicode and in ASCII.
LETTERS = "●○─"
ASCII_LETTERS = "#o-"


def mark(phase: float, width: int, letters: str = LETTERS) -> str:
    """Return a line of `width` letters with a mark that is at its left end on each beat."""
    at = round((1 - abs(1 - 2 * phase)) * (width - 1))
    rail = letters[2] * width
    return rail[:at] + letters[1 if at else 0] + rail[at + 1 :]
