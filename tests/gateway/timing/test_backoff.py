"""Waits that double, are never the same for all, and begin anew after a success."""

from random import Random

import pytest

from gateway.timing.backoff import Backoff


class Edge(Random):
    """A chance that always falls on the same side."""

    def __init__(self, side: float) -> None:
        super().__init__()
        self._side = side

    def random(self) -> float:
        return self._side


@pytest.mark.parametrize(
    ("side", "waits_s"), [(1.0, [1, 2, 4, 8, 10, 10]), (0.0, [0.5, 1, 2, 4, 5, 5])]
)
def test_backoff_waits_are_in_the_upper_half_of_a_doubling_step(
    side: float, waits_s: list[float]
) -> None:
    backoff = Backoff(Edge(side), first_s=1, max_s=10)
    assert [backoff.next_s() for _ in waits_s] == waits_s


def test_backoff_starts_over_after_a_reset() -> None:
    backoff = Backoff(Edge(1.0))
    waits_s = [backoff.next_s() for _ in range(3)]
    backoff.reset()
    assert [backoff.next_s() for _ in range(3)] == waits_s


def test_backoff_waits_a_minute_at_most() -> None:
    backoff = Backoff(Edge(1.0))
    assert max(backoff.next_s() for _ in range(20)) == 60


def test_backoff_spreads_the_first_wait_of_a_thousand_gateways() -> None:
    first_s = sorted(Backoff(Random(f"gateway-{number}")).next_s() for number in range(1000))
    assert 0.5 <= first_s[0] < 0.51
    assert 0.99 < first_s[-1] <= 1
    assert len(set(first_s)) == 1000
