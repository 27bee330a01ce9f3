"""Which messages count as lost, and which growth as linear."""

from dataclasses import replace

import pytest

from tests.bench.fleet_report import FleetReport, Run

FULL = Run(
    what="the full race",
    racers=1000,
    connections=1000,
    race_s=300,
    expected=300_000,
    produced=300_000,
    acknowledged=300_000,
    in_stream=300_000,
    same_racers=1000,
    cores=0.25,
    peak_mib=150.0,
    publish_p50_ms=34,
    publish_p99_ms=68,
    publish_max_ms=74,
    puback_p50_ms=112,
    puback_p99_ms=134,
    puback_max_ms=136,
    cloud_cores=0.4,
    other_cores=0.1,
    ok=True,
)


def growth(*sizes: tuple[int, float, float]) -> list[Run]:
    """Return runs of the given (racers, cores, MiB)."""
    return [
        replace(FULL, what="growth", racers=racers, cores=cores, peak_mib=mib)
        for racers, cores, mib in sizes
    ]


LINEAR = growth((10, 0.01, 60), (100, 0.1, 70), (1000, 1.0, 150))


def missed(*runs: Run) -> list[str]:
    return [target.what for target in FleetReport({}, list(runs)).targets if not target.reached]


def test_target_at_its_limit_is_reached() -> None:
    at_limits = replace(FULL, cores=1.0, peak_mib=300, puback_p99_ms=1000, publish_max_ms=200)
    assert missed(at_limits, *LINEAR) == []


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (replace(FULL, cores=1.01), "CPU of the fleet's process"),
        (replace(FULL, peak_mib=301), "its memory at most"),
        (replace(FULL, puback_p99_ms=1001), "end of second to PUBACK, p99"),
        (replace(FULL, publish_max_ms=201), "latest second given to publish"),
        (replace(FULL, in_stream=299_999), "messages acknowledged, and in the stream"),
        (replace(FULL, acknowledged=299_999), "messages acknowledged, and in the stream"),
        (replace(FULL, same_racers=999), "racers with the same score in the backend"),
    ],
)
def test_target_beyond_its_limit_is_missed(run: Run, expected: str) -> None:
    assert missed(run, *LINEAR) == [expected]


def test_growth_of_the_cost_per_racer_misses_the_linear_targets() -> None:
    dearer = growth((10, 0.01, 3), (100, 0.1, 31), (1000, 1.01, 310))
    assert missed(FULL, *dearer) == [
        "growth of CPU from 10 to 1,000 racers",
        "growth of memory from 10 to 1,000 racers",
    ]


def test_acknowledgements_count_where_the_stream_cannot_be_read() -> None:
    unread = replace(FULL, in_stream=None, same_racers=None, acknowledged=299_990)
    assert unread.lost == 10
    assert unread.cpu_us_per_message == pytest.approx(250)
