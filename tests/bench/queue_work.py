"""The work of a durable queue, the same for all: put, make durable, read back in order, forget.

Only the standard library is imported here: the peers' environment has nothing of ours.
"""

import argparse
import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

#: For what a queue does on threads of its own.
PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Work:
    """`messages`, put `per_tick` at a time."""

    messages: list[str]
    per_tick: int


class DurableQueue(ABC):
    """A queue of texts on disk. A tick's messages are put, read and acknowledged together."""

    #: The distribution that it comes from; "" if it is none.
    package = ""

    @abstractmethod
    async def open(self, directory: Path, work: Work) -> None:
        """`directory` is empty. The work to come is shown before time counts."""

    @abstractmethod
    async def put(self, tick: list[str]) -> None:
        """One by one, and made durable together if the queue lets one."""

    async def settle(self) -> None:  # noqa: B027 most have nothing to wait for
        """Return when all that was put is where the queue means to have it."""

    @abstractmethod
    async def read(self, count: int) -> list[str]:
        """The next messages, oldest first: `count`, or what the queue gives at once."""

    @abstractmethod
    async def acknowledge(self) -> None:
        """What was last read may be forgotten."""

    @abstractmethod
    def mode(self) -> str:
        """How it writes, asked of the open queue: SQLite's journal and synchronous mode."""

    @abstractmethod
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WorkDone:
    """Times in seconds; bytes are those that the kernel counts as written by the process."""

    version: str
    mode: str
    messages: int
    put_s: float
    drain_s: float
    close_s: float
    put_bytes: int
    written_bytes: int


async def do_work(queue: DurableQueue, work: Work, directory: Path) -> WorkDone:
    """Everything in, everything out in the same order, closed."""
    await queue.open(directory, work)
    messages, per_tick = work.messages, work.per_tick
    mode = queue.mode()
    written_bytes, began_s = _written_bytes(), time.perf_counter()
    for first in range(0, len(messages), per_tick):
        await queue.put(messages[first : first + per_tick])
    await queue.settle()
    put_bytes, put_s = _written_bytes() - written_bytes, time.perf_counter()
    await _drain(queue, work)
    drained_s = time.perf_counter()
    await queue.close()
    closed_s = time.perf_counter()
    return WorkDone(
        version(queue.package) if queue.package else "",
        mode,
        len(messages),
        put_s - began_s,
        drained_s - put_s,
        closed_s - drained_s,
        put_bytes,
        _written_bytes() - written_bytes,
    )


async def _drain(queue: DurableQueue, work: Work) -> None:
    messages, read = work.messages, 0
    async with asyncio.timeout(None) as patience:
        while read < len(messages):
            patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)
            some = await queue.read(min(work.per_tick, len(messages) - read))
            assert some == messages[read : read + len(some)], "not in order"
            read += len(some)
            await queue.acknowledge()


def _written_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def main(setups: Mapping[str, type[DurableQueue]]) -> None:
    """Do the work with one of `setups` and print one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("setup", choices=setups)
    parser.add_argument("--messages", type=Path, required=True, help="a file, one a line")
    parser.add_argument("--per-tick", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="empty, on a real disk")
    arguments = parser.parse_args()
    messages = arguments.messages.read_text(encoding="utf-8").splitlines()
    queue, work = setups[arguments.setup](), Work(messages, arguments.per_tick)
    with suppress(KeyboardInterrupt):
        done = asyncio.run(do_work(queue, work, arguments.directory))
        print(json.dumps(asdict(done)))
