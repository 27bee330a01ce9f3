"""What a driver yields is judged in words: which field, which value, what was expected."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from drivers import Reading
from drivers.promises import AHEAD_MAX_NS, reading_fault, staleness_fault

AFTER_NS, NOW_NS = 5_000_000_000, 9_000_000_000
GOOD = Reading(NOW_NS, cadence_rpm=82.5, resistance_raw=400, power_w=-0.5, source="a bike")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


def fault_of(**changes: Any) -> str:
    return reading_fault(replace(GOOD, **changes), AFTER_NS, NOW_NS)


@pytest.mark.parametrize("at_ns", [AFTER_NS, NOW_NS, NOW_NS + AHEAD_MAX_NS])
def test_valid_reading_has_no_fault(at_ns: int) -> None:
    assert fault_of(at_ns=at_ns) == ""
    assert reading_fault(Reading(at_ns), AFTER_NS, NOW_NS) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("abc", "'abc' (str)"),
        (nan, "nan (float)"),
        (inf, "inf (float)"),
        (True, "True (bool)"),
        ([80], "[80] (list)"),
        (10**400, "(int)"),
        (Unprintable(), "a Unprintable"),
    ],
)
@pytest.mark.parametrize("name", ["cadence_rpm", "resistance_raw", "distance_m", "heart_rate_bpm"])
def test_fault_of_a_wrong_number_names_field_and_value(
    name: str, value: object, shown: str
) -> None:
    fault = fault_of(**{name: value})
    assert fault.startswith(f"{name} is ")
    assert shown in fault
    assert fault.endswith("; expected a finite number, or None if not reported")
    assert len(fault) < 200


@pytest.mark.parametrize(
    ("at_ns", "words"),
    [
        (12.5, "at_ns is 12.5 (float); expected clock.monotonic_ns()"),
        (None, "at_ns is None; expected"),
        (NOW_NS + 2_000_000_000, "2 s in the future; expected"),
        (AFTER_NS - 500_000_000, "0.5 s before the opening or the previous Reading; expected"),
    ],
)
def test_fault_of_a_wrong_instant_states_the_difference(at_ns: object, words: str) -> None:
    assert words in fault_of(at_ns=at_ns)


def test_fault_of_a_source_that_is_no_text_is_named() -> None:
    assert fault_of(source=None) == "source is None; expected text"


@pytest.mark.parametrize("other", [None, {"cadence": 80}])
def test_fault_of_another_object_than_a_reading_shows_it(other: object) -> None:
    assert reading_fault(other, AFTER_NS, NOW_NS).startswith(f"the driver yielded {other!r}")


@pytest.mark.parametrize("seconds", [0.1, 3, 60])
def test_staleness_in_range_has_no_fault(seconds: float) -> None:
    assert staleness_fault(seconds) == ""


@pytest.mark.parametrize("seconds", [0, -1, 61, nan, inf, "3", None])
def test_fault_of_a_staleness_limit_names_its_value(seconds: object) -> None:
    assert staleness_fault(seconds).startswith(f"stale_after_s is {seconds!r}")
