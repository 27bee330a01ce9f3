"""The rate at which a backlog drains, and the delay of live messages meanwhile.

Two daemons run side by side, each on its own mosquitto: one has a long backlog, one has none. The
rate counts all messages including live ones, because the pace applies to all. The delay of a live
message is the time from the end of its second to its arrival.

    python -m tests.bench.drain [--quick]
"""

import statistics
import time

from gateway.config.cloud import CloudConfig
from tests.bench.backlog import backlog_size, lay_backlog
from tests.bench.brokers import Arrival, site
from tests.bench.row import Bench, Row, run_row

LIMIT_SHARE = 0.95
LIMIT_LATENCY = 2.0
BIKES = 10
#: Seconds until both are connected and the backlog's initial burst is sent.
WARM_UP_S = 8
#: The default of the config.
PACE_PER_S: float = CloudConfig.model_fields["publish_rate_per_s"].default


def measure(bench: Bench) -> Row:
    """Measure the drain of a backlog and the live latency meanwhile."""
    seconds = bench.scaled(50, 20)
    folder = bench.folder("drain")
    with site(folder / "draining", BIKES) as draining, site(folder / "idle", BIKES) as idle:
        lay_backlog(bench, draining.state_dir)
        for each in (draining, idle):
            each.gateway.start()
        bench.progress(f"drain: {seconds} s, a daemon with a backlog and one without")
        time.sleep(WARM_UP_S)
        began_s = time.time()
        time.sleep(seconds)
        arrived, idle_arrived = (each.arrivals.since(began_s) for each in (draining, idle))
    live, backlog = _split(arrived, began_s)
    assert live, "no live message arrived"
    share = len(arrived) / seconds / PACE_PER_S
    return _row(
        bench, share, _late_ms(live), _late_ms(_split(idle_arrived, began_s)[0]), len(backlog)
    )


def _split(arrived: list[Arrival], began_s: float) -> tuple[list[Arrival], list[Arrival]]:
    """Return the live messages, whose seconds ended since `began_s`, and the others."""
    live = [one for one in arrived if one.telemetry.device_timestamp >= began_s * 1000]
    others = [one for one in arrived if one.telemetry.device_timestamp < began_s * 1000]
    return live, others


def _late_ms(live: list[Arrival]) -> tuple[float, float]:
    """Return the (median, p99) delay."""
    percentiles = statistics.quantiles((one.age_s * 1000 for one in live), n=100)
    return percentiles[49], percentiles[98]


def _row(
    bench: Bench,
    share: float,
    draining_ms: tuple[float, float],
    idle_ms: tuple[float, float],
    backlog_sent: int,
) -> Row:
    latency = draining_ms[1] / idle_ms[1]
    return Row(
        "drain",
        "backlog drain over the paced rate; live p99 latency meanwhile over idle",
        f"≥ {LIMIT_SHARE:.0%}; ≤ {LIMIT_LATENCY:.0f} ×",
        f"{share:.1%}; {latency:.2f} ×",
        f"of {PACE_PER_S:.0f}/s; live p99 {draining_ms[1]:.1f} ms against {idle_ms[1]:.1f} ms,"
        f" median {draining_ms[0]:.1f} against {idle_ms[0]:.1f}",
        share >= LIMIT_SHARE and latency <= LIMIT_LATENCY,
        max(LIMIT_SHARE / share, latency / LIMIT_LATENCY),
        {
            "messages_buffered": backlog_size(bench),
            "backlog_messages_sent": backlog_sent,
            "pace_per_s": PACE_PER_S,
            "share_of_pace": share,
            "live_p99_ms": draining_ms[1],
            "live_median_ms": draining_ms[0],
            "idle_p99_ms": idle_ms[1],
            "idle_median_ms": idle_ms[0],
            "latency_ratio": latency,
        },
    )


if __name__ == "__main__":
    run_row(measure)
