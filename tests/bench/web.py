"""What pages cost a gateway: memory and CPU of ten open ones, and the races' delay under a flood.

A gateway runs with pages off; then with pages, of which none is open, then ten, then ten and a
flood of requests from another process. A delay runs from the end of a second to the arrival of its
message at the broker. There is no target.

    python -m tests.bench.web [--quick]
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.bench.brokers import Site, site
from tests.bench.processes import cpu_s, memory_bytes
from tests.bench.row import Bench, Row, run_row
from tests.support.mosquitto import free_port

BIKES = 10
TABS = 10
FLOODERS = 40
WARM_UP_S = 8
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Phase:
    """A gateway in one situation; the delay is the 99th percentile."""

    pss_mib: float
    cpu_percent: float
    delay_ms: float


def measure(bench: Bench) -> Row:
    """Measure the memory, the CPU and the delay of a gateway with pages over one without."""
    seconds = bench.scaled(60, 15)
    port = free_port()
    with site(bench.folder("web"), BIKES) as ours:
        bench.progress("web: pages off")
        off = _run(ours, seconds)
        ours.gateway.terminate()
        ours.gateway.further = f"[web]\nport = {port}\n"
        bench.progress("web: no page open")
        idle = _run(ours, seconds)
        with _client("tabs", port, TABS):
            bench.progress(f"web: {TABS} pages open")
            tabs = _phase(ours, seconds)
            with _client("flood", port, FLOODERS):
                bench.progress(f"web: a flood on {FLOODERS} connections")
                flood = _phase(ours, seconds)
        ours.gateway.terminate()
    return _row(off, idle, tabs, flood)


def _run(ours: Site, seconds: float) -> Phase:
    ours.gateway.start()
    time.sleep(WARM_UP_S)
    return _phase(ours, seconds)


def _phase(ours: Site, seconds: float) -> Phase:
    pid, began_s, before_s = ours.gateway.pid, time.time(), cpu_s(ours.gateway.pid)
    time.sleep(seconds)
    percent = 100 * (cpu_s(pid) - before_s) / (time.time() - began_s)
    ages = sorted(one.age_s for one in ours.arrivals.since(began_s))
    return Phase(memory_bytes(pid)[1] / MIB, percent, 1000 * ages[int(0.99 * len(ages))])


@contextmanager
def _client(kind: str, port: int, connections: int) -> Iterator[None]:
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.bench.web_client", kind, str(port)]
        client = stack.enter_context(subprocess.Popen([*command, str(connections)]))
        stack.callback(client.terminate)
        time.sleep(WARM_UP_S)
        yield


def _row(off: Phase, idle: Phase, tabs: Phase, flood: Phase) -> Row:
    phases = {"off": off, "idle": idle, "tabs": tabs, "flood": flood}
    return Row(
        "web",
        f"p99 from a second's end to the broker, under a flood of requests to pages, with {TABS} "
        "pages open, over pages off",
        "–",
        f"{flood.delay_ms / off.delay_ms:.1f} ×",
        "; ".join(
            f"{name}: {one.delay_ms:.0f} ms, {one.cpu_percent:.1f} % of a core, "
            f"{one.pss_mib:.0f} MiB"
            for name, one in phases.items()
        ),
        None,
        None,
        {
            f"{name}_{field}": getattr(one, field)
            for name, one in phases.items()
            for field in Phase.__slots__
        },
    )


if __name__ == "__main__":
    run_row(measure)
