"""The delay from a second's last Reading to the publish call; no fsync must add to it.

Ten bikes' seconds end twice a second. The time runs from the moment at which the last Readings are
passed on and all ten seconds are closed, one after the other, to the call that passes a message to
the SDK. It is measured with a broker that answers soon, so that the disk is idle, and with one that
answers so late that every message is committed, to a disk that takes a quarter of a second longer
for each commit.

    python -m tests.bench.latency [--quick]
"""

import asyncio
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import structlog

from drivers import Reading
from gateway.buffer.opening import open_buffer
from gateway.buffer.store import Store
from gateway.cloud.publisher import Publisher
from gateway.cloud.uplink import Answer, UplinkListener, Verdict
from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.sampling.sampler import Sampler
from gateway.telemetry.message import make_telemetry
from gateway.timing.clock import SystemClock
from gateway.timing.units import NS_PER_MS, NS_PER_S
from tests.bench.row import Bench, Row, run_row

LIMIT_MS = 2.0
BIKES = 10
TICK_NS = NS_PER_S // 2
PACE_PER_S = 80.0
RACE = Race(1, 0, 10_000_000)
RACER = Racer(7, "Hayden", 1)
#: How long the broker takes to answer: soon, and too late for the commit interval.
SOON_S, LATE_S = 0.02, 1.2
SLOW_COMMIT_S = 0.25


class NotingUplink:
    """An Uplink that is always connected, notes each call, and accepts `answer_s` later."""

    def __init__(self, answer_s: float) -> None:
        self.called_ns: list[int] = []
        self._answer_s = answer_s
        self._listener: UplinkListener | None = None

    def start(self, listener: UplinkListener) -> None:
        self._listener = listener
        listener.on_up()

    def publish(self, ticket: int, payload: bytes) -> None:
        del payload
        self.called_ns.append(time.monotonic_ns())
        asyncio.get_running_loop().call_later(self._answer_s, self._accept, ticket)

    async def stop(self) -> None:
        self._listener = None

    def _accept(self, ticket: int) -> None:
        if self._listener is not None:
            self._listener.on_answer(ticket, Answer(Verdict.ACCEPTED))


@dataclass(frozen=True, slots=True)
class Latency:
    """The delays of all messages, in ms; `timer_p99_ms`: how late the seconds were closed."""

    p99_ms: float
    median_ms: float
    largest_ms: float
    timer_p99_ms: float


def measure(bench: Bench) -> Row:
    """Measure the extra latency from the last Reading of a second to the publish call."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ticks = bench.scaled(50, 20)
    folder = bench.folder("latency")
    bench.progress(f"latency: {ticks} ticks, the disk idle")
    idle = asyncio.run(_gateway(folder / "idle.db", ticks, SOON_S))
    commits = 0
    write = Store.write

    def slow_write(store: Store, *batch: Any) -> Any:
        nonlocal commits
        commits += 1
        time.sleep(SLOW_COMMIT_S)
        return write(store, *batch)

    bench.progress(f"latency: {ticks} ticks, the disk slow")
    with patch.object(Store, "write", slow_write):
        slow = asyncio.run(_gateway(folder / "slow.db", ticks, LATE_S))
    assert commits >= ticks, "the disk was to be busy with every tick"
    return _row(idle, slow, commits)


async def _gateway(path: Path, ticks: int, answer_s: float) -> Latency:
    """Run Sampler, Telemetry, Buffer and Publisher as the daemon does; return the delays."""
    clock = SystemClock()
    buffer = await open_buffer(path, clock, commit_interval_s=1.0, max_bytes=1 << 30)
    uplink = NotingUplink(answer_s)
    publisher = Publisher(buffer, uplink, clock, Random(1), PACE_PER_S)
    tasks = [asyncio.create_task(buffer.run()), asyncio.create_task(publisher.run())]
    samplers = [Sampler() for _ in range(BIKES)]
    for sampler in samplers:
        sampler.connected(clock.monotonic_ns(), 3.0)

    handed_over_ns, timer_ns = [], []
    first_ns = clock.monotonic_ns() + TICK_NS
    for end_ns in range(first_ns, first_ns + ticks * TICK_NS, TICK_NS):
        await clock.sleep_until(end_ns)
        handed_over_ns.append(time.monotonic_ns())
        timer_ns.append(handed_over_ns[-1] - end_ns)
        second = RaceSecond(RACE, end_ns // TICK_NS % RACE.length_s + 1, end_ns)
        for number, sampler in enumerate(samplers):
            sampler.add(Reading(end_ns - 1, 80.0, None, 40.0, 112.0))
            sample = sampler.close_second(second.start_ns, second.end_ns)
            buffer.append(make_telemetry("bench", f"bike-{number}", RACER, second, sample))
    await asyncio.sleep(answer_s + SLOW_COMMIT_S)
    for task in tasks:
        task.cancel()
    await uplink.stop()
    await buffer.close()
    return _latency(handed_over_ns, uplink.called_ns, timer_ns)


def _latency(handed_over_ns: list[int], called_ns: list[int], timer_ns: list[int]) -> Latency:
    assert len(called_ns) == len(handed_over_ns) * BIKES, "not every message was published"
    late_ms = [
        (called - handed_over_ns[number // BIKES]) / NS_PER_MS
        for number, called in enumerate(called_ns)
    ]
    percentiles_ms = statistics.quantiles(late_ms, n=100)
    timer_p99_ms = statistics.quantiles(timer_ns, n=100)[98] / NS_PER_MS
    return Latency(percentiles_ms[98], percentiles_ms[49], max(late_ms), timer_p99_ms)


def _row(idle: Latency, slow: Latency, commits: int) -> Row:
    worst_ms = max(idle.p99_ms, slow.p99_ms)
    return Row(
        "latency",
        "extra latency Reading → publish call",
        f"p99 ≤ {LIMIT_MS:.0f} ms; nothing waits for fsync",
        f"p99 {worst_ms:.2f} ms",
        f"{idle.p99_ms:.2f} ms with an idle disk, {slow.p99_ms:.2f} ms while each commit takes"
        f" {SLOW_COMMIT_S * 1000:.0f} ms longer; {BIKES} bikes",
        worst_ms <= LIMIT_MS,
        worst_ms / LIMIT_MS,
        {
            "bikes": BIKES,
            "idle_disk": asdict(idle),
            "slow_disk": asdict(slow),
            "slow_disk_commits": commits,
        },
    )


if __name__ == "__main__":
    run_row(measure)
