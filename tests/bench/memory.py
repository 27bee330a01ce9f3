"""Steady memory of `run` with a million messages on disk, over a process that only imports.

The daemon drains its backlog into a mosquitto meanwhile. The largest RSS and PSS are compared, and
the worse of the two ratios counts. A third process imports everything that the daemon imports: it
shows how much of the difference is code.

    python -m tests.bench.memory [--quick]
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.backlog import backlog_size, lay_backlog
from tests.bench.brokers import site
from tests.bench.processes import memory_bytes
from tests.bench.row import Bench, Row, run_row

LIMIT = 1.25
BIKES = 10
MIB = 1024 * 1024

#: RSS and PSS in MiB.
Memory = tuple[float, float]


def measure(bench: Bench) -> Row:
    """Measure the memory of the daemon over that of its imports."""
    folder = bench.folder("memory")
    with (
        site(folder, BIKES) as ours,
        _importing("awscrt, bleak, pydantic") as bare,
        _importing("gateway.daemon, drivers.ble.radio, drivers.serial_line.driver") as code,
    ):
        lay_backlog(bench, ours.state_dir)
        bench.progress("memory: the daemon runs")
        ours.gateway.start()
        pids = (ours.gateway.pid, bare, code)
        time.sleep(bench.scaled(20, 8))
        seen = [_after_a_second(pids) for _ in range(bench.scaled(10, 4))]
        drained = len(ours.arrivals.since(0))
    return _row(bench, [max(values) for values in zip(*seen, strict=True)], drained)


@contextmanager
def _importing(modules: str) -> Iterator[int]:
    """Yield the pid of an idle process that has imported the modules."""
    with subprocess.Popen(
        [sys.executable, "-c", f"import {modules}; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.terminate()


def _after_a_second(pids: tuple[int, ...]) -> list[Memory]:
    time.sleep(1)
    return [(rss / MIB, pss / MIB) for rss, pss in map(memory_bytes, pids)]


def _row(bench: Bench, largest: list[Memory], drained: int) -> Row:
    (ours_rss, ours_pss), (bare_rss, bare_pss), (code_rss, code_pss) = largest
    ratio = max(ours_rss / bare_rss, ours_pss / bare_pss)
    return Row(
        "memory",
        f"memory of `run`, steady, {backlog_size(bench):,} messages on disk, over its imports",
        f"≤ {LIMIT} ×",
        f"{ratio:.2f} ×",
        f"RSS {ours_rss:.1f} against {bare_rss:.1f} MiB, PSS {ours_pss:.1f} against {bare_pss:.1f};"
        f" the daemon's own imports alone {code_rss:.1f} and {code_pss:.1f}",
        ratio <= LIMIT,
        ratio / LIMIT,
        {
            "messages_on_disk": backlog_size(bench),
            "messages_sent_meanwhile": drained,
            "run_rss_mib": ours_rss,
            "run_pss_mib": ours_pss,
            "imports_rss_mib": bare_rss,
            "imports_pss_mib": bare_pss,
            "own_imports_rss_mib": code_rss,
            "own_imports_pss_mib": code_pss,
            "ratio": ratio,
        },
    )


if __name__ == "__main__":
    run_row(measure)
