"""A thousand racers from one process, and the growth of its cost from ten racers to a thousand.

Each run is the command `alleycat-gateway fleet`. On the same machine run either broker, IoT rule,
Kinesis and consumer, or mosquitto with mutual TLS. The CPU use of other processes is measured and
reported: on a busy machine, latencies mean little. With `chrt --rr 1 make fleet-bench`, the kernel
prefers these processes; the report includes this scheduling policy.

Prints the table; writes docs/fleet.json and docs/fleet.svg.

    python -m tests.bench.fleet [--quick]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gateway.simulation.fleet.plan import RACERS_PER_CONNECTION
from tests.bench.brokers import broker
from tests.bench.fleet_picture import draw
from tests.bench.fleet_report import FleetReport, Run
from tests.bench.report import describe_machine
from tests.bench.row import working_directory
from tests.support.gateway_process import COMMAND, GatewayProcess

#: Racers of each run that shows the growth of the cost.
RACERS = (10, 30, 100, 300, 1000)
DOCS = Path("docs")
#: Columns of the table if the output is not a terminal.
WIDTH = 140


def main() -> None:
    """Run all fleets; exit with code 1 if one of them lost anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fleet", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="small runs; do not write docs/fleet.*"
    )
    is_quick = parser.parse_args().quick
    with working_directory(None) as directory:
        machine = describe_machine(directory) | {"scheduling": _scheduling()}
        runs = list(_runs(directory, is_quick=is_quick))
    report = FleetReport(machine, runs)
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    _print(console, report)
    if not is_quick:
        text = json.dumps(asdict(report), indent=1, ensure_ascii=False)
        (DOCS / "fleet.json").write_text(f"{text}\n", encoding="utf-8")
        (DOCS / "fleet.svg").write_text(draw(report), encoding="utf-8")
        console.print(f"written: {DOCS}/fleet.json, {DOCS}/fleet.svg")
    sys.exit(not all(run.ok for run in runs))


def _runs(directory: Path, *, is_quick: bool) -> Iterator[Run]:
    """Yield all runs. The full race is the first, so that it does not find warm caches."""
    most, race_s = (100, 10) if is_quick else (1000, 60)
    yield _run("the full race", most, race_s if is_quick else 300)
    for racers in RACERS:
        if racers <= most:
            yield _run("growth", racers, race_s)
    shared = -(-most // RACERS_PER_CONNECTION)
    yield _run("shared connections", most, race_s, "--connections", str(shared))
    with _mosquitto(directory) as config:
        yield _run("mosquitto, mutual TLS", most, race_s, "--config", str(config))


def _run(what: str, racers: int, race_s: int, *more: str) -> Run:
    """Run one fleet; `what` names it in the table."""
    print(f"{what}: {racers} racers, {race_s} s", file=sys.stderr, flush=True)
    sizes = ("--racers", str(racers), "--race", str(race_s))
    busy_s, ours_s, began_s = _busy_s(), _children_s(), time.monotonic()
    ended = subprocess.run(
        [*COMMAND, "fleet", *sizes, *more, "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    passed_s = time.monotonic() - began_s
    ours_s, busy_s = _children_s() - ours_s, _busy_s() - busy_s
    if not ended.stdout:
        sys.exit(f"{what}: exit code {ended.returncode}\n{ended.stderr}")
    summary: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    run = Run.of(
        what,
        summary,
        cloud_cores=(ours_s - summary["cores"] * race_s) / passed_s,
        other_cores=max(0.0, busy_s - ours_s) / passed_s,
    )
    print(f"  {run.cores:.2f} cores, {run.peak_mib:.0f} MiB, ok: {run.ok}", file=sys.stderr)
    if not run.ok:
        print(ended.stderr, file=sys.stderr)
    return run


@contextmanager
def _mosquitto(directory: Path) -> Iterator[Path]:
    """Yield a config for the fleet with mosquitto as its broker."""
    with broker(directory) as (mosquitto, authority):
        gateway = GatewayProcess(directory, authority.issue("gateway-1"))
        gateway.cloud["port"] = mosquitto.port
        gateway.write_config()
        yield gateway.config_file


def _busy_s() -> float:
    """Return the CPU time of all processes of this computer, in seconds."""
    user, nice, system, _idle, _wait, irq, softirq = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _children_s() -> float:
    """Return the CPU time of ended child processes and their children, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _scheduling() -> str:
    policies = {os.SCHED_OTHER: "normal", os.SCHED_RR: "real-time", os.SCHED_FIFO: "real-time"}
    return policies.get(os.sched_getscheduler(0), "another")


def _print(console: Console, report: FleetReport) -> None:
    columns: dict[str, Callable[[Run], str]] = {
        "": lambda run: run.what,
        "racers": lambda run: f"{run.racers:,}",
        "conns": lambda run: f"{run.connections:,}",
        "s": lambda run: str(run.race_s),
        "cores": lambda run: f"{run.cores:.3f}",
        "µs/msg": lambda run: f"{run.cpu_us_per_message:.0f}",
        "MiB": lambda run: f"{run.peak_mib:.0f}",
        "publish p99": lambda run: f"{run.publish_p99_ms:.0f} ms",
        "max": lambda run: f"{run.publish_max_ms:.0f} ms",
        "PUBACK p99": lambda run: f"{run.puback_p99_ms:.0f} ms",
        "lost": lambda run: f"{run.lost:,} of {run.expected:,}",
        "cloud": lambda run: f"{run.cloud_cores:.2f}",
        "others": lambda run: f"{run.other_cores:.2f}",
    }
    table = Table(*columns, title="the fleet; CPU of cloud and others in cores")
    for column in table.columns[1:]:
        column.justify = "right"
    for run in report.runs:
        table.add_row(*(cell(run) for cell in columns.values()))
    console.print(table)
    for target in report.targets:
        mark, style = ("reached", "green") if target.reached else ("MISSED", "bold red")
        console.print(
            f"{mark:8} {target.what}: {target.value} (target {target.limit})", style=style
        )


if __name__ == "__main__":
    main()
