"""Power: corrected by a scale and an offset, or computed from cadence and level. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field

#: The largest scale and offset that a bike can need: some report a tenth or a hundredth of a watt.
SCALE_MAX = 100.0
OFFSET_MAX_W = 500.0

PowerScale = Annotated[float, Field(gt=0, le=SCALE_MAX, allow_inf_nan=False)]
PowerOffset = Annotated[float, Field(ge=-OFFSET_MAX_W, le=OFFSET_MAX_W, allow_inf_nan=False)]

#: The greatest plausible cadence of a bike, rpm, and the least and the greatest plausible power, W:
#: see gateway/sampling/plausible.py.
CADENCE_MAX_RPM = 250
POWER_MIN_W = -500
POWER_MAX_W = 3000

_Finite = Annotated[float, Field(allow_inf_nan=False)]
#: One level of a formula, (level, a, b, d): at c rpm it requires a c² + b c + d watts.
PowerRow = tuple[_Finite, _Finite, _Finite, _Finite]

#: Each row of a formula gives more than 0 and at most POWER_MAX_W at this cadence, rpm: numbers in
#: the wrong order do not.
CHECKED_RPM = 90.0


def corrected_power_w(
    power_w: float, scale: float, offset_w: float, cadence_rpm: float | None = None
) -> float:
    """Return the scaled power plus the offset; a power of 0 stays 0, as the rider has stopped.

    At a cadence of 0 there is no offset either; an unknown cadence counts as turning pedals.
    """
    if power_w <= 0:
        return power_w
    if cadence_rpm is not None and cadence_rpm <= 0:
        return power_w * scale
    return max(0.0, power_w * scale + offset_w)


def computed_power_w(
    rows: Sequence[PowerRow], cadence_rpm: float, level: float | None
) -> float | None:
    """Return the power at a cadence and a level; None if it depends on an unknown level.

    Between two levels it is interpolated; beyond the first and the last, those apply. An
    implausible cadence gives None: its power might be plausible.
    """
    if cadence_rpm > CADENCE_MAX_RPM:
        return None
    if cadence_rpm <= 0:
        return 0.0
    if len(rows) == 1:
        return _row_power_w(rows[0], cadence_rpm)
    if level is None:
        return None
    level = min(max(level, rows[0][0]), rows[-1][0])
    below, above = next(pair for pair in pairwise(rows) if level <= pair[1][0])
    share = (level - below[0]) / (above[0] - below[0])
    low_w, high_w = _row_power_w(below, cadence_rpm), _row_power_w(above, cadence_rpm)
    return low_w + (high_w - low_w) * share


def expect_formula(rows: Sequence[PowerRow]) -> None:
    """Raise ValueError, which names the row, if `rows` are not a formula for the power."""
    for number, row in enumerate(rows, 1):
        power_w = _row_power_w(row, CHECKED_RPM)
        if not 0 < power_w <= POWER_MAX_W:
            raise ValueError(
                f"row {number}, level {row[0]:g}: gives {power_w:g} W at {CHECKED_RPM:g} rpm; "
                f"expected more than 0 and at most {POWER_MAX_W:g} W, from [level, a, b, d] for "
                "a c² + b c + d at c rpm"
            )
    for number, (before, row) in enumerate(pairwise(rows), 2):
        if row[0] <= before[0]:
            raise ValueError(
                f"row {number}: level {row[0]:g} after {before[0]:g}; expected rising levels"
            )


def _row_power_w(row: PowerRow, cadence_rpm: float) -> float:
    _, a, b, d = row
    return max(0.0, (a * cadence_rpm + b) * cadence_rpm + d)
