"""Calibration: converts a bike's own numbers into percent comparable between bikes. Pure.

The conversion is piecewise linear because real curves are S-shaped: on a Peloton's sensor, a
two-point line is off by up to 30 points (measured on a recording of ihaque/pelomon).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic_core import core_schema

from drivers import Reading
from drivers.power import corrected_power_w

#: The number of a Reading that a calibration converts: `resistance_raw`, or `resistance_percent` of
#: a bike that reports nothing else.
Quantity = Literal["raw", "percent"]


class ResistanceSource(StrEnum):
    """The origin of a resistance, which determines how well bikes can be compared."""

    #: The bike's own number, converted by a calibration made on this bike.
    CALIBRATED = "calibrated"
    #: The percent that the bike reports, unchanged.
    DEVICE = "device"
    #: The bike's own number, taken as a percentage because there is no calibration.
    UNCALIBRATED = "uncalibrated"
    #: Calculated from power and cadence with a Peloton's brake curve, as the bike reports none.
    DERIVED = "derived"
    #: The resistance is unknown.
    NONE = "none"


class CalibrationTable:
    """Strictly monotone points (raw, percent), clamped beyond both ends.

    `points`: at least two; raw values all different; percentages in 0 … 100, all different, and
    rising or falling throughout as raw rises (some sensors run backwards). Raises ValueError, which
    names the point.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        if len(points) < 2:
            raise ValueError(f"{len(points)} point(s): a table needs at least 2")
        ordered = sorted(points)
        for raw, percent in ordered:
            point = f"point ({raw:g}, {percent:g})"
            if not isfinite(raw):
                raise ValueError(f"{point}: raw must be a finite number")
            if not 0 <= percent <= 100:
                raise ValueError(f"{point}: percent must be in 0 … 100")
        rising = ordered[-1][1] > ordered[0][1]
        for (raw_a, percent_a), (raw_b, percent_b) in pairwise(ordered):
            if raw_a == raw_b or percent_a == percent_b or (percent_b > percent_a) != rising:
                raise ValueError(
                    f"points ({raw_a:g}, {percent_a:g}) and ({raw_b:g}, {percent_b:g}): "
                    "percent must either rise or fall throughout as raw rises"
                )
        #: Sorted by raw value.
        self.points = tuple(ordered)
        self._raws = [raw for raw, _ in ordered]

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

    def is_clamped(self, raw: float) -> bool:
        """Return whether `raw` is beyond the table's ends, where `percent_at` is clamped."""
        return not self._raws[0] <= raw <= self._raws[-1]


def _along(points: Sequence[tuple[float, float]], xs: Sequence[float], x: float) -> float:
    """Interpolate y at `x` between points (x, y) sorted by x, clamped. `xs` are their x values."""
    above = bisect_right(xs, x)
    if above == 0:
        return points[0][1]
    if above == len(points):
        return points[-1][1]
    (x_a, y_a), (x_b, y_b) = points[above - 1 : above + 1]
    return y_a + (y_b - y_a) * (x - x_a) / (x_b - x_a)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A conversion of a bike's numbers. Without a table, resistance is used unchanged."""

    #: Serialized as its points.
    table: Annotated[CalibrationTable | None, Field(alias="points")] = None
    quantity: Quantity = "raw"
    #: Factor for the reported cadence: 0.5 for a bike that reports twice its cadence.
    cadence_scale: float = 1.0
    #: Factor for the reported power: 2 for a meter that reports that of one pedal.
    power_scale: float = 1.0
    #: Added to the scaled power while the pedals turn, W.
    power_offset_w: float = 0.0

    @property
    def own_numbers(self) -> frozenset[str]:
        """The fields of a Reading that hold a number of the bike's own, which a table converts."""
        return frozenset() if self.table is None else frozenset({f"resistance_{self.quantity}"})

    @property
    def corrects_power(self) -> bool:
        return self.power_scale != 1 or self.power_offset_w != 0

    def power_w(self, reported_w: float, cadence_rpm: float | None = None) -> float:
        """Return the corrected power; a power of 0 stays 0. None: the pedals turn."""
        return corrected_power_w(reported_w, self.power_scale, self.power_offset_w, cadence_rpm)

    @model_serializer(mode="wrap")
    def _serialize(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_idle_power(write(self))


#: The corrections of the power that change nothing.
_IDLE_POWER: Mapping[str, float] = {"power_scale": 1.0, "power_offset_w": 0.0}


def without_idle_power(fields: dict[str, Any]) -> dict[str, Any]:
    """Return serialized fields without the corrections of the power that change nothing.

    Versions before these fields refuse unknown ones: they still read what they can use.
    """
    return {
        name: value
        for name, value in fields.items()
        if name not in _IDLE_POWER or value != _IDLE_POWER[name]
    }


#: The table of an uncalibrated number: its value is taken as a percentage.
AS_PERCENT = CalibrationTable([(0, 0), (100, 100)])
#: The calibration that leaves all numbers unchanged.
AS_SAID = Calibration()


def number_of(reading: Reading, quantity: Quantity) -> float | None:
    """Return the number in the bike's own units; None if the reading has none."""
    return reading.resistance_raw if quantity == "raw" else reading.resistance_percent


def resistance(reading: Reading, calibration: Calibration) -> tuple[float, ResistanceSource] | None:
    """Return (percent 0 … 100, source): calibrated, else the bike's percent, else its raw number.

    Return None if the reading has none of them. For a calibrated bike only the calibrated number
    counts, because some bikes occasionally report a percentage of their own as well.
    """
    table = calibration.table
    if table is not None:
        number = number_of(reading, calibration.quantity)
        if number is None:
            return None
        return table.percent_at(number), ResistanceSource.CALIBRATED
    percent, source = reading.resistance_percent, ResistanceSource.DEVICE
    if percent is None:
        percent, source = reading.resistance_raw, ResistanceSource.UNCALIBRATED
    if percent is None:
        return None
    return min(100.0, max(0.0, percent)), source
