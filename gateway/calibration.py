"""From the bike's resistance units to percent. Pure.

Piecewise linear because real curves are S-shaped: on a Peloton's sensor a two-point line is
wrong by up to 30 points (measured on a recording of ihaque/pelomon).
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

from drivers import Reading


class CalibrationTable:
    """Strictly monotone points (raw, percent); beyond its ends the end's percent holds.

    `points`: at least two; raw values all different and in order of percent either way round
    (some sensors run backwards); percents in 0 … 100. Raises ValueError that names the point.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        if len(points) < 2:
            raise ValueError(f"{len(points)} point(s): a table needs at least 2")
        ordered = sorted(points)
        for raw, percent in ordered:
            point = f"point ({raw:g}, {percent:g})"
            if not isfinite(raw):
                raise ValueError(f"{point}: raw must be a number")
            if not 0 <= percent <= 100:
                raise ValueError(f"{point}: percent must be in 0 … 100")
        rising = ordered[-1][1] > ordered[0][1]
        for (raw_a, percent_a), (raw_b, percent_b) in pairwise(ordered):
            if raw_a == raw_b or percent_a == percent_b or (percent_b > percent_a) != rising:
                raise ValueError(
                    f"points ({raw_a:g}, {percent_a:g}) and ({raw_b:g}, {percent_b:g}): "
                    "percent must rise, or fall, all along the raw values"
                )
        self._raws = [raw for raw, _ in ordered]
        self._percents = [percent for _, percent in ordered]

    def percent_at(self, raw: float) -> float:
        above = bisect_right(self._raws, raw)
        if above == 0:
            return self._percents[0]
        if above == len(self._raws):
            return self._percents[-1]
        raw_a, raw_b = self._raws[above - 1 : above + 1]
        percent_a, percent_b = self._percents[above - 1 : above + 1]
        return percent_a + (percent_b - percent_a) * (raw - raw_a) / (raw_b - raw_a)


def resistance_percent(reading: Reading, table: CalibrationTable | None) -> float | None:
    """Percent 0 … 100 from the user's table, else the bike's own percent, else its raw number.

    None when the reading says nothing of resistance.
    """
    if table is not None and reading.resistance_raw is not None:
        return table.percent_at(reading.resistance_raw)
    percent = reading.resistance_percent
    if percent is None:
        percent = reading.resistance_raw
    return None if percent is None else min(100.0, max(0.0, percent))
