"""The time from the daemon's start to its first live message at the broker, with a long backlog.

The real `run` on a mosquitto alternates with the same daemon and an empty buffer. The buffer is
read from the disk, not from the page cache, as after a boot. A live message is about a second
that ended after the start. A connected gateway still waits for the end of the current second,
0 … 1 s by chance: this wait is subtracted, and the whole time is reported too.

    python -m tests.bench.first_publish [--quick]
"""

import statistics
import time
from dataclasses import dataclass

from tests.bench.backlog import backlog_size, forget_pages, lay_backlog
from tests.bench.brokers import Arrival, Site, site
from tests.bench.row import Bench, Row, run_row

LIMIT_S = 1.0
BIKES = 10
PATIENCE_S = 20.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Start:
    """Times of one start, in seconds since the start of the process."""

    connected_s: float
    second_ended_s: float
    arrived_s: float

    @property
    def first_live_s(self) -> float:
        """The time without the connected gateway's wait for the end of its first second."""
        return self.arrived_s - max(0.0, self.second_ended_s - self.connected_s)


def measure(bench: Bench) -> Row:
    """Measure the first live publish after a start with a long backlog."""
    starts = bench.scaled(6, 3)
    folder = bench.folder("first")
    with site(folder / "full", BIKES) as full, site(folder / "empty", BIKES) as empty:
        lay_backlog(bench, full.state_dir)
        bench.progress(f"first publish: {starts} starts each")
        behind, alone = [], []
        for number in range(starts):
            forget_pages(full.state_dir)
            behind.append(_start(full, number))
            alone.append(_start(empty, number))
    return _row(bench, behind, alone)


def _start(each: Site, number: int) -> Start:
    """Start the daemon for the `number`th time, wait for a live message, and end it."""
    began_s = time.time()
    each.gateway.start()
    each.gateway.wait_for_log("cloud connected", times=number + 1)
    connected_s = time.time() - began_s
    first = _first_live(each, began_s)
    each.gateway.terminate()
    second_ended_s = first.telemetry.device_timestamp / 1000 - began_s
    return Start(connected_s, second_ended_s, first.at_s - began_s)


def _first_live(each: Site, began_s: float) -> Arrival:
    while time.time() - began_s < PATIENCE_S:
        for arrival in each.arrivals.since(began_s):
            if arrival.telemetry.device_timestamp >= began_s * 1000:
                return arrival
        time.sleep(POLL_S)
    raise TimeoutError(f"no live message within {PATIENCE_S} s:\n{each.gateway.log}")


def _row(bench: Bench, behind: list[Start], alone: list[Start]) -> Row:
    first_s, whole_s, connected_s = (
        statistics.median(getattr(start, part) for start in behind)
        for part in ("first_live_s", "arrived_s", "connected_s")
    )
    empty_s = statistics.median(start.first_live_s for start in alone)
    return Row(
        "first_publish",
        f"first live publish after start, {backlog_size(bench):,} messages buffered",
        f"≤ {LIMIT_S:.0f} s",
        f"{first_s:.2f} s",
        f"{empty_s:.2f} s with none buffered; {whole_s:.2f} s with the wait for the end of the"
        " running second, which is not counted; the real daemon",
        first_s <= LIMIT_S,
        first_s / LIMIT_S,
        {
            "messages_buffered": backlog_size(bench),
            "first_live_s": first_s,
            "first_live_slowest_s": max(start.first_live_s for start in behind),
            "first_live_with_none_buffered_s": empty_s,
            "connected_s": connected_s,
            "with_wait_for_second_s": whole_s,
            "starts": len(behind),
        },
    )


if __name__ == "__main__":
    run_row(measure)
