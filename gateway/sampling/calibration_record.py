"""Calibration records: the measurements on a bike, stored, exported and imported. Pure.

A record contains the captured points, not the table made from them, so that a better model can
use the same points later.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
)

from drivers.power import PowerOffset, PowerScale
from gateway.host.errors import GatewayError
from gateway.sampling.calibration import (
    Calibration,
    CalibrationTable,
    Quantity,
    without_idle_power,
)

#: Version of the format. Increase it when a field changes or is added that every record contains:
#: unknown ones are rejected.
FORMAT: Literal[1] = 1

#: The direction in which the knob was turned to reach a point.
Direction = Literal["up", "down"]

Finite = Annotated[float, Field(allow_inf_nan=False)]


class CalibrationFormatError(GatewayError):
    """A file or text that is not a usable calibration. The text names the place and the reason."""


@dataclass(frozen=True, slots=True)
class CapturedPoint:
    """A point captured with the knob held at `percent`.

    `raw` is the median of the samples and `noise` their standard deviation, both in the bike's own
    units.
    """

    percent: Annotated[float, Field(ge=0, le=100)]
    raw: Finite
    noise: Annotated[Finite, Field(ge=0)]
    samples: Annotated[int, Field(ge=1)]
    direction: Direction = "up"


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """One calibration of one bike.

    `device`: the physical bike, as returned by `device_of`. `points`: empty if only the cadence or
    the power was calibrated. `rate_hz`: how often the bike reported. `cadence_rpm`: the cadence
    during the capture.
    """

    bike_id: Annotated[str, Field(min_length=1)]
    device: str
    made_at: AwareDatetime
    made_by: str
    quantity: Quantity
    points: tuple[CapturedPoint, ...]
    cadence_scale: Annotated[Finite, Field(gt=0, le=20)] = 1.0
    rate_hz: Annotated[Finite, Field(ge=0)] | None = None
    cadence_rpm: Annotated[Finite, Field(ge=0)] | None = None
    power_scale: PowerScale = 1.0
    power_offset_w: PowerOffset = 0.0

    @property
    def calibration(self) -> Calibration:
        """The calibration made from the points. Raises ValueError, which names invalid points."""
        table = CalibrationTable(mean_points(self.points)) if self.points else None
        return Calibration(
            table, self.quantity, self.cadence_scale, self.power_scale, self.power_offset_w
        )

    @model_serializer(mode="wrap")
    def _serialize(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_idle_power(write(self))


def mean_points(points: tuple[CapturedPoint, ...]) -> list[tuple[float, float]]:
    """Return one (raw, percent) per percent: the mean of up and down where both were captured."""
    by_percent: defaultdict[float, defaultdict[Direction, list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for point in points:
        by_percent[point.percent][point.direction].append(point.raw)
    return [
        (fmean(fmean(raws) for raws in by_direction.values()), percent)
        for percent, by_direction in sorted(by_percent.items())
    ]


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = ConfigDict(extra="forbid")

    format: Literal[1]
    calibration: CalibrationRecord


_FILE = TypeAdapter(_File)


def record_to_json(record: CalibrationRecord) -> str:
    """Return the record as indented JSON that ends with a newline."""
    return _FILE.dump_json(_File(FORMAT, record), indent=2).decode() + "\n"


def record_from_json(text: str | bytes) -> CalibrationRecord:
    """Parse the output of `record_to_json`. Raises CalibrationFormatError, which names the key."""
    try:
        record = _FILE.validate_json(text).calibration
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"])) or "file"
        raise CalibrationFormatError(
            f"{key}: {first['msg']}; expected a calibration of format {FORMAT}, as "
            "`alleycat-gateway calibrate export` writes it"
        ) from None
    try:
        _ = record.calibration
    except ValueError as error:
        raise CalibrationFormatError(f"calibration.points: {error}") from None
    return record


def made_now(now: datetime) -> datetime:
    """Return the time in whole seconds, as records contain it."""
    return now.replace(microsecond=0)
