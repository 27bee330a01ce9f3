"""Plateaus: find where the knob was held in a recording. Pure."""

from bisect import insort
from collections.abc import Iterable

from gateway.calibrating.measuring.signal import MIN_HOLD_S, Hold, RawPoint, RawSignal
from gateway.timing.units import NS_PER_S


def find_plateaus(series: Iterable[tuple[int, float | None]], min_held_s: float) -> list[Hold]:
    """Return each complete hold of at least `min_held_s` in a series of (at_ns, raw).

    `raw` is None where the bike reported other values only.
    """
    heard = list(series)
    signal = RawSignal()
    # Two passes: the second judges holds at the beginning by the range of the whole series, too.
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
    """A hold of any length, collected from shorter ones: the signal's memory is limited."""

    def __init__(self) -> None:
        self.members: list[RawPoint] = []
        self._raws: list[float] = []

    def has(self, hold: Hold, discernible: float) -> bool:
        """Return whether `hold` continues this plateau: same position, and at most a short gap."""
        away_s = (hold.start_ns - self.members[-1][0]) / NS_PER_S
        median = self._raws[len(self._raws) // 2]
        return away_s < MIN_HOLD_S and abs(hold.raw - median) <= discernible

    def add(self, hold: Hold) -> None:
        end_ns = self.members[-1][0] if self.members else -1
        for at_ns, raw in hold.members:
            if at_ns > end_ns:
                self.members.append((at_ns, raw))
                insort(self._raws, raw)
