"""The axis of the bike's own numbers below a calibration's curve. Pure."""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint

#: On either side of what is shown, as a share of it.
MARGIN = 0.02


def raw_span(
    points: Sequence[CapturedPoint],
    tables: Sequence[CalibrationTable | None],
    here: float | None = None,
) -> tuple[float, float]:
    """From the lowest raw value in the picture to the highest, and a little more."""
    raws = [raw for table in tables if table is not None for raw, _ in table.points]
    raws += [point.raw for point in points]
    raws += [] if here is None else [here]
    low, high = min(raws, default=0.0), max(raws, default=1.0)
    margin = (high - low) * MARGIN if high > low else 1.0
    return low - margin, high + margin


def round_numbers(low: float, high: float, most: int) -> Iterator[float]:
    """Multiples of 1, 2 or 5 × 10ⁿ in low … high, at most so many or one more; low < high."""
    if most < 1:
        return
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    for count in range(ceil(low / step), floor(high / step) + 1):
        yield count * step
