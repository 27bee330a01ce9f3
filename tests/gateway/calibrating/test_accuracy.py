"""From what a bike says to percent, all of it: how far off a calibrated knob is."""

import pytest

from gateway.calibrating.measuring.guide import targets
from tests.bench.calibration_error import CASES, Case, fitted, print_errors
from tests.support.pots import Pot, calibrated, errors, reversed_s_shaped, s_shaped, two_point_line

S_SHAPED = {
    "clean": Pot(s_shaped),
    "reversed": Pot(reversed_s_shaped),
    "noisy": Pot(s_shaped, noise=1.5),
    "outliers": Pot(s_shaped, noise=0.5, outliers=1 / 50),
    "drop-outs": Pot(s_shaped, noise=0.5, drop_outs=1 / 20),
    "all of it": Pot(reversed_s_shaped, noise=1.5, outliers=1 / 50, drop_outs=1 / 20),
    "once a second": Pot(s_shaped, noise=1.5, rate_hz=1),
    "ten times a second": Pot(s_shaped, noise=1.5, rate_hz=10),
}


@pytest.mark.parametrize("name", S_SHAPED)
@pytest.mark.parametrize("seed", range(3))
def test_eleven_points_are_right_within_one_point_where_a_line_is_wrong_by_ten(
    name: str, seed: int
) -> None:
    pot = S_SHAPED[name]
    table = calibrated(pot, targets(11), seed).calibration.table
    assert table is not None
    error, line = errors(table, pot).worst, errors(two_point_line(pot), pot).worst
    print(f"{name}: 11 points {error:.2f}, the two-point line {line:.2f} points of percent")
    assert error <= 1
    assert line > 10


def test_both_ways_halve_what_hysteresis_costs_between_the_ends() -> None:
    """At the ends nobody can tell: there the knob turns, and its sensor does not follow."""
    pot = Pot(lambda percent: 100 + 8 * percent, noise=0.3, play=40)

    def in_the_middle(*, both_ways: bool) -> float:
        table = calibrated(pot, targets(11, both_ways=both_ways)).calibration.table
        assert table is not None
        up, down = pot.curve(50) - pot.play / 2, pot.curve(50) + pot.play / 2
        return max(abs(table.percent_at(raw) - 50) for raw in (up, down))

    assert in_the_middle(both_ways=False) == pytest.approx(5, abs=0.3)
    assert in_the_middle(both_ways=True) == pytest.approx(2.5, abs=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_table_of_more_points_is_better(case: Case) -> None:
    few, more = fitted(case, 5), fitted(case, 21)
    assert more.worst < few.worst
    assert more.mean < few.mean / 2


@pytest.mark.slow
def test_the_table_of_errors_is_printed() -> None:
    lines: list[str] = []
    print_errors(lines.append)
    assert [line[:32].strip() for line in lines[1:]] == [case.name for case in CASES]
    peloton = lines[-1].split()
    assert peloton[-8].startswith("30.5")
