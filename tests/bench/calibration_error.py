"""The error of a calibrated knob by number of points, compared with a line through its two ends.

    python -m tests.bench.calibration_error

Simulated pots go through the whole process: the bike's data, the guide that captures, the record,
the table. The error is the difference between fitted and true percent, in points, while the knob is
turned all the way up and down again: the worst and the mean.
"""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.protocols.serial.peloton_table import resistance_raw
from gateway.calibrating.measuring.guide import targets
from tests.support.pots import (
    Errors,
    Pot,
    calibrated,
    errors,
    reversed_s_shaped,
    s_shaped,
    two_point_line,
)

COUNTS = (5, 11, 21)
#: One run for each seed; the worst of them counts.
SEEDS = range(5)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    pot: Pot
    both_ways: bool = False


CASES = (
    Case("S-shaped", Pot(s_shaped, noise=0.5)),
    Case("reversed", Pot(reversed_s_shaped, noise=0.5)),
    Case("noisy, sd 1.5", Pot(s_shaped, noise=1.5)),
    Case("noisy, glitches, gaps", Pot(s_shaped, noise=1.5, outliers=1 / 50, drop_outs=1 / 30)),
    Case("hysteresis, one way", Pot(s_shaped, noise=0.5, play=8)),
    Case("hysteresis, both ways", Pot(s_shaped, noise=0.5, play=8), both_ways=True),
    Case("Peloton's own table", Pot(resistance_raw, noise=0.7)),
)


def fitted(case: Case, count: int) -> Errors:
    """Return the errors of the worst run with `count` points."""
    asked = targets(count, both_ways=case.both_ways)
    runs = [calibrated(case.pot, asked, seed).calibration.table for seed in SEEDS]
    return max((errors(table, case.pot) for table in runs if table), key=lambda one: one.worst)


def print_errors(say: Callable[[str], None] = print) -> None:
    """Print a line for each kind of pot."""
    columns = "".join(f"{f'{count} points':>16}" for count in COUNTS)
    say(f"{'worst (mean) error, points of %':<32}{'line':>14}{columns}")
    for case in CASES:
        found = [errors(two_point_line(case.pot), case.pot)]
        found += [fitted(case, count) for count in COUNTS]
        first, *others = (f"{one.worst:.2f} ({one.mean:.2f})" for one in found)
        say(f"{case.name:<32}{first:>14}{''.join(f'{one:>16}' for one in others)}")


if __name__ == "__main__":
    print_errors()
