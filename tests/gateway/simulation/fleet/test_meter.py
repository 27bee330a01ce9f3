import statistics

from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.fleet.meter import Meter, Spread

NS_PER_MS = 1_000_000


def test_of_nothing_all_is_zero() -> None:
    assert Spread.of([]) == Spread(0.0, 0.0, 0.0)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300))
def test_half_is_below_the_median_and_all_but_a_hundredth_below_p99(times_ms: list[int]) -> None:
    spread = Spread.of([ms * NS_PER_MS for ms in times_ms])
    assert spread.max_ms == max(times_ms)
    assert statistics.median_low(times_ms) <= spread.p50_ms <= statistics.median_high(times_ms)
    assert sum(ms > spread.p99_ms for ms in times_ms) <= 0.01 * len(times_ms) + 1


def test_lately_is_since_the_last_look_and_the_whole_is_the_whole() -> None:
    meter = Meter()
    for ms in (10, 20):
        meter.on_acknowledged(ms * NS_PER_MS)
    assert meter.lately().max_ms == 20
    meter.on_acknowledged(5 * NS_PER_MS)
    assert meter.lately() == Spread(5.0, 5.0, 5.0)
    assert meter.lately().max_ms == 0
    assert meter.to_puback() == Spread(10.0, 20.0, 20.0)
    assert (meter.acknowledged, meter.to_publish().max_ms) == (3, 0)
