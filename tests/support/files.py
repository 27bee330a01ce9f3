"""Files that a thread of the product writes in its own time."""

import asyncio
import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _huge(path: Path) -> None:
    """Make a file of a gigabyte that takes no room."""
    path.touch()
    os.truncate(path, 1 << 30)


#: What may lie in the place of a file, and how it gets there.
UNREADABLE: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "directory": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "huge file": _huge,
}


async def written(path: Path, timeout_s: float = 10) -> bytes:
    """Wait until the file exists; return its content."""
    return await asyncio.to_thread(_written, path, time.monotonic() + timeout_s)


def _written(path: Path, until_s: float) -> bytes:
    while not path.exists():
        if time.monotonic() > until_s:
            raise TimeoutError(f"{path} was not written")
        time.sleep(0.01)
    return path.read_bytes()


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no small file be written, as by a full disk."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        yield
