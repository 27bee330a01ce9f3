"""Corrections for one model of bike: scales, and values to ignore. Pure."""

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from drivers.reading import Reading


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

    def tune(self, reading: Reading) -> Reading:
        """Return the corrected `reading`. Its raw resistance is ignored or kept, never scaled."""
        cadence_rpm = reading.cadence_rpm
        if cadence_rpm is not None and self.cadence_scale is not None:
            cadence_rpm *= self.cadence_scale
        raw, percent = reading.resistance_raw, reading.resistance_percent
        if self.ignore_resistance:
            raw = percent = None
        elif raw is not None and self.resistance_scale is not None:
            percent = min(max(raw * self.resistance_scale, 0.0), 100.0)
        return replace(
            reading, cadence_rpm=cadence_rpm, resistance_raw=raw, resistance_percent=percent
        )
