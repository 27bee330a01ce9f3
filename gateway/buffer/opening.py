"""Opening a Buffer: the file on its thread, and what must be known before the first race."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.buffer.buffer import Buffer
from gateway.buffer.disk import Disk
from gateway.buffer.recovery import open_store
from gateway.config.schema import Config
from gateway.host.state_dir import volatile_file_system
from gateway.timing.clock import GatewayClock

#: A start waits this long to learn what the file holds; then it races, and learns it meanwhile.
OPEN_PATIENCE_S = 2.0


async def open_configured_buffer(config: Config, clock: GatewayClock) -> Buffer:
    """Return the gateway's Buffer, with a note if its disk forgets when the power goes."""
    buffer = await open_buffer(
        config.state_dir / "buffer.db",
        clock,
        commit_interval_s=config.buffer.commit_interval_s,
        max_bytes=config.buffer.max_bytes,
    )
    volatile = volatile_file_system(config.state_dir)
    if volatile is not None:
        buffer.note(
            f"state_dir {config.state_dir} is on {volatile}: buffered messages are lost when the "
            "power fails; expected a directory on a permanent disk"
        )
    return buffer


async def open_buffer(
    path: Path, clock: GatewayClock, *, commit_interval_s: float, max_bytes: int
) -> Buffer:
    """Return a Buffer over the file at `path`, made if missing; failing to open it is a state."""
    disk = Disk(
        lambda *, is_damaged: open_store(
            path, max_bytes, clock.wall_ms_at(clock.monotonic_ns()), is_damaged=is_damaged
        ),
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="buffer-disk"),
        clock,
    )
    buffer = Buffer(disk, clock, commit_interval_s)
    opening = asyncio.create_task(buffer.commit())
    await asyncio.wait([opening], timeout=OPEN_PATIENCE_S)
    return buffer
