"""Steady memory of `run` with a million messages on disk, over a process that only imports.

The daemon drains its backlog into a mosquitto meanwhile. The largest RSS and PSS are compared, and
the worse of the two ratios counts. The other process imports what `run` with fake bikes does. A
third one imports the libraries alone: it shows how much of that is the gateway's own code. All have
the environment of the service (systemd/alleycat-gateway.service).

    python -m tests.bench.memory [--quick]
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.backlog import backlog_size, lay_backlog
from tests.bench.brokers import site
from tests.bench.processes import memory_bytes
from tests.bench.row import Bench, Row, run_row

LIMIT = 1.15
IMPORTS = (
    "import gateway.cli.app, gateway.cli.run; gateway.cli.run.import_structlog_alone();"
    "import gateway.daemon, drivers.fake"
)
LIBRARIES = "import awscrt.mqtt5, awsiot, pydantic, pydantic_settings"
UNIT = Path(__file__).parents[2] / "systemd" / "alleycat-gateway.service"
_VARIABLE = "Environment="
BIKES = 10
MIB = 1024 * 1024

#: RSS and PSS in MiB.
Memory = tuple[float, float]


def measure(bench: Bench) -> Row:
    """Measure the memory of the daemon over that of its imports."""
    folder = bench.folder("memory")
    with (
        site(folder, BIKES) as ours,
        _running(IMPORTS) as imports,
        _running(LIBRARIES) as libraries,
    ):
        lay_backlog(bench, ours.state_dir)
        ours.gateway.environment = _service_environment()
        bench.progress("memory: the daemon runs")
        ours.gateway.start()
        pids = (ours.gateway.pid, imports, libraries)
        time.sleep(bench.scaled(20, 8))
        seen = [_after_a_second(pids) for _ in range(bench.scaled(10, 4))]
        drained = len(ours.arrivals.since(0))
    return _row(bench, [max(values) for values in zip(*seen, strict=True)], drained)


@contextmanager
def _running(imports: str) -> Iterator[int]:
    """Yield the pid of an idle process that has imported something."""
    with subprocess.Popen(
        [sys.executable, "-c", f"{imports}; print(flush=True); input()"],
        env={**os.environ, **_service_environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.terminate()


def _service_environment() -> dict[str, str]:
    """Return the variables that the service's unit sets."""
    lines = UNIT.read_text("utf-8").splitlines()
    set_there = (line.removeprefix(_VARIABLE) for line in lines if line.startswith(_VARIABLE))
    return {name: value for name, _, value in (one.partition("=") for one in set_there)}


def _after_a_second(pids: tuple[int, ...]) -> list[Memory]:
    time.sleep(1)
    return [(rss / MIB, pss / MIB) for rss, pss in map(memory_bytes, pids)]


def _row(bench: Bench, largest: list[Memory], drained: int) -> Row:
    (run_rss, run_pss), (own_rss, own_pss), (library_rss, library_pss) = largest
    ratio = max(run_rss / own_rss, run_pss / own_pss)
    return Row(
        "memory",
        f"memory of `run`, steady, {backlog_size(bench):,} messages on disk, over its imports",
        f"≤ {LIMIT} ×",
        f"{ratio:.2f} ×",
        f"RSS {run_rss:.1f} against {own_rss:.1f} MiB, PSS {run_pss:.1f} against {own_pss:.1f};"
        f" the imported libraries alone {library_rss:.1f} and {library_pss:.1f}",
        ratio <= LIMIT,
        ratio / LIMIT,
        {
            "messages_on_disk": backlog_size(bench),
            "messages_sent_meanwhile": drained,
            "run_rss_mib": run_rss,
            "run_pss_mib": run_pss,
            "own_imports_rss_mib": own_rss,
            "own_imports_pss_mib": own_pss,
            "libraries_rss_mib": library_rss,
            "libraries_pss_mib": library_pss,
            "ratio": ratio,
        },
    )


if __name__ == "__main__":
    run_row(measure)
