"""A process whose plug will be pulled: appends to a real Buffer in real time, without a broker.

    python -m tests.durability.writer DIRECTORY [OPTIONS]

Prints "race_id second monotonic_ns" of each message, the last of them read just before the Buffer
got it. Each race's last message is its `final`.
"""

import argparse
import asyncio
import mmap
import os
import time
from itertools import count
from pathlib import Path
from unittest.mock import patch

from gateway.buffer.buffer import Buffer
from gateway.buffer.opening import open_buffer
from gateway.host.log import configure_logging
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import SystemClock
from tests.support.telemetry import message

INTERVAL_S = 1.0
EVERY_S = 0.02
#: Short enough that logs are closed while it writes.
RACE_LENGTH_S = 30
MAX_BYTES = 1 << 30
#: What a writer can leave out.
SYNCS = {"data": "os.fdatasync", "directory": "gateway.buffer.store.sync_directory"}


def produced(race_id: int, second: int) -> Telemetry:
    """What the writer appends."""
    return message(second, race_id, length_s=RACE_LENGTH_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--unsynced", choices=SYNCS, help="a sync to leave out")
    parser.add_argument("--first-race", type=int, default=1, metavar="N")
    parser.add_argument("--mapped", action="store_true", help="write through a map of the file")
    arguments = parser.parse_args()
    if arguments.unsynced is not None:
        patch(SYNCS[arguments.unsynced]).start()
    if arguments.mapped:
        patch("gateway.buffer.log_file._write_all", _write_mapped).start()
    configure_logging()  # not to where the messages are told
    asyncio.run(_write(arguments.path, arguments.first_race))


def _write_mapped(descriptor: int, data: bytes, at: int) -> None:
    os.ftruncate(descriptor, max(os.fstat(descriptor).st_size, at + len(data)))
    with mmap.mmap(descriptor, at + len(data)) as pages:
        pages[at:] = data


async def _write(path: Path, first_race: int) -> None:
    buffer = await open_buffer(
        path, SystemClock(), commit_interval_s=INTERVAL_S, max_bytes=MAX_BYTES
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run())
        tasks.create_task(_append(buffer, first_race))


async def _append(buffer: Buffer, first_race: int) -> None:
    for number in count(first_race * RACE_LENGTH_S):
        race_id, second = number // RACE_LENGTH_S, number % RACE_LENGTH_S + 1
        now_ns = time.monotonic_ns()
        buffer.append(produced(race_id, second))
        print(race_id, second, now_ns, flush=True)
        await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    main()
