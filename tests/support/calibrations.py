"""An example calibration of a home-made rig."""

from datetime import UTC, datetime
from typing import Any

from gateway.sampling.calibration_record import CalibrationRecord, CapturedPoint

POINTS = tuple(
    CapturedPoint(percent, raw, noise=1.1, samples=24)
    for percent, raw in ((0, 164), (25, 511), (50, 803), (75, 914), (100, 967))
)


def record(**changed: Any) -> CalibrationRecord:
    fields: dict[str, Any] = {
        "bike_id": "bike-1",
        "device": "fake seed 1",
        "made_at": datetime(2026, 11, 21, 18, 30, 5, tzinfo=UTC),
        "made_by": "alleycat-gateway 0.1.0",
        "quantity": "raw",
        "points": POINTS,
    }
    return CalibrationRecord(**{**fields, **changed})
