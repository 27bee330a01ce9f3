"""Opening a Buffer: the directory on its thread, and what must be known before the first race."""

import asyncio
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.buffer.buffer import Buffer
from gateway.buffer.disk import Disk
from gateway.buffer.earlier import has_earlier_messages
from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.store import Store, StoreError
from gateway.config.schema import Config
from gateway.host.atomic_file import other_kind
from gateway.host.state_dir import stay_owner_of, volatile_file_system
from gateway.timing.clock import GatewayClock

#: A start waits this long to learn what the disk holds; then it races, and learns it meanwhile.
OPEN_PATIENCE_S = 2.0


async def open_configured_buffer(config: Config, clock: GatewayClock) -> Buffer:
    """Return the gateway's Buffer, with a note if its disk forgets when the power goes."""
    buffer = await open_buffer(
        config.state_dir / DIRECTORY_NAME,
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
    """Return a Buffer over the directory `path`, made if missing. Its status has any failure."""
    disk = Disk(
        lambda: open_store(path, max_bytes, clock.wall_ms_at(clock.monotonic_ns())),
        # Files of a daemon that root runs must belong to the directory's owner, the service.
        ThreadPoolExecutor(1, "buffer-disk", initializer=stay_owner_of, initargs=(path.parent,)),
        clock,
    )
    buffer = Buffer(disk, clock, commit_interval_s)
    opening = asyncio.create_task(buffer.commit())
    await asyncio.wait([opening], timeout=OPEN_PATIENCE_S)
    return buffer


def open_store(path: Path, max_bytes: int, now_ms: int) -> Store:
    """Open the store, and move the messages of an earlier version into it. Raises StoreError.

    What is in the place of the directory is moved away first.
    """
    try:
        notes = (_make_room(path, now_ms), _migrate(path, now_ms))
    except OSError as error:
        raise StoreError(f"{error.filename or path}: {error.strerror or error}") from error
    store = Store(path, max_bytes)
    store.notes += filter(None, notes)
    return store


def _migrate(path: Path, now_ms: int) -> str | None:
    """Move the messages of an earlier version, if there are any; return a note about them."""
    if not has_earlier_messages(path):
        return None
    from gateway.buffer.migration import migrate

    return migrate(path, now_ms)


def _make_room(path: Path, now_ms: int) -> str | None:
    """Move away what is not a directory; return a note about it."""
    kind = _obstacle(path)
    if kind is None:
        return None
    aside = path.with_name(f"{path.name}.damaged-{now_ms}")
    path.rename(aside)
    return f"{path} was {kind} instead of a directory, and was moved to {aside}"


def _obstacle(path: Path) -> str | None:
    """Return what is at `path` in words, unless it is a directory or nothing. Raises OSError."""
    if path.is_dir() or not os.path.lexists(path):
        return None
    try:
        return other_kind(path) or "a file"
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
            raise
        return "a link that leads nowhere"
