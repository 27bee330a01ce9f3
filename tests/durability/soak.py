"""The real daemon for hours, with faulty bikes, on a broker that comes and goes.

    python -m tests.durability.soak [--minutes M] [--seed N]

At random the broker is stopped, paused, or its line cut. Every few seconds the daemon's memory,
file descriptors and threads are counted. In the end: did they stay as they were, and has every
second arrived? Exit code 0 if both. Ctrl-C ends it early, with a verdict on what there was.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median_low

from gateway.simulation.demo.network import Network, open_network
from gateway.telemetry.message import telemetry_from_json
from tests.durability.arrivals import ends
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Credentials, Mosquitto
from tests.support.subscriber import Subscriber

RACE_LENGTH_S = 60
CALM_S = (8.0, 20.0)
#: Mostly short; the longest outlive every time-out of the connection.
TROUBLE_MEAN_S, TROUBLE_MAX_S = 6.0, 60.0
SAMPLE_EVERY_S = 2.0
PROGRESS_EVERY_S = 20.0
#: Counted is while the broker is there and what waited for it is gone.
CALM_AFTER_S = 6.0
#: What the allocator may keep more of, between the second quarter and the last.
GROWTH_MAX_KIB = 1024
#: For each quarter, for its median to mean something.
SAMPLES_PER_QUARTER = 3
#: Until every bike is connected.
WARM_UP_S = 4.0
#: Until the last of the backlog has arrived.
DRAIN_S = 60.0

#: Options of the fake bikes. No fault of the first three costs a second.
BIKES = (
    "",
    'wire = "ftms", faults = { zero_power_per_min = 6, zero_cadence_per_min = 6,'
    " resistance_glitch_per_min = 6, missing_per_min = 6, duplicate_per_min = 20,"
    " split_per_min = 20, cut_per_min = 6 }",
    'wire = "peloton", faults = { corrupt_per_min = 20, split_per_min = 20, cut_per_min = 20,'
    " duplicate_per_min = 20 }",
    "faults = { disconnect_at_s = 15, disconnect_for_s = 5 }",
)
#: The last bike's link is down, or up again after the longest back-off, up to this second.
AWAY_BIKE, AWAY_S = f"bike-{len(BIKES)}", range(15, 45)


@dataclass(frozen=True, slots=True)
class Sample:
    """What the daemon has of the machine. `heap_kib` is the part of `pss_kib` that can leak."""

    heap_kib: int
    pss_kib: int
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    """Now. Raises OSError when the process has ended."""
    process = Path("/proc", str(pid))
    lines = (process / "smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kib = {line.split()[0]: int(line.split()[1]) for line in lines}
    return Sample(
        # Without files: how much of a library is counted depends on who else has it loaded.
        heap_kib=kib["Pss_Anon:"],
        pss_kib=kib["Pss:"],
        descriptors=len(list((process / "fd").iterdir())),
        threads=len(list((process / "task").iterdir())),
    )


def what_grew(samples: list[Sample]) -> list[str]:
    """Second quarter against last, by their medians; nothing if all is flat."""
    quarter = len(samples) // 4
    if quarter < SAMPLES_PER_QUARTER:
        return [f"too short to judge: {len(samples)} samples in calm"]
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]

    def growth(of: Callable[[Sample], int]) -> tuple[int, int]:
        return median_low(map(of, early)), median_low(map(of, late))

    heap, descriptors, threads = (
        growth(lambda one: one.heap_kib),
        growth(lambda one: one.descriptors),
        growth(lambda one: one.threads),
    )
    return [
        f"{name}: {was} → {is_}"
        for name, (was, is_), room in (
            ("memory in KiB", heap, GROWTH_MAX_KIB),
            ("file descriptors", descriptors, 0),
            ("threads", threads, 0),
        )
        if is_ > was + room
    ]


class Arrivals:
    """Which seconds of which bike have arrived, through one subscriber after the other."""

    def __init__(self, port: int, credentials: Credentials) -> None:
        self._connect = partial(Subscriber, port, credentials)
        self._subscriber: Subscriber | None = None
        self._noted = 0
        self._seconds: dict[str, set[int]] = {
            f"bike-{number}": set() for number in range(1, len(BIKES) + 1)
        }
        self.count = 0

    def listen(self) -> None:
        self._subscriber, self._noted = self._connect(), 0

    def end(self) -> None:
        if self._subscriber is not None:
            self.note()
            self._subscriber.stop()
            self._subscriber = None

    def note(self) -> None:
        """What is new."""
        if self._subscriber is None:
            return
        for payload in self._subscriber.payloads[self._noted :]:
            message = telemetry_from_json(payload)
            self._seconds[message.bike_id].add(message.device_timestamp // 1000)
            self._noted += 1
            self.count += 1

    def missing(self, first: float, last: float) -> list[tuple[str, int]]:
        """Bike and end of every second within [first, last] that should be there."""
        return [
            (bike, end)
            for bike, arrived in self._seconds.items()
            for end in sorted(ends(first, last) - arrived)
            if bike != AWAY_BIKE or (end - 1) % RACE_LENGTH_S not in AWAY_S
        ]


class Soak:
    """The daemon, its broker and the line between them."""

    def __init__(
        self, broker: Mosquitto, network: Network, gateway: GatewayProcess, arrivals: Arrivals
    ) -> None:
        self._broker = broker
        self._network = network
        self._gateway = gateway
        self._arrivals = arrivals
        self._samples: list[Sample] = []
        self._began_s = time.monotonic()
        self._calm_since_s = self._began_s
        self._state = "calm"
        self._wrong: list[str] = []
        self._stop = asyncio.Event()

    async def run(self, minutes: float, chance: random.Random) -> list[str]:
        """All of it; gives what is wrong."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        asyncio.get_running_loop().call_later(60 * minutes, self._stop.set)
        await asyncio.to_thread(self._arrivals.listen)
        await _out_of_reach(self._gateway.start)
        first = time.time() + WARM_UP_S
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            await self._weather(chance)
            watching.cancel()
        last = time.time()
        if self._wrong:
            return self._wrong
        await self._drain(first, last)
        if lost := self._arrivals.missing(first, last):
            self._wrong.append(f"missing, with the end of each second: {lost}")
        return self._wrong + what_grew(self._samples)

    async def _weather(self, chance: random.Random) -> None:
        """Calm and trouble in turn, until the end."""
        troubles = (self._stopped, self._paused, self._cut)
        while not self._stop.is_set():
            self._state, self._calm_since_s = "calm", time.monotonic()
            await self._stay(chance.uniform(*CALM_S))
            if not self._stop.is_set():
                self._calm_since_s = float("inf")
                for_s = min(TROUBLE_MAX_S, chance.expovariate(1 / TROUBLE_MEAN_S))
                await chance.choice(troubles)(for_s)

    async def _stopped(self, for_s: float) -> None:
        self._state = f"broker stopped for {for_s:.0f} s"
        await asyncio.to_thread(self._broker.stop)
        await self._network.cut()  # up again when the subscriber is: it must see every message
        self._arrivals.end()
        await self._stay(for_s)
        await _out_of_reach(self._broker.start)
        await asyncio.to_thread(self._arrivals.listen)
        await self._network.restore()

    async def _paused(self, for_s: float) -> None:
        self._state = f"broker paused for {for_s:.0f} s"
        self._broker.pause()
        await self._stay(for_s)
        self._broker.resume()

    async def _cut(self, for_s: float) -> None:
        self._state = f"line cut for {for_s:.0f} s"
        await self._network.cut()
        await self._stay(for_s)
        await self._network.restore()

    async def _stay(self, for_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), for_s)

    async def _watch(self) -> None:
        """Sample the daemon and tell how it is."""
        told_s = -PROGRESS_EVERY_S
        while True:
            try:
                now = sample(self._gateway.pid)
            except OSError:
                self._wrong.append(f"the daemon ended by itself:\n{self._gateway.log}")
                self._stop.set()
                return
            now_s = time.monotonic()
            if now_s - self._calm_since_s > CALM_AFTER_S:
                self._samples.append(now)
            self._arrivals.note()
            if now_s - told_s >= PROGRESS_EVERY_S:
                told_s = now_s
                self._tell(now)
            await asyncio.sleep(SAMPLE_EVERY_S)

    def _tell(self, now: Sample) -> None:
        minutes, seconds = divmod(round(time.monotonic() - self._began_s), 60)
        print(
            f"{minutes:4}:{seconds:02}  {now.pss_kib / 1024:5.1f} MiB, {now.heap_kib / 1024:5.1f}"
            f" of them heap  {now.descriptors} descriptors  {now.threads} threads"
            f"  {self._arrivals.count} messages  {self._state}",
            flush=True,
        )

    async def _drain(self, first: float, last: float) -> None:
        """Until nothing is missing, or for so long at most; the daemon ends in order."""
        deadline_s = time.monotonic() + DRAIN_S
        while self._arrivals.missing(first, last) and time.monotonic() < deadline_s:
            await asyncio.sleep(0.5)
            self._arrivals.note()
        await asyncio.to_thread(self._gateway.terminate)


async def _out_of_reach(start: Callable[[], None]) -> None:
    """Start a process that Ctrl-C at the terminal does not reach: it inherits a deaf thread."""

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        start()

    await asyncio.to_thread(work)


async def _soak(directory: Path, minutes: float, seed: int) -> list[str]:
    authority = Authority(directory / "authority")
    async with AsyncExitStack() as stack:
        broker = Mosquitto(directory / "mosquitto", authority)
        await _out_of_reach(broker.start)
        stack.callback(broker.stop)
        network = await stack.enter_async_context(open_network(broker.port))
        arrivals = Arrivals(broker.port, authority.issue("subscriber"))
        stack.callback(arrivals.end)
        gateway = GatewayProcess(directory, authority.issue("gateway-1"))
        stack.callback(gateway.kill)
        gateway.cloud["port"] = network.port
        gateway.race_length_s = RACE_LENGTH_S
        gateway.bikes = [_table(number, options) for number, options in enumerate(BIKES, start=1)]
        return await Soak(broker, network, gateway, arrivals).run(minutes, random.Random(seed))


def _table(number: int, options: str) -> str:
    everything = ", ".join(filter(None, (f"seed = {number}, ride_s = {RACE_LENGTH_S}", options)))
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        f'class_id = 1\ndriver = "fake"\noptions = {{ {everything} }}\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1, help="of the broker's troubles")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        wrong = asyncio.run(_soak(Path(name), arguments.minutes, arguments.seed))
    for one in wrong:
        print(one)
    print("NOT as it should be" if wrong else "flat, and no second is missing")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
