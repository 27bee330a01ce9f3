"""Sockets of the daemon on this machine: where they are, how they are served and found closed.

However rude a client is, only its own connection has trouble from it.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

#: Of the service; see RuntimeDirectory in its unit.
SERVICE_DIRECTORY = Path("/run/alleycat-gateway")

#: asyncio's own, for who is asked nothing long.
LINE_MAX_BYTES = 64 * 1024

#: Hears a visitor out; then the connection ends.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def socket_directory(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the daemon's sockets are: in systemd's runtime directory, else in its state_dir."""
    first = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(first) if first else state_dir


class ConnectionLimit:
    """A callback for asyncio's servers. More than `most` at once are sent away unheard."""

    def __init__(self, serve: Serve, most: int) -> None:
        self.most = most
        self._serve = serve
        self._open: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= self.most:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            # Gone, too slow, or too much asked.
            with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                await self._serve(reader, writer)
        finally:
            del self._open[task]
            writer.transport.abort()

    async def end(self) -> None:
        """Cut all off. None is left for the loop's end, which would log it as a failure."""
        connections = dict(self._open)
        for writer in connections.values():
            writer.transport.abort()
        if connections:
            await asyncio.wait(connections)


class BriefConnections(ConnectionLimit):
    """Of those who ask one thing and go. `timeout_s`: for asking, and for taking the answer."""

    def __init__(self, serve: Serve, most: int, timeout_s: float) -> None:
        """`serve` writes the answer; the rest is done for it."""

        async def briefly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with asyncio.timeout(timeout_s):
                await serve(reader, writer)
                writer.close()
                await writer.wait_closed()

        super().__init__(briefly, most)


@asynccontextmanager
async def open_unix_socket(
    path: Path, mode: int, connections: ConnectionLimit, line_max_bytes: int = LINE_MAX_BYTES
) -> AsyncIterator[None]:
    """Hear who connects to `path`. A socket that a killed daemon has left is replaced.

    `mode` counts, whatever the umask. Raises OSError if it cannot be made.
    """
    server = await asyncio.start_unix_server(
        connections, path, backlog=connections.most, limit=line_max_bytes
    )
    try:
        os.chmod(path, mode)
        yield
    finally:
        server.close()
        await connections.end()
        with suppress(FileNotFoundError):
            os.unlink(path)


def is_served(path: Path) -> bool:
    """Somebody listens there, and hears us."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(os.fspath(path)) == 0


def explained(error: OSError) -> str:
    """Why a socket of the daemon could not be asked."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens: the gateway was killed"
    if isinstance(error, BlockingIOError):
        return "too many ask at once; try again"
    if isinstance(error, PermissionError):
        return "may not be read by you"
    return error.strerror or str(error)
