"""The work of every durable queue: put, make durable, read back in order, delete.

This imports only the standard library: the peers' environment has no other package of ours.
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

#: How long a queue's own threads may take, in seconds.
PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Work:
    """The work: `messages`, put `per_tick` at a time."""

    messages: list[str]
    per_tick: int


class DurableQueue(ABC):
    """A queue of texts on disk. A tick's messages are put, read and acknowledged together."""

    #: The distribution that it comes from; "" if it is none.
    package = ""

    @abstractmethod
    async def open(self, directory: Path, work: Work) -> None:
        """Open the queue in `directory`, which is empty, and prepare for the work; not timed."""

    @abstractmethod
    async def put(self, tick: list[str]) -> None:
        """Put the messages one by one; make them durable together if the queue can."""

    async def settle(self) -> None:  # noqa: B027 most have nothing to wait for
        """Wait until all messages are in their place on disk, by the queue's own measure."""

    @abstractmethod
    async def read(self, count: int) -> list[str]:
        """Return the next messages, oldest first: `count`, or as many as the queue returns."""

    @abstractmethod
    async def acknowledge(self) -> None:
        """Let the queue delete the messages that were read last."""

    @abstractmethod
    def mode(self) -> str:
        """Return how the open queue writes: SQLite's journal and synchronous mode."""

    @abstractmethod
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WorkDone:
    """The figures of the work: times in seconds, bytes written according to the kernel."""

    version: str
    mode: str
    messages: int
    put_s: float
    drain_s: float
    close_s: float
    put_bytes: int
    written_bytes: int


async def do_work(queue: DurableQueue, work: Work, directory: Path) -> WorkDone:
    """Put everything, read it back in the same order, close the queue; return the figures."""
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
