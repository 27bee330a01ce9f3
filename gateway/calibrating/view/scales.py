"""The scales of a calibration in words: those of the cadence and of the power. Pure."""

from collections.abc import Iterator

from gateway.sampling.calibration import Calibration
from gateway.sampling.calibration_record import CalibrationRecord


def power_words(scale: float, offset_w: float) -> str:
    """Format the correction of a power: "× 2", "× 0.95 + 7 W"."""
    if offset_w == 0:
        return f"× {scale:g}"
    return f"× {scale:g} {'+' if offset_w > 0 else '-'} {abs(offset_w):g} W"


def scale_words(one: Calibration | CalibrationRecord) -> Iterator[str]:
    """Yield the scales that change something: "cadence × 0.5"."""
    if one.cadence_scale != 1:
        yield f"cadence × {one.cadence_scale:g}"
    if (one.power_scale, one.power_offset_w) != (1, 0):
        yield f"power {power_words(one.power_scale, one.power_offset_w)}"


def scale_changes(old: Calibration, new: CalibrationRecord) -> Iterator[str]:
    """Yield the scales that differ: "cadence: was × 1, will be × 0.5"."""
    if old.cadence_scale != new.cadence_scale:
        yield f"cadence: was × {old.cadence_scale:g}, will be × {new.cadence_scale:g}"
    was = power_words(old.power_scale, old.power_offset_w)
    will_be = power_words(new.power_scale, new.power_offset_w)
    if was != will_be:
        yield f"power: was {was}, will be {will_be}"
