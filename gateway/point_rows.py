"""Captured points as rows of a table: one for each percent, both directions beside each other. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.calibration_record import CapturedPoint


@dataclass(frozen=True, slots=True)
class PointRow:
    percent: float
    up: CapturedPoint | None = None
    down: CapturedPoint | None = None


def point_rows(points: Sequence[CapturedPoint]) -> list[PointRow]:
    """By rising percent. Of two points of one percent and direction the later one."""
    places = {(point.percent, point.direction): point for point in points}
    return [
        PointRow(percent, places.get((percent, "up")), places.get((percent, "down")))
        for percent in sorted({point.percent for point in points})
    ]


def is_both_ways(points: Sequence[CapturedPoint]) -> bool:
    return len({point.direction for point in points}) > 1
