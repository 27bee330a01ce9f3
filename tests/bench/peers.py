"""Durable queues side by side: ours, the peers', and the disk's floor, all doing the same work.

A few thousand messages are put one by one, made durable, read back in order and acknowledged:
1, 10 or 100 in a tick, like the messages of as many bikes. Each queue runs in its own process, in
turns, in an empty directory on the same disk; the best of several rounds counts. Messages/s cover
putting and draining; the bytes are those that the kernel counts as written by the process until the
queue is closed. Peers are measured at their defaults and, where they have the options, at settings
equal to ours.

    python -m tests.bench.peers [--quick]        (needs .venv-bench: make bench makes it)
"""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.messages import race_of
from tests.bench.row import Bench, Row, run_row

PEERS_PYTHON = Path(".venv-bench/bin/python")
PER_TICK = (1, 10, 100)
TIMEOUT_S = 120
#: No round begins later than this, in seconds: a slow disk gets fewer rounds.
ROUNDS_S = 80


@dataclass(frozen=True, slots=True)
class Setup:
    """A queue in one of its settings.

    `is_synced`: messages that were put survive a power cut. `durability`: how it writes according
    to its source code, in addition to the mode of the open queue. `is_tick`: a tick's messages are
    written when it ends, so that the work is the same.
    """

    name: str
    label: str
    setting: str
    is_synced: bool
    durability: str
    is_tick: bool = True


OURS = Setup(
    "buffer", "Alleycat Gateway", "default", True, "one transaction a tick, fsynced at commit"
)
FLOOR = Setup("plain-file", "plain file", "append, fdatasync a tick", True, "the disk's floor")
PEERS = (
    Setup(
        "thingsboard",
        "thingsboard-gateway",
        "default: a thread writes 1,000 at once",
        False,
        "put returns from RAM; a thread writes up to 1,000 at once, without fsync"
        " (storage/sqlite/database_connector.py: synchronous=NORMAL, and no option for it)",
        is_tick=False,
    ),
    Setup(
        "thingsboard-tick",
        "thingsboard-gateway",
        "writing_batch_size = a tick",
        False,
        "as above, but a transaction a tick",
    ),
    Setup(
        "persist-queue-ack",
        "persist-queue SQLiteAckQueue",
        "default",
        True,
        "each put, get and ack is a transaction, fsynced at commit (sqlbase.py sets WAL and leaves"
        " synchronous at SQLite's FULL)",
    ),
    Setup(
        "persist-queue-sqlite",
        "persist-queue SQLiteQueue",
        "auto_commit=False",
        True,
        "each put is a transaction, fsynced at commit; deletes go together",
    ),
    Setup(
        "persist-queue-file",
        "persist-queue Queue",
        "default",
        False,
        "a file of 100 messages is fsynced when it is full, the file with the position is not"
        " (queue.py)",
    ),
    Setup(
        "litequeue",
        "litequeue",
        "default",
        False,
        "each put, pop and done is a transaction without fsync (litequeue.py: synchronous=NORMAL)",
    ),
    Setup(
        "litequeue-full",
        "litequeue",
        "FULL, one transaction a tick",
        True,
        "fsynced at commit; pop is a transaction of its own",
    ),
    Setup(
        "diskcache",
        "diskcache Deque",
        "default",
        False,
        "each append and popleft is a transaction without fsync (core.py: sqlite_synchronous 1)",
    ),
    Setup(
        "diskcache-full",
        "diskcache Deque",
        "FULL, one transaction a tick",
        True,
        "fsynced at commit",
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One setup at one number of messages a tick; the best of the rounds."""

    setup: str
    per_tick: int
    version: str
    mode: str
    messages_per_s: float
    bytes_per_message: float


#: The results by setup and messages a tick.
Results = dict[tuple[str, int], Result]


def measure(bench: Bench) -> Row:
    """Measure the peers on the same durable-queue work."""
    if not PEERS_PYTHON.exists():
        sys.exit(f"{PEERS_PYTHON} is missing: run `make bench`, which creates it")
    messages = bench.scaled(3000, 1000)
    folder = bench.folder("peers")
    texts = [telemetry.to_json().decode() for telemetry in race_of(100, messages // 100)]
    (folder / "messages").write_text("\n".join(texts), encoding="utf-8")
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    began_s, rounds, most_rounds = time.monotonic(), 0, bench.scaled(4, 1)
    while rounds < most_rounds and time.monotonic() - began_s < ROUNDS_S:
        rounds += 1
        for per_tick in PER_TICK:
            bench.progress(f"queues: round {rounds}, {per_tick} messages a tick")
            for setup in (FLOOR, OURS, *PEERS):
                runs.setdefault((setup.name, per_tick), []).append(_run(setup, folder, per_tick))
    results = {key: _result(*key, done) for key, done in runs.items()}
    return _row(results, messages, rounds)


def _run(setup: Setup, folder: Path, per_tick: int) -> dict[str, Any]:
    module = "our_queue" if setup is OURS else "peer_queues"
    directory = folder / "queue"
    directory.mkdir()
    try:
        done = subprocess.run(
            [
                str(sys.executable if setup is OURS else PEERS_PYTHON),
                *("-m", f"tests.bench.{module}", setup.name),
                *("--messages", str(folder / "messages")),
                *("--per-tick", str(per_tick)),
                *("--directory", str(directory)),
            ],
            stdout=subprocess.PIPE,
            timeout=TIMEOUT_S,
            check=True,
        )
    finally:
        shutil.rmtree(directory)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _result(setup: str, per_tick: int, done: list[dict[str, Any]]) -> Result:
    return Result(
        setup,
        per_tick,
        done[0]["version"],
        done[0]["mode"],
        max(one["messages"] / (one["put_s"] + one["drain_s"]) for one in done),
        min(one["written_bytes"] / one["messages"] for one in done),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A peer compared with our buffer; above a `ratio` of 1 the peer is ahead."""

    setup: Setup
    per_tick: int
    unit: str
    ratio: float

    def __str__(self) -> str:
        return (
            f"{self.setup.label} ({self.setup.setting}), {self.per_tick} a tick:"
            f" {self.ratio:.2f} × in {self.unit}"
        )


def _compare(results: Results) -> list[Comparison]:
    comparisons = []
    for setup in (setup for setup in PEERS if setup.is_tick):
        for per_tick in PER_TICK:
            ours, theirs = results[OURS.name, per_tick], results[setup.name, per_tick]
            faster = theirs.messages_per_s / ours.messages_per_s
            lighter = ours.bytes_per_message / theirs.bytes_per_message
            comparisons.append(Comparison(setup, per_tick, "messages/s", faster))
            comparisons.append(Comparison(setup, per_tick, "bytes", lighter))
    return comparisons


def _row(results: Results, messages: int, rounds: int) -> Row:
    comparisons = _compare(results)
    behind = [one for one in comparisons if one.ratio > 1]
    equal = [one for one in comparisons if one.setup.is_synced]
    ahead_of_equal = len(equal) - sum(one.setup.is_synced for one in behind)
    worst = max(one.ratio for one in comparisons)
    return Row(
        "peers",
        "peers on the same durable-queue work",
        "ahead of each, at equal or stronger durability",
        f"ahead in {len(comparisons) - len(behind)} of {len(comparisons)}",
        f"comparisons of messages/s and bytes at {', '.join(map(str, PER_TICK))} a tick; in"
        f" {ahead_of_equal} of {len(equal)} with those that fsync as we do",
        not behind,
        worst,
        {
            "messages": messages,
            "rounds": rounds,
            "behind": [str(one) for one in behind],
            "setups": [asdict(setup) for setup in (OURS, *PEERS, FLOOR)],
            "results": [asdict(result) for result in results.values()],
        },
    )


if __name__ == "__main__":
    run_row(measure)
