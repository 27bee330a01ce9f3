"""What was measured on a bike, as it is stored, exported and imported. Pure.

The points are kept as they were captured, not what was made of them: a better model can be made
of the same points later.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.host.errors import GatewayError
from gateway.sampling.calibration import Calibration, CalibrationTable, Quantity

#: Raised with every change of the fields: a calibration is strictly checked.
FORMAT: Literal[1] = 1

#: Which way the knob was turned to get there.
Direction = Literal["up", "down"]

Finite = Annotated[float, Field(allow_inf_nan=False)]


class CalibrationFormatError(GatewayError):
    """This is no calibration, or one that cannot be used. The text says where and why."""


@dataclass(frozen=True, slots=True)
class CapturedPoint:
    """The knob held at `percent`. `raw`: median of the samples, in the bike's own units.

    `noise`: their standard deviation, in the same units.
    """

    percent: Annotated[float, Field(ge=0, le=100)]
    raw: Finite
    noise: Annotated[Finite, Field(ge=0)]
    samples: Annotated[int, Field(ge=1)]
    direction: Direction = "up"


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """One calibration of one bike.

    `device`: which machine it was, as `device_of` names it. `points`: none if only the cadence
    was checked. `rate_hz`, `cadence_rpm`: how often the bike spoke, and how fast was pedalled.
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

    @property
    def calibration(self) -> Calibration:
        """Raises ValueError that names the points which make no table."""
        table = CalibrationTable(mean_points(self.points)) if self.points else None
        return Calibration(table, self.quantity, self.cadence_scale)


def mean_points(points: tuple[CapturedPoint, ...]) -> list[tuple[float, float]]:
    """(raw, percent), one for each percent: the middle between up and down, where both are."""
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
    """For people too: indented, one point a line or so, with a line end."""
    return _FILE.dump_json(_File(FORMAT, record), indent=2).decode() + "\n"


def record_from_json(text: str | bytes) -> CalibrationRecord:
    """The inverse of `record_to_json`. Raises CalibrationFormatError, with the key."""
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
    """The time as a record has it: whole seconds."""
    return now.replace(microsecond=0)
