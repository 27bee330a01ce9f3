from dataclasses import replace

import pytest

from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.fleet.meter import Spread
from gateway.simulation.fleet.scene import StreamReport, Summary

ADA = Standing(7, 1, "Ada", 148.75, 9, 60, is_final=True)
STREAM = StreamReport(
    records=120,
    duplicates=0,
    unreadable=0,
    rule_failures=0,
    shards={7: ["shardId-000000000000"]},
    same_racers=2,
    differences=[],
)


def summary(stream: StreamReport | None = STREAM) -> Summary:
    """Two racers of a minute, all well."""
    return Summary(
        target="127.0.0.1:8883",
        racers=2,
        races=1,
        connections=2,
        race_s=60,
        seed=1,
        interrupted=False,
        expected=120,
        produced=120,
        sent=120,
        acknowledged=120,
        set_aside=0,
        leftover=0,
        drops=0,
        reason="",
        to_publish=Spread(10.0, 20.0, 30.0),
        to_puback=Spread(40.0, 50.0, 60.0),
        cores=0.123,
        peak_mib=88.5,
        stream=stream,
        leaderboard=[ADA, replace(ADA, racer_id=2, name="Bruno", best_output=140.0)],
    )


def test_all_made_acknowledged_and_in_the_stream_is_well() -> None:
    assert summary().ok
    assert summary(stream=None).ok, "a stream that cannot be read says nothing"
    assert summary(replace(STREAM, records=125, duplicates=5)).ok, "at least once"


@pytest.mark.parametrize(
    "stream",
    [
        replace(STREAM, records=119),
        replace(STREAM, records=120, duplicates=1),
        replace(STREAM, differences=["Ada (racer 1, race 7) is missing in the stream"]),
        replace(STREAM, shards={7: ["shardId-000000000000", "shardId-000000000001"]}),
    ],
)
def test_a_stream_that_has_lost_moved_or_changed_something_is_not(stream: StreamReport) -> None:
    assert not summary(stream).ok


def test_nor_is_a_second_that_was_not_acknowledged_or_not_ridden() -> None:
    assert not replace(summary(stream=None), acknowledged=119).ok
    assert not replace(summary(stream=None), produced=119, acknowledged=119).ok
