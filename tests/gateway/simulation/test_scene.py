import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.cloud.leaderboard import Standing, StreamResult
from gateway.simulation.scene import (
    DeliveryReport,
    GatewayState,
    OutageReport,
    Percentiles,
    RaceMoment,
    RaceStage,
    StreamReport,
    Summary,
)
from gateway.timing.units import NS_PER_MS, NS_PER_S

ADA = Standing(
    race_id=7,
    class_id=2,
    racer_id=1,
    name="Ada",
    here_now=130.5,
    final_result=128.25,
    personal_record=128.25,
    best_output=148.75,
    best_second=9,
    seconds_received=60,
)
BRUNO = replace(
    ADA, racer_id=2, name="Bruno", final_result=120.0, personal_record=125.0, best_output=150.0
)
STREAM = StreamReport(
    records=120,
    duplicates=0,
    unreadable=0,
    rule_failures=0,
    shards={7: ["shardId-000000000000"]},
    same_racers=2,
    differences=[],
)


DELIVERY = DeliveryReport(
    target="127.0.0.1:8883",
    races=1,
    connections=2,
    expected=120,
    sent=120,
    acknowledged=120,
    set_aside=0,
    leftover=0,
    drops=0,
    reason="",
    to_publish=Percentiles(10.0, 20.0, 30.0),
    to_puback=Percentiles(40.0, 50.0, 60.0),
    cores=0.123,
    peak_mib=88.5,
)


def fleet_summary(
    stream: StreamReport | None = STREAM, delivery: DeliveryReport = DELIVERY
) -> Summary:
    """Two racers of a minute, all well."""
    return Summary(
        racers=2,
        race_s=60,
        seed=1,
        produced=120,
        stream=stream,
        leaderboard=[ADA, BRUNO],
        delivery=delivery,
    )


def demo_summary(stream: StreamReport = STREAM) -> Summary:
    """The same, with an outage."""
    outage = OutageReport(outage_s=10, most_buffered=20)
    return replace(fleet_summary(stream), delivery=None, outage=outage)


@pytest.mark.parametrize(
    "summary",
    [
        fleet_summary(),
        fleet_summary(stream=None),
        fleet_summary(replace(STREAM, records=125, duplicates=5)),
        demo_summary(),
    ],
)
def test_summary_is_ok_when_every_message_has_arrived_at_least_once(summary: Summary) -> None:
    assert summary.ok


@pytest.mark.parametrize(
    "stream",
    [
        replace(STREAM, records=119),
        replace(STREAM, records=120, duplicates=1),
        replace(STREAM, differences=["Ada (racer 1, race 7) is missing from the stream"]),
        replace(STREAM, shards={7: ["shardId-000000000000", "shardId-000000000001"]}),
    ],
)
def test_summary_is_not_ok_when_the_stream_lost_moved_or_changed_something(
    stream: StreamReport,
) -> None:
    assert not fleet_summary(stream).ok
    assert not demo_summary(stream).ok


def test_summary_is_not_ok_when_a_second_was_not_acknowledged_or_not_ridden() -> None:
    unacknowledged = replace(DELIVERY, acknowledged=119)
    assert not fleet_summary(None, unacknowledged).ok
    assert not replace(fleet_summary(None, unacknowledged), produced=119).ok


def test_stream_report_compares_what_was_produced_with_what_the_backend_scored() -> None:
    result = StreamResult(
        records=61, duplicates=1, unreadable=2, rule_failures=3, shards={7: ["a"]}, standings=[ADA]
    )
    report = StreamReport.of(result, [ADA, BRUNO])
    assert (report.arrived, report.unreadable, report.rule_failures) == (60, 2, 3)
    assert report.same_racers == 1
    assert report.differences == ["Bruno (racer 2, race 7) is missing from the stream"]


@pytest.mark.parametrize(
    ("since_start_s", "expected"),
    [
        (-2.5, RaceMoment(RaceStage.COUNTDOWN, 3)),
        (-1, RaceMoment(RaceStage.COUNTDOWN, 1)),
        (0, RaceMoment(RaceStage.RACING, 1)),
        (59.9, RaceMoment(RaceStage.RACING, 60)),
        (60, RaceMoment(RaceStage.ARRIVING, 60)),
        (90, RaceMoment(RaceStage.ARRIVING, 60)),
    ],
)
def test_race_moment_counts_down_to_the_start_and_up_to_the_end(
    since_start_s: float, expected: RaceMoment
) -> None:
    assert RaceMoment.at(int(since_start_s * NS_PER_S), race_s=60) == expected


@pytest.mark.parametrize(
    ("is_online", "buffered", "has_bike", "expected"),
    [
        (True, 1, True, "live"),
        (True, 2, True, "catching up"),
        (False, 0, True, "keeping"),
        (False, 9, False, "bike lost"),
    ],
)
def test_gateway_state_is_the_worst_that_is_true(
    is_online: bool, buffered: int, has_bike: bool, expected: str
) -> None:
    state = GatewayState.of(is_online=is_online, buffered=buffered, has_bike=has_bike)
    assert state.value == expected


def test_percentiles_of_nothing_are_zero() -> None:
    assert Percentiles.of([]) == Percentiles(0.0, 0.0, 0.0)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=300))
def test_percentiles_leave_half_above_p50_and_a_hundredth_above_p99(times_ms: list[int]) -> None:
    percentiles = Percentiles.of([ms * NS_PER_MS for ms in times_ms])
    assert percentiles.max_ms == max(times_ms)
    assert statistics.median_low(times_ms) <= percentiles.p50_ms <= statistics.median_high(times_ms)
    assert sum(ms > percentiles.p99_ms for ms in times_ms) <= 0.01 * len(times_ms) + 1
