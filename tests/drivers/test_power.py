"""The power of a bike: scaled, moved, or computed from cadence and level."""

from collections.abc import Sequence
from math import pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.power import (
    CADENCE_MAX_RPM,
    OFFSET_MAX_W,
    PowerRow,
    computed_power_w,
    corrected_power_w,
    expect_formula,
)

#: Levels 1, 2 and 25 of a Schwinn 170, measured against Assioma pedals: ursoft/ANT_Libraries.
SCHWINN = (
    (1.0, -0.0014, 0.7920, -13.985),
    (2.0, -0.0004, 0.9991, -19.051),
    (25.0, 0.0652, 3.6670, -46.863),
)


@pytest.mark.parametrize(
    ("power_w", "scale", "offset_w", "corrected_w"),
    [
        pytest.param(15, 10, 0, 150, id="a tenth is reported: qdomyos-zwift #4591"),
        pytest.param(60, 2, 0, 120, id="one pedal: SmartSpin2k #70"),
        pytest.param(200, 0.9, 7, 187, id="scale and offset"),
        pytest.param(3, 1, -20, 0, id="never below 0"),
        pytest.param(0, 10, 50, 0, id="0 stays 0"),
        pytest.param(-5, 10, 50, -5, id="a negative power is left to the limits"),
    ],
)
def test_power_is_scaled_and_moved_while_it_is_not_0(
    power_w: float, scale: float, offset_w: float, corrected_w: float
) -> None:
    assert corrected_power_w(power_w, scale, offset_w) == pytest.approx(corrected_w)


@pytest.mark.parametrize(
    ("cadence_rpm", "corrected_w"),
    [
        pytest.param(0, 6, id="at rest"),
        pytest.param(-5, 6, id="no forward turn"),
        pytest.param(0.5, 16, id="turning"),
        pytest.param(None, 16, id="unknown: counts as turning"),
    ],
)
def test_offset_counts_only_while_the_pedals_turn(
    cadence_rpm: float | None, corrected_w: float
) -> None:
    assert corrected_power_w(3, 2, 10, cadence_rpm) == corrected_w


@pytest.mark.parametrize("rows", [SCHWINN, [(0.0, 0.0, 2.0, 10.0)]], ids=["levels", "one row"])
def test_no_power_is_computed_from_an_implausible_cadence(rows: Sequence[PowerRow]) -> None:
    """Berg0162/simcline #7: the 995 rpm are refused, but 2,000 W would not be."""
    assert computed_power_w(rows, CADENCE_MAX_RPM, 2) is not None
    for cadence_rpm in (CADENCE_MAX_RPM + 0.5, 995, 0xFFFF / 2):
        assert computed_power_w(rows, cadence_rpm, 2) is None


@given(st.floats(0.1, 5000), st.floats(0.01, 100), st.floats(-OFFSET_MAX_W, OFFSET_MAX_W))
def test_corrected_power_is_never_negative(power_w: float, scale: float, offset_w: float) -> None:
    assert corrected_power_w(power_w, scale, offset_w) >= 0


@pytest.mark.parametrize(
    ("cadence_rpm", "level", "power_w"),
    [
        # 0.0652 · 8100 + 3.667 · 90 - 46.863
        pytest.param(90, 25, 811.287, id="level 25"),
        # (-0.0014 · 3600 + 0.792 · 60 - 13.985), then with the row of level 2, in equal parts
        pytest.param(60, 1.5, (28.495 + 39.455) / 2, id="between two levels"),
        pytest.param(60, 0, 28.495, id="below the first level"),
        pytest.param(90, 99, 811.287, id="above the last level"),
        pytest.param(10, 1, 0, id="never below 0"),
        pytest.param(0, 25, 0, id="pedals that stand still"),
        pytest.param(60, None, None, id="unknown level"),
    ],
)
def test_power_is_computed_from_cadence_and_level(
    cadence_rpm: float, level: float | None, power_w: float | None
) -> None:
    computed_w = computed_power_w(SCHWINN, cadence_rpm, level)
    assert computed_w == (None if power_w is None else pytest.approx(power_w))


#: The torques of a Domyos Bike 500 at its levels 8, 12 and 15, measured with a power meter:
#: cagnulein/qdomyos-zwift #1078. Power is torque · cadence · 2π/60.
DOMYOS_NM = {8: 13.6, 12: 22.5, 15: 35.9}


@pytest.mark.parametrize(("level", "power_w"), [(8, 113.9), (12, 188.5), (15, 300.7)])
def test_torque_per_level_is_a_formula_too(level: int, power_w: float) -> None:
    """At 80 rpm, which are 8.378 rad/s."""
    rows = [(level, 0.0, torque_nm * 2 * pi / 60, 0.0) for level, torque_nm in DOMYOS_NM.items()]
    expect_formula(rows)
    assert computed_power_w(rows, 80, level) == pytest.approx(power_w, abs=0.1)


@pytest.mark.parametrize("level", [None, 7.0])
def test_formula_of_one_row_needs_no_level(level: float | None) -> None:
    assert computed_power_w([(0, 0, 2, 10)], 50, level) == 110


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6) | st.none())
def test_computed_power_is_total(cadence_rpm: float, level: float | None) -> None:
    assert (computed_power_w(SCHWINN, cadence_rpm, level) or 0.0) >= 0


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([(1, 0, 2, 0), (1, 0, 3, 0)], "row 2: level 1 after 1; expected rising levels"),
        ([(2, 0, 2, 0), (1, 0, 3, 0)], "row 2: level 1 after 2"),
        ([(1, 0, 2, 0), (2, 40, 0, 0)], "row 2, level 2: gives 324000 W at 90 rpm"),
        ([(1, -46.863, 3.667, 0.0652)], "row 1, level 1: gives 0 W at 90 rpm"),
    ],
)
def test_formula_that_cannot_be_names_its_row(
    rows: list[tuple[float, float, float, float]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        expect_formula(rows)
