"""A process with little memory: opens a backlog, rides through an outage, sends what is left.

    python -m tests.durability.outage DIRECTORY MAX_BYTES SECONDS

Prints how many messages were sent and how many lost. SECONDS are ridden, with BIKES.
"""

import asyncio
import resource
import sys
from pathlib import Path

from gateway.buffer.buffer import Buffer
from gateway.buffer.opening import open_buffer
from gateway.host.log import configure_logging
from gateway.timing.clock import SystemClock
from tests.support.telemetry import message

#: What the buffer may take, in addition to what the interpreter has after its imports: some 12 MiB
#: for the messages of two logs and those that are being written, and a stack for the disk's thread.
MEMORY_BYTES = 20 << 20
BIKES = 20
#: A race of the outage, and the first one; those of the backlog are lower.
RACE_S, FIRST_RACE = 300, 1_000_000
#: Messages that are acknowledged before the buffer's own task runs.
AT_ONCE = 100


def main() -> None:
    path, max_bytes, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    configure_logging()
    limit = _data_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    sent, lost = asyncio.run(_outage(path, max_bytes, seconds))
    print(sent, lost)


def _data_bytes() -> int:
    """Return what RLIMIT_DATA limits: the private memory of this process that can be written."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    [kib] = [line.split()[1] for line in status if line.startswith("VmData:")]
    return int(kib) * 1024


async def _outage(path: Path, max_bytes: int, seconds: int) -> tuple[int, int]:
    buffer = await open_buffer(path, SystemClock(), commit_interval_s=1, max_bytes=max_bytes)
    for second in range(seconds):
        race_id = FIRST_RACE + second // RACE_S
        for bike in range(BIKES):
            buffer.append(message(second % RACE_S + 1, race_id, f"bike-{bike}", RACE_S))
        await buffer.commit(everything=True)
    sent = await _send(buffer)
    await buffer.close()
    return sent, buffer.status.lost


async def _send(buffer: Buffer) -> int:
    """Send everything; return how many messages that were."""
    available, sent = asyncio.Event(), 0
    buffer.on_available.append(available.set)
    running = asyncio.create_task(buffer.run())
    while buffer.status.depth:
        entry = buffer.head()
        if entry is None:
            available.clear()
            await available.wait()
            continue
        buffer.take(entry)
        buffer.acknowledge(entry)
        sent += 1
        if sent % AT_ONCE == 0:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    return sent


if __name__ == "__main__":
    main()
