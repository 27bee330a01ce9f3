"""Messages a second over the last minute, to the message, in little memory."""

import pytest

from gateway.timing.rate import Rate
from gateway.timing.units import NS_PER_S

START_NS = 5 * NS_PER_S


def second(number: float) -> int:
    return START_NS + round(number * NS_PER_S)


def test_rate_of_one_message_a_second_is_one() -> None:
    rate = Rate(START_NS)
    for number in range(300):
        rate.add(second(number + 0.5))
        assert rate.per_s(second(number + 1)) == 1
        assert rate.per_s(second(number + 1.4)) == 1


def test_rate_is_zero_before_the_first_second_is_over() -> None:
    rate = Rate(START_NS)
    assert rate.per_s(second(0)) == 0
    rate.add(second(0.1))
    assert rate.per_s(second(0.9)) == 0


def test_rate_does_not_count_the_running_second() -> None:
    rate = Rate(START_NS)
    rate.add(second(0.5))
    rate.add(second(1.2))
    assert rate.per_s(second(1.4)) == 1


@pytest.mark.parametrize(("at", "expected"), [(31, 20.0), (60, 10.0), (90, 10.0), (91, 0.0)])
def test_rate_counts_a_burst_for_a_minute(at: int, expected: float) -> None:
    rate = Rate(START_NS)
    for _ in range(600):
        rate.add(second(30))
    assert rate.per_s(second(at)) == pytest.approx(expected, rel=0.04)


def test_rate_in_the_first_minute_is_over_the_time_so_far() -> None:
    rate = Rate(START_NS)
    for number in range(20):
        rate.add(second(number / 2))
    assert rate.per_s(second(10)) == 2


def test_rate_is_not_lowered_by_a_start_in_mid_second() -> None:
    rate = Rate(second(0.8))
    for number in range(1, 3):
        rate.add(second(number))
    assert rate.per_s(second(0.9)) == 0
    assert rate.per_s(second(3.1)) == round(2 / 2.2, 2)


def test_rate_forgets_old_seconds_though_never_asked_for() -> None:
    rate = Rate(START_NS)
    for number in range(10_000):
        rate.add(second(number / 2))
    assert len(rate._counts) <= 61
