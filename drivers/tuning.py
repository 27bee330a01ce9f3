"""Corrections for one model of bike: scales, a computed power, and values to ignore. Pure."""

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, field_validator

from drivers.power import (
    PowerOffset,
    PowerRow,
    PowerScale,
    computed_power_w,
    corrected_power_w,
    expect_formula,
)
from drivers.reading import Reading

#: Marks the source of a Reading whose power was computed.
DERIVED = "derived"


class Tuning(BaseModel):
    """Corrections to the values that a bike reports. None: no correction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Factor for the cadence: 0.5 for a bike that reports twice its cadence.
    cadence_scale: float | None = Field(default=None, gt=0, le=10)
    #: Factor from the bike's own resistance to percent: 0.1 for a bike that reports 250 at 25 %.
    #: A calibration table in the config is better; it takes the bike's own, unscaled number.
    resistance_scale: float | None = Field(default=None, gt=0, le=100)
    #: Whether to ignore the resistance, for bikes that report a meaningless one.
    ignore_resistance: bool | None = None
    #: A formula for the power, for bikes that report none or a wrong one: rows [level, a, b, d] by
    #: rising level, for a c² + b c + d watts at c rpm. A single row applies at any level. Without
    #: rows the bike's own power is used, whatever the profile has.
    power_from: tuple[PowerRow, ...] | None = None
    #: Factor for the power, reported or computed: 10 for a bike that reports a tenth of it.
    power_scale: PowerScale | None = None
    #: Added to the scaled power while the pedals turn, W.
    power_offset_w: PowerOffset | None = None

    @field_validator("power_from")
    @classmethod
    def _is_a_formula(cls, rows: tuple[PowerRow, ...] | None) -> tuple[PowerRow, ...] | None:
        expect_formula(rows or ())
        return rows

    @property
    def gives_percent(self) -> bool:
        """Whether no number of the bike's own is left: it is converted to percent, or ignored."""
        return self.resistance_scale is not None or bool(self.ignore_resistance)

    def over(self, other: "Tuning") -> "Tuning":
        """Return this tuning, completed from `other` where a field is None."""
        mine = {name: getattr(self, name) for name in Tuning.model_fields}
        return Tuning(
            **{
                name: getattr(other, name) if value is None else value
                for name, value in mine.items()
            }
        )

    def tune(self, reading: Reading, last_level: float | None = None) -> Reading:
        """Return the corrected `reading`. Its raw resistance is ignored or kept, never scaled.

        `last_level` is that of the last Reading with a level, for bikes that report it apart.
        """
        cadence_rpm = reading.cadence_rpm
        if cadence_rpm is not None and self.cadence_scale is not None:
            cadence_rpm *= self.cadence_scale
        raw, percent = reading.resistance_raw, reading.resistance_percent
        if self.ignore_resistance:
            raw = percent = None
        elif raw is not None and self.resistance_scale is not None:
            percent = min(max(raw * self.resistance_scale, 0.0), 100.0)
        tuned = replace(
            reading, cadence_rpm=cadence_rpm, resistance_raw=raw, resistance_percent=percent
        )
        level = level_of(reading)
        return self._with_power(tuned, last_level if level is None else level)

    def _with_power(self, reading: Reading, level: float | None) -> Reading:
        power_w, source = reading.power_w, reading.source
        if self.power_from:
            power_w = None
            if reading.cadence_rpm is not None:
                power_w = computed_power_w(self.power_from, reading.cadence_rpm, level)
            if power_w is not None:
                source = f"{source}, {DERIVED}" if source else DERIVED
        if power_w is not None:
            scale, offset_w = self.power_scale or 1.0, self.power_offset_w or 0.0
            power_w = corrected_power_w(power_w, scale, offset_w, reading.cadence_rpm)
        return replace(reading, power_w=power_w, source=source)


def level_of(reading: Reading) -> float | None:
    """Return the resistance level of the bike's own, else its percent; None if there is none."""
    raw = reading.resistance_raw
    return reading.resistance_percent if raw is None else raw
