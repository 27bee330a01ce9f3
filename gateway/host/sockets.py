"""The daemon's local sockets: where they are, how they are served, and why they may fail.

A misbehaving client affects only its own connection.
"""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from gateway.host.set_aside import set_aside
from gateway.host.state_dir import as_owner_of

#: The service's directory for sockets; see RuntimeDirectory in its unit.
SERVICE_DIRECTORY = Path("/run/alleycat-gateway")

#: The mode of a socket whose clients change something: only root and the service's user and group
#: connect.
CHANGING_MODE = 0o660
#: Limit of one request line, in bytes (asyncio's default).
LINE_MAX_BYTES = 64 * 1024

#: Serves one connection, which ends afterwards.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

log = structlog.get_logger()


def socket_directory(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the daemon's sockets: systemd's runtime directory or state_dir."""
    first = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(first) if first else state_dir


class ConnectionLimit:
    """A callback for asyncio's servers that closes connections in excess of `most` at once."""

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
            # The client has gone, is too slow, or sends too long a line.
            with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                await self._serve(reader, writer)
        finally:
            del self._open[task]
            writer.transport.abort()

    async def end(self) -> None:
        """Close all connections; the event loop's end would log open ones as failures."""
        connections = dict(self._open)
        for writer in connections.values():
            writer.transport.abort()
        if connections:
            await asyncio.wait(connections)


class BriefConnections(ConnectionLimit):
    """A limit for connections with one request and one answer, together within `timeout_s`.

    `serve` only reads the request and writes the answer; closing is done here.
    """

    def __init__(self, serve: Serve, most: int, timeout_s: float) -> None:

        async def briefly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with asyncio.timeout(timeout_s):
                await serve(reader, writer)
                writer.close()
                await writer.wait_closed()

        super().__init__(briefly, most)


class Requests(BriefConnections):
    """A limit for connections with a line as the request and a line as the answer.

    `answer` returns the second for the first.
    """

    def __init__(
        self, answer: Callable[[bytes], Awaitable[bytes]], most: int, timeout_s: float
    ) -> None:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # What a request has begun is finished, also if the client gives up.
            finished = await asyncio.shield(answer(await reader.readuntil(b"\n")))
            writer.write(finished + b"\n")

        super().__init__(serve, most, timeout_s)


@asynccontextmanager
async def noted_unix_socket(
    path: Path,
    mode: int,
    connections: ConnectionLimit,
    unavailable: str,
    note: Callable[[str], None],
    line_max_bytes: int = LINE_MAX_BYTES,
) -> AsyncIterator[None]:
    """Serve connections to `path`. If the socket cannot be created, note it: the race goes on.

    `unavailable` is the beginning of the note, such as "calibration is not available at".
    """
    async with AsyncExitStack() as stack:
        try:
            socket = open_unix_socket(path, mode, connections, line_max_bytes)
            await stack.enter_async_context(socket)
        except OSError as error:
            note(f"{unavailable} {path}: {error.strerror or error}")
        yield


@asynccontextmanager
async def open_unix_socket(
    path: Path, mode: int, connections: ConnectionLimit, line_max_bytes: int = LINE_MAX_BYTES
) -> AsyncIterator[None]:
    """Serve connections to `path`.

    A socket that a killed daemon left is replaced; anything else in its place is set aside.
    `mode` applies regardless of the umask. Raises OSError if the socket cannot be created.
    """
    server = await asyncio.start_unix_server(
        connections, sock=_bound(path, mode), backlog=connections.most, limit=line_max_bytes
    )
    try:
        yield
    finally:
        server.close()
        await connections.end()
        # A socket that cannot be removed, as from a failing disk, is replaced by the next start.
        with suppress(OSError):
            os.unlink(path)


def _bound(path: Path, mode: int) -> socket.socket:
    """Return a socket at `path` that belongs to the owner of its directory. Raises OSError."""
    bound = socket.socket(socket.AF_UNIX)
    try:
        with as_owner_of(path.parent):
            _make_room(path)
            bound.bind(os.fspath(path))
            path.chmod(mode)
    except OSError:
        bound.close()
        raise
    return bound


def _make_room(path: Path) -> None:
    """Remove a socket that a killed daemon left; set aside anything else. Raises OSError."""
    if not os.path.lexists(path):
        return
    if stat.S_ISSOCK(path.lstat().st_mode):
        path.unlink()
    else:
        log.warning(
            "file set aside to make room for a socket",
            path=str(path),
            set_aside_as=str(set_aside(path)),
        )


def is_served(path: Path) -> bool:
    """Return whether a process is listening at `path` and accepts this user."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(os.fspath(path)) == 0


def explained(error: OSError) -> str:
    """Return in words why a connection to one of the daemon's sockets failed."""
    if isinstance(error, ConnectionRefusedError):
        return (
            "no process is listening; the gateway has probably crashed or been killed: restart it"
        )
    if isinstance(error, BlockingIOError):
        return "too many clients are connected; try again"
    if isinstance(error, PermissionError):
        return "permission denied; run this command with sudo"
    return error.strerror or str(error)
