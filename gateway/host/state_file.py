"""A small file in the state directory, written whole whenever its content changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.host.atomic_file import replace_file

log = structlog.get_logger()


class StateFile:
    """A file that a failing disk may lose at the next restart, but that never stops the gateway.

    `content` names what it contains, for the log: "commanded races".
    """

    def __init__(self, path: Path, content: str) -> None:
        self._path = path
        self._content = content
        self._saving = asyncio.Lock()
        self._saved = b""

    def load(self, restore: Callable[[bytes], None]) -> None:
        """Pass the file's content to `restore`, which raises ValueError if it is invalid.

        Blocks. A missing file is skipped, an unreadable one is logged.
        """
        try:
            content = self._path.read_bytes()
            restore(content)
            self._saved = content
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.error(f"{self._content} not restored", path=str(self._path), reason=str(error))

    async def save(self, serialize: Callable[[], bytes]) -> None:
        """Write the latest content, unless the file has it; calls made meanwhile share a write.

        When cancelled, it ends after the write in progress, which cannot be interrupted.
        """
        async with self._saving:
            latest = serialize()
            if latest != self._saved:
                writing = asyncio.create_task(asyncio.to_thread(self._write, latest))
                try:
                    await asyncio.shield(writing)
                except asyncio.CancelledError:
                    await writing
                    raise
                self._saved = latest

    def _write(self, content: bytes) -> None:
        try:
            replace_file(self._path, content)
        except OSError as error:
            log.error(f"{self._content} not saved", path=str(self._path), reason=str(error))
