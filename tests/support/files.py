"""Files that a thread of the product writes in its own time."""

import asyncio
import time
from pathlib import Path


async def written(path: Path, timeout_s: float = 10) -> bytes:
    """Wait until the file exists; return its content."""
    return await asyncio.to_thread(_written, path, time.monotonic() + timeout_s)


def _written(path: Path, until_s: float) -> bytes:
    while not path.exists():
        if time.monotonic() > until_s:
            raise TimeoutError(f"{path} was not written")
        time.sleep(0.01)
    return path.read_bytes()
