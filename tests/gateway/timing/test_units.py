"""Ages for people."""

import pytest

from gateway.timing.units import NS_PER_MS, NS_PER_S, seconds_between


@pytest.mark.parametrize(
    ("to_ns", "seconds"),
    [(0, 0.0), (NS_PER_S, 1.0), (1_449_999_999, 1.4), (-1, 0.0), (-NS_PER_S, 0.0)],
)
def test_seconds_between_are_rounded_to_tenths_and_never_negative(
    to_ns: int, seconds: float
) -> None:
    assert str(seconds_between(0, to_ns)) == str(seconds), "no -0.0 either"
    assert seconds_between(7 * NS_PER_S, 7 * NS_PER_S + to_ns) == seconds


def test_second_has_a_thousand_milliseconds() -> None:
    assert NS_PER_S == 1000 * NS_PER_MS
