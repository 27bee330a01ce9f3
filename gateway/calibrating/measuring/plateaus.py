"""Where the knob was held, in all that a bike has said of it. Pure."""

from bisect import insort
from collections.abc import Iterable

from gateway.calibrating.measuring.signal import MIN_HOLD_S, Hold, RawPoint, RawSignal
from gateway.timing.units import NS_PER_S


def find_plateaus(series: Iterable[tuple[int, float | None]], min_held_s: float) -> list[Hold]:
    """The holds of at least `min_held_s` in (at_ns, raw), each from its beginning to its end.

    `raw` is None where the bike spoke of other things.
    """
    heard = list(series)
    signal = RawSignal()
    # All is heard twice: holds at the beginning are judged by the range of the whole, too.
    for at_ns, raw in heard:
        signal.hear(at_ns, raw)
    signal.restart()
    plateaus: list[_Plateau] = []
    for at_ns, raw in heard:
        signal.hear(at_ns, raw)
        hold = signal.hold
        if hold is None:
            continue
        if not plateaus or not plateaus[-1].has(hold, signal.discernible):
            plateaus.append(_Plateau())
        plateaus[-1].add(hold)
    found = [Hold(tuple(plateau.members)) for plateau in plateaus]
    return [hold for hold in found if hold.held_s >= min_held_s]


class _Plateau:
    """Grows by holds: the signal remembers only so much."""

    def __init__(self) -> None:
        self.members: list[RawPoint] = []
        self._raws: list[float] = []

    def has(self, hold: Hold, discernible: float) -> bool:
        """The knob is where it was, and was not elsewhere for long meanwhile."""
        away_s = (hold.start_ns - self.members[-1][0]) / NS_PER_S
        median = self._raws[len(self._raws) // 2]
        return away_s < MIN_HOLD_S and abs(hold.raw - median) <= discernible

    def add(self, hold: Hold) -> None:
        end_ns = self.members[-1][0] if self.members else -1
        for at_ns, raw in hold.members:
            if at_ns > end_ns:
                self.members.append((at_ns, raw))
                insort(self._raws, raw)
