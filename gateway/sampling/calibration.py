"""From the bike's own numbers to those that can be compared between bikes. Pure.

Piecewise linear because real curves are S-shaped: on a Peloton's sensor a two-point line is
wrong by up to 30 points (measured on a recording of ihaque/pelomon).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from typing import Annotated, Literal

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import core_schema

from drivers import Reading

#: Which number of a Reading a calibration goes by: `resistance_raw`, or `resistance_percent` of a
#: bike that says nothing else.
Quantity = Literal["raw", "percent"]


class ResistanceSource(StrEnum):
    """Where a resistance comes from, and so how far it can be compared between bikes."""

    #: The bike's own number, through a calibration made on this bike.
    CALIBRATED = "calibrated"
    #: As the bike says it.
    DEVICE = "device"
    #: Of a bike that never says it: from power and cadence, as a Peloton's brake would be.
    DERIVED = "derived"
    #: Nothing is known.
    NONE = "none"


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
        #: By rising raw value.
        self.points = tuple(ordered)
        self._raws = [raw for raw, _ in ordered]
        self._by_percent = sorted((percent, raw) for raw, percent in ordered)
        self._percents = [percent for percent, _ in self._by_percent]

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Let pydantic write a table as its points, and read it from them."""
        points = handler.generate_schema(tuple[tuple[float, float], ...])
        return core_schema.no_info_after_validator_function(
            cls,
            points,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda table: table.points, return_schema=points
            ),
        )

    def percent_at(self, raw: float) -> float:
        return _along(self.points, self._raws, raw)

    def raw_at(self, percent: float) -> float:
        """The inverse of `percent_at`; beyond the table the end's raw value."""
        return _along(self._by_percent, self._percents, percent)

    def is_clamped(self, raw: float) -> bool:
        """Beyond the table's ends: the knob may be further than `percent_at` says."""
        return not self._raws[0] <= raw <= self._raws[-1]


def _along(points: Sequence[tuple[float, float]], xs: Sequence[float], x: float) -> float:
    """y at `x` on the line through the points (x, y), sorted by x; clamped. `xs`: theirs."""
    above = bisect_right(xs, x)
    if above == 0:
        return points[0][1]
    if above == len(points):
        return points[-1][1]
    (x_a, y_a), (x_b, y_b) = points[above - 1 : above + 1]
    return y_a + (y_b - y_a) * (x - x_a) / (x_b - x_a)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is done to a bike's numbers. Without a table its resistance is taken as it says it."""

    #: Written as its points.
    table: Annotated[CalibrationTable | None, Field(alias="points")] = None
    quantity: Quantity = "raw"
    #: Times what the bike says: 0.5 for a bike that says twice its cadence.
    cadence_scale: float = 1.0


#: What a number that nothing is done to is taken for.
AS_PERCENT = CalibrationTable([(0, 0), (100, 100)])
#: Nothing is done to them.
AS_SAID = Calibration()


def number_of(reading: Reading, quantity: Quantity) -> float | None:
    """The number of that kind, in the bike's own units; None if it is not said."""
    return reading.resistance_raw if quantity == "raw" else reading.resistance_percent


def resistance(reading: Reading, calibration: Calibration) -> tuple[float, ResistanceSource] | None:
    """Percent 0 … 100: calibrated, else the bike's own percent, else its raw number.

    None when the reading says nothing of it. A calibrated bike is heard by its calibrated number
    alone: some say a percent of their own now and then beside it.
    """
    table = calibration.table
    if table is not None:
        number = number_of(reading, calibration.quantity)
        if number is None:
            return None
        return table.percent_at(number), ResistanceSource.CALIBRATED
    percent = reading.resistance_percent
    if percent is None:
        percent = reading.resistance_raw
    if percent is None:
        return None
    return min(100.0, max(0.0, percent)), ResistanceSource.DEVICE
