"""Sockets of the daemon on this machine: where they are, how they are made and found closed."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from gateway.host.connections import ConnectionLimit

#: Of the service; see RuntimeDirectory in its unit.
SERVICE_DIRECTORY = Path("/run/alleycat-gateway")

#: asyncio's own, for who is asked nothing long.
LINE_MAX_BYTES = 64 * 1024


def socket_directory(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the daemon's sockets are: in systemd's runtime directory, else in its state_dir."""
    first = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(first) if first else state_dir


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
