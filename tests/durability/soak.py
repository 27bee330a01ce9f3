"""The real daemon for hours, with faulty bikes, while everything around it fails in turn.

    python -m tests.durability.soak [--minutes M] [--seed N] [--pace P] [--directory D]

Each fault of tests/durability/faults.py comes once in a round, in random order. Every few seconds
the daemon's memory, file descriptors and threads are counted. In the end: did they stay as they
were, has every second arrived, and none twice with different content? Exit code 0 if so. Ctrl-C
ends it early, with a verdict on what there was.
"""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from gateway.simulation.demo.network import open_network
from tests.durability import faults
from tests.durability.arrivals import Arrivals
from tests.support.connect_proxy import ConnectProxy
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto

RACE_LENGTH_S = 60
CALM_S = (8.0, 20.0)
#: Mostly short, but at least one message is sent meanwhile; the longest outlive every time-out.
TROUBLE_MIN_S, TROUBLE_MEAN_S, TROUBLE_MAX_S = 1.5, 6.0, 60.0
SAMPLE_EVERY_S = 2.0
PROGRESS_EVERY_S = 20.0
#: Counted is while the broker is there and what waited for it is gone.
CALM_AFTER_S = 6.0
#: What the allocator may keep more of, between the second quarter and the last.
GROWTH_MAX_KIB = 1024
#: The thread in which awscrt looks up host names. It comes and goes.
PASSING_THREAD = "AwsHostResolver"
#: asyncio's pool starts a second thread when its first is busy, and keeps it: a tunnel may close
#: while a file is written. Nothing needs three at a time.
GROWTH_MAX_THREADS = 1
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
BIKE_IDS = tuple(f"bike-{number}" for number in range(1, len(BIKES) + 1))
#: The last bike's link is down, or up again after the longest back-off, up to this second.
AWAY_BIKE, AWAY_S = BIKE_IDS[-1], range(15, 45)


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
        threads=_lasting_threads(process),
    )


def _lasting_threads(process: Path) -> int:
    """Count the threads that are there to stay."""
    count = 0
    for task in (process / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            count += (task / "comm").read_text(encoding="utf-8").strip() != PASSING_THREAD
    return count


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
            ("threads", threads, GROWTH_MAX_THREADS),
        )
        if is_ > was + room
    ]


class Soak:
    """A daemon, and what may go wrong around it."""

    def __init__(
        self, gateway: GatewayProcess, arrivals: Arrivals, all_faults: dict[str, faults.Fault]
    ) -> None:
        self._gateway = gateway
        self._arrivals = arrivals
        self._faults = all_faults
        self._samples: list[Sample] = []
        self._began_s = time.monotonic()
        self._calm_since_s = self._began_s
        self._state = "calm"
        self._wrong: list[str] = []
        self._stop = asyncio.Event()
        self._times = dict.fromkeys(all_faults, 0)

    async def run(self, minutes: float, pace: float, chance: random.Random) -> list[str]:
        """Race and fail; return what is wrong."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        asyncio.get_running_loop().call_later(60 * minutes, self._stop.set)
        await asyncio.to_thread(self._arrivals.listen)
        await faults.out_of_reach(self._gateway.start)
        first = time.time() + WARM_UP_S
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            await self._weather(pace, chance)
            watching.cancel()
        last = time.time()
        print("faults:", ", ".join(f"{name} {times}×" for name, times in self._times.items()))
        if self._wrong:
            return self._wrong
        await self._drain(first, last)
        if lost := self._missing(first, last):
            self._wrong.append(f"missing, with the end of each second: {lost}")
        if twice := self._arrivals.contradicted:
            self._wrong.append(f"arrived again with other content, with the end: {twice}")
        return self._wrong + what_grew(self._samples)

    async def _weather(self, pace: float, chance: random.Random) -> None:
        """Let calm and faults follow each other, until the end."""
        left: list[str] = []
        while True:
            self._state, self._calm_since_s = "calm", time.monotonic()
            await self._stay(pace * chance.uniform(*CALM_S))
            if self._stop.is_set():
                return
            left = left or chance.sample(list(self._faults), k=len(self._faults))
            name, for_s = left.pop(), pace * chance.expovariate(1 / TROUBLE_MEAN_S)
            await self._suffer(name, min(max(TROUBLE_MIN_S, for_s), TROUBLE_MAX_S))

    async def _suffer(self, name: str, for_s: float) -> None:
        self._state, self._calm_since_s = f"{name} for {for_s:.0f} s", float("inf")
        self._times[name] += 1
        await self._faults[name].begin()
        await self._stay(for_s)
        await self._faults[name].end()

    async def _stay(self, for_s: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), for_s)

    async def _watch(self) -> None:
        """Sample the daemon, and report how it is."""
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
        """Wait until nothing is missing, or a time-out; the daemon ends in order."""
        deadline_s = time.monotonic() + DRAIN_S
        while self._missing(first, last) and time.monotonic() < deadline_s:
            await asyncio.sleep(0.5)
            self._arrivals.note()
        await asyncio.to_thread(self._gateway.terminate)

    def _missing(self, first: float, last: float) -> list[tuple[str, int]]:
        """Return bike and end of every second within [first, last] that should be there."""
        return [
            (bike, end)
            for bike, end in self._arrivals.missing(first, last)
            if bike != AWAY_BIKE or (end - 1) % RACE_LENGTH_S not in AWAY_S
        ]


@asynccontextmanager
async def open_soak(directory: Path, *, has_own_network: bool) -> AsyncIterator[Soak]:
    """Yield a daemon that reaches its broker through a proxy and a line; end all of it on exit."""
    authority = Authority(directory / "authority")
    access_list = directory / "access"
    access_list.write_text(faults.ALLOWED, encoding="ascii")
    async with AsyncExitStack() as stack:
        broker = Mosquitto(directory / "mosquitto", authority, settings=f"acl_file {access_list}")
        await faults.out_of_reach(broker.start)
        stack.callback(broker.stop)
        network = await stack.enter_async_context(open_network(broker.port))
        proxy = stack.enter_context(ConnectProxy())
        arrivals = Arrivals(broker.port, authority.issue("subscriber"), BIKE_IDS)
        stack.callback(arrivals.end)
        gateway = _gateway(directory, authority)
        gateway.cloud |= {"port": network.port, "proxy": proxy.url}
        reader = faults.LogReader(gateway.log_file)
        gateway.open_log = reader.open
        stack.callback(reader.wait)
        stack.callback(gateway.kill)
        around: dict[str, faults.Fault] = {
            "broker stopped": faults.BrokerStopped(broker, network, arrivals),
            "broker paused": faults.BrokerPaused(broker),
            "line cut": faults.LineCut(network),
            "proxy stopped": faults.ProxyStopped(proxy),
            "topic denied": faults.TopicDenied(broker, access_list),
            "certificate replaced": faults.CertificateReplaced(gateway, authority),
            "log unread": faults.LogUnread(gateway, reader),
        }
        if has_own_network:
            around["MTU hole"] = faults.MtuHole(proxy.port)
        yield Soak(gateway, arrivals, around)


def _gateway(directory: Path, authority: Authority) -> GatewayProcess:
    """Return a daemon with all bikes, and with certificate files that may be replaced."""
    gateway = GatewayProcess(directory, authority.issue("gateway-1"))
    for key in ("certificate_file", "private_key_file"):
        gateway.cloud[key] = Path(shutil.copy(gateway.cloud[key], directory / f"{key}.pem"))
    gateway.race_length_s = RACE_LENGTH_S
    gateway.bikes = [_table(*bike) for bike in enumerate(BIKES, start=1)]
    return gateway


def _table(number: int, options: str) -> str:
    everything = ", ".join(filter(None, (f"seed = {number}, ride_s = {RACE_LENGTH_S}", options)))
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        f'class_id = 1\ndriver = "fake"\noptions = {{ {everything} }}\n'
    )


async def _soak(arguments: argparse.Namespace, directory: Path) -> list[str]:
    if reason := faults.own_network():
        print(f"left out: MTU hole ({reason})")
    async with open_soak(directory, has_own_network=reason is None) as soak:
        return await soak.run(arguments.minutes, arguments.pace, random.Random(arguments.seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument(
        "--pace", type=float, default=1.0, help="longer or shorter calms and faults"
    )
    parser.add_argument("--directory", type=Path, help="where the daemon's files are kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        wrong = asyncio.run(_soak(arguments, arguments.directory or Path(name)))
    for one in wrong:
        print(one)
    print(
        "NOT as it should be"
        if wrong
        else "flat, no second is missing, and none contradicts itself"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
