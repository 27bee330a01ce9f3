"""Opening a Buffer: the file on its thread, and what must be known before the first race."""

import asyncio
import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from gateway.buffer.buffer import Buffer
from gateway.buffer.disk import Disk
from gateway.buffer.recovery import COMPANIONS, Opened, open_store
from gateway.buffer.store import StoreError
from gateway.config.schema import Config
from gateway.host.atomic_file import other_kind
from gateway.host.state_dir import stay_owner_of, volatile_file_system
from gateway.timing.clock import GatewayClock

#: A start waits this long to learn what the file holds; then it races, and learns it meanwhile.
OPEN_PATIENCE_S = 2.0


#: The names of the buffer's files, and of those that SQLite makes for them, after `buffer.db`.
_SUFFIXES = [new + own for new in ("", ".new") for own in ("", *COMPANIONS, "-journal")]


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
        lambda *, is_damaged: open_in_its_place(
            path, max_bytes, clock.wall_ms_at(clock.monotonic_ns()), is_damaged=is_damaged
        ),
        # Files of a daemon that root runs must belong to the directory's owner, the service.
        ThreadPoolExecutor(1, "buffer-disk", initializer=stay_owner_of, initargs=(path.parent,)),
        clock,
    )
    buffer = Buffer(disk, clock, commit_interval_s)
    opening = asyncio.create_task(buffer.commit())
    await asyncio.wait([opening], timeout=OPEN_PATIENCE_S)
    return buffer


def open_in_its_place(
    path: Path, max_bytes: int, now_ms: int, *, is_damaged: bool = False
) -> Opened:
    """Open the store as `open_store` does; what is in the place of its files is moved away first.

    Opening a FIFO would block for ever.
    """
    try:
        notes = list(_make_room(path, now_ms))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    opened = open_store(path, max_bytes, now_ms, is_damaged=is_damaged)
    if opened.note is not None:
        notes.append(opened.note)
    return replace(opened, note="; ".join(notes) or None)


def _make_room(path: Path, now_ms: int) -> Iterator[str]:
    """Move away what is not a file; yield a note about each."""
    for suffix in _SUFFIXES:
        place = path.with_name(path.name + suffix)
        kind = _obstacle(place)
        if kind is not None:
            aside = place.with_name(f"{place.name}.damaged-{now_ms}")
            place.rename(aside)
            yield f"{place} was {kind} instead of a file, and was moved to {aside}"


def _obstacle(place: Path) -> str | None:
    """Return what is at `place` in words, unless it is a file or nothing. Raises OSError."""
    if not os.path.lexists(place):
        return None
    try:
        return other_kind(place)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
            raise
        return "a link that leads nowhere"
