"""What is peculiar to one model of bike: scales, fields not to be believed. Pure."""

from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from drivers.reading import Reading


class Tuning(BaseModel):
    """How to take what a bike says. None: nothing peculiar is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Times what the bike says: 0.5 for a bike that says twice its cadence.
    cadence_scale: float | None = Field(default=None, gt=0, le=10)
    #: From the bike's own number to percent: 0.1 for a bike that says 250 at 25 %. A calibration
    #: table in the config is better and goes by the bike's own number.
    resistance_scale: float | None = Field(default=None, gt=0, le=100)
    #: For bikes that say a resistance that is none.
    ignore_resistance: bool | None = None

    def over(self, other: "Tuning") -> "Tuning":
        """This tuning, and `other` where this one says nothing."""
        mine = {name: getattr(self, name) for name in Tuning.model_fields}
        return Tuning(
            **{
                name: getattr(other, name) if value is None else value
                for name, value in mine.items()
            }
        )

    def tune(self, reading: Reading) -> Reading:
        """`reading` as it is meant. Its raw resistance stays what the bike said."""
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
