from gateway.simulation.cloud.arrivals import ArrivalMeter, Arrivals
from tests.support.telemetry import message


def test_arrivals_are_counted_by_shard_those_that_are_empty_too() -> None:
    meter = ArrivalMeter(["a", "b", "c"])
    meter.add_poll([("a", b"{}"), ("b", b"{}"), ("b", b"junk")], now_ms=0)
    assert meter.arrivals == Arrivals({"a": 1, "b": 2, "c": 0})
    assert meter.arrivals.records == 3


def test_arrivals_have_the_median_delay_of_the_last_poll_with_a_record() -> None:
    meter = ArrivalMeter(["a"])
    telemetry = [message(second) for second in (1, 2, 3, 9)]
    ends_ms = [one.device_timestamp for one in telemetry]
    records = [("a", one.to_json()) for one in telemetry]
    meter.add_poll(records[:3], now_ms=ends_ms[2])
    assert meter.arrivals.delay_ms == 1000
    meter.add_poll(records[3:], now_ms=ends_ms[3] + 250)
    meter.add_poll([], now_ms=ends_ms[3] + 9000)
    assert meter.arrivals.delay_ms == 250
