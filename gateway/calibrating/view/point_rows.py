"""Points as rows of a table: one for each percent, both directions beside each other. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gateway.sampling.calibration_record import Direction


class Placed(Protocol):
    """A point that was captured, or one that is to be."""

    @property
    def percent(self) -> float: ...

    @property
    def direction(self) -> Direction: ...


P = TypeVar("P", bound=Placed)


@dataclass(frozen=True, slots=True)
class PointRow(Generic[P]):
    percent: float
    up: P | None = None
    down: P | None = None


def point_rows(points: Sequence[P]) -> list[PointRow[P]]:
    """By rising percent. Of two points of one percent and direction the later one."""
    places = {(point.percent, point.direction): point for point in points}
    return [
        PointRow(percent, places.get((percent, "up")), places.get((percent, "down")))
        for percent in sorted({point.percent for point in points})
    ]


def is_both_ways(points: Iterable[Placed]) -> bool:
    return len({point.direction for point in points}) > 1
