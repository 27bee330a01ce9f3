"""The brake against published numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import magnetic_brake as brake

CADENCES = (40, 60, 80, 100, 120)

# The fit itself, W, by resistance and cadence.
GRID = {
    30: (18, 35, 56, 80, 108),
    40: (37, 70, 112, 160, 215),
    50: (62, 120, 191, 273, 367),
    60: (97, 186, 295, 423, 568),
    70: (140, 269, 427, 612, 822),
    80: (193, 370, 589, 843, 1132),
}


@pytest.mark.parametrize("resistance_percent", GRID)
def test_power_is_the_published_grid(resistance_percent: int) -> None:
    powers = [round(brake.power_w(cadence, resistance_percent)) for cadence in CADENCES]
    assert powers == list(GRID[resistance_percent])


def test_ninety_rpm_at_forty_percent_is_135_w_on_every_bike() -> None:
    assert brake.power_w(90, 40) == pytest.approx(135, abs=0.1)


@pytest.mark.parametrize(("cadence_rpm", "power_w"), [(86, 15.0), (55, 9.3), (35, 5.6), (25, 3.5)])
def test_drag_remains_with_the_magnets_out(cadence_rpm: int, power_w: float) -> None:
    assert brake.power_w(cadence_rpm, 0) == pytest.approx(power_w, abs=1)


def test_power_is_zero_at_zero_cadence() -> None:
    assert brake.power_w(0, 100) == 0


cadences = st.floats(0, 180)
percents = st.floats(0, 100)


@given(cadences, cadences, percents)
def test_power_rises_with_cadence(one: float, other: float, percent: float) -> None:
    slow, fast = sorted((one, other))
    assert brake.power_w(slow, percent) <= brake.power_w(fast, percent)


@given(cadences, percents, percents)
def test_power_rises_with_resistance(cadence: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert brake.power_w(cadence, low) <= brake.power_w(cadence, high)


@pytest.mark.parametrize("cadence_rpm", [1e-200, 5.9e-307, 5e-324, 0])
def test_no_resistance_brakes_pedals_that_hardly_turn(cadence_rpm: float) -> None:
    assert brake.resistance_percent(32, cadence_rpm) > 100


@given(st.floats(20, 180), st.floats(25, 100))
def test_resistance_is_the_inverse_of_power(cadence: float, percent: float) -> None:
    power_w = brake.magnet_power_w(cadence, percent)
    assert brake.resistance_percent(power_w, cadence) == pytest.approx(percent)


@pytest.mark.parametrize(
    ("power_w", "mph"), [(0, 0), (27, 8.9), (50, 11.96), (100, 16.23), (200, 21.40), (300, 24.88)]
)
def test_speed_is_the_published_table(power_w: float, mph: float) -> None:
    assert brake.speed_kmh(power_w) == pytest.approx(mph * 1.609344, abs=0.02)


@given(st.integers(0, 1000))
def test_speed_rises_with_power(power_w: int) -> None:
    assert brake.speed_kmh(power_w) < brake.speed_kmh(power_w + 1)
