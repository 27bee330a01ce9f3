"""Counts, sizes and times as people read them."""

import pytest

from gateway.terminal.units import counted, duration, number, size


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 races"), (1, "1 race"), (2, "2 races"), (2161, "2,161 races")]
)
def test_count_has_separators_and_a_plural(count: int, text: str) -> None:
    assert counted(count, "race") == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (358_400, "350 KiB"), (1_468_006, "1.4 MiB")],
)
def test_size_is_in_binary_units(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (720, "12 min"),
        (7199, "120 min"),
        (9 * 3600, "9 h"),
        (172_800, "2 days"),
    ],
)
def test_durations_are_in_the_largest_unit_of_which_there_are_two(
    seconds: float, text: str
) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (437, "437"),
        (436.84, "436.8"),
        (-12.5, "-12.5"),
        (2.614, "2.61"),
        (0.04371, "0.0437"),
        (65_535, "65535"),
        (0, "0"),
        (-0.00001, "0"),
    ],
)
def test_a_sensors_number_has_as_many_figures_as_can_mean_something(
    value: float, text: str
) -> None:
    assert number(value) == text
