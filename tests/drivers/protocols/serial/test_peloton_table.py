"""A Peloton's raw resistance in percent, by its table. How the table is read: test_peloton."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.peloton_table import (
    DEFAULT_RESISTANCE_TABLE,
    RESISTANCE_TABLE_SIZE,
    can_be_table,
    resistance_percent,
    resistance_points,
    resistance_raw,
)


@pytest.mark.parametrize(
    ("raw", "percent"),
    [
        (155, 0),  # below the table, recorded on a real bike
        (164, 0),
        (169, 3.33),
        (175, 4.51),
        (186, 6.67),
        (222, 10),
        (400, 18.12),
        (609, 30),
        (803, 50),
        (850, 57.71),
        (901, 70),
        (967, 100),
        (968, 100),  # above it, likewise
    ],
)
def test_raw_resistance_gives_percent_by_the_table(raw: int, percent: float) -> None:
    assert resistance_percent(raw) == pytest.approx(percent, abs=0.005)


def test_points_of_the_table_are_on_its_curve() -> None:
    points = resistance_points(DEFAULT_RESISTANCE_TABLE)
    assert [raw for raw, _ in points] == list(DEFAULT_RESISTANCE_TABLE)
    for raw, percent in points:
        assert resistance_percent(raw) == pytest.approx(percent)


tables = st.lists(
    st.integers(0, 9999),
    min_size=RESISTANCE_TABLE_SIZE,
    max_size=RESISTANCE_TABLE_SIZE,
    unique=True,
).map(sorted)


@given(tables, st.floats(0, 100))
def test_raw_resistance_is_the_inverse_of_percent(table: list[int], percent: float) -> None:
    raw = resistance_raw(percent, table)
    assert table[0] <= raw <= table[-1]
    assert resistance_percent(raw, table) == pytest.approx(percent, abs=1e-6)


@given(tables, st.integers(0, 9999), st.integers(0, 9999))
def test_percent_never_falls_when_raw_rises(table: list[int], one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= resistance_percent(low, table) <= resistance_percent(high, table) <= 100


def test_percent_outside_0_to_100_is_clamped() -> None:
    assert resistance_raw(-1) == DEFAULT_RESISTANCE_TABLE[0]
    assert resistance_raw(101) == DEFAULT_RESISTANCE_TABLE[-1]


def test_a_table_may_be_level_in_places() -> None:
    assert resistance_percent(20, [10, 20, 20, 30, 40]) == 50


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [1] * RESISTANCE_TABLE_SIZE,
        list(range(RESISTANCE_TABLE_SIZE - 1)),
        list(range(RESISTANCE_TABLE_SIZE + 1)),
        [*range(1, RESISTANCE_TABLE_SIZE), 0],
    ],
    ids=["empty", "constant", "short", "long", "falling"],
)
def test_entries_that_cannot_be_a_table(entries: list[int]) -> None:
    assert not can_be_table(entries)


def test_default_table_can_be_a_table() -> None:
    assert can_be_table(DEFAULT_RESISTANCE_TABLE)
