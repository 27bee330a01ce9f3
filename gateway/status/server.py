"""The server of the daemon's status: a socket that sends each client one line of JSON."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gateway.config.schema import Config
from gateway.host.sockets import BriefConnections, open_unix_socket, socket_directory
from gateway.status.client import FILE_NAME
from gateway.status.observer import StatusSource
from gateway.status.report import status_to_json

#: All local users can read the status without sudo: it contains only what the leaderboard and the
#: journal show, the socket accepts no commands, and a status that needs sudo would not be read.
MODE = 0o666
#: Limits the clients connected at once; further ones are disconnected.
CLIENTS_MAX = 16
#: A client that has not read the line within this time, in seconds, is disconnected.
WRITE_TIMEOUT_S = 2.0


@asynccontextmanager
async def serve_status(config: Config, observer: StatusSource) -> AsyncIterator[None]:
    """Serve the status while the gateway runs.

    If it cannot be served, the status contains a note about it and the race goes on.
    """
    async with AsyncExitStack() as stack:
        path = socket_directory(config.state_dir) / FILE_NAME
        socket = open_status_socket(path, lambda: status_to_json(observer.status()))
        try:
            await stack.enter_async_context(socket)
        except OSError as error:
            observer.note(f"cannot serve the status at {path}: {error.strerror or error}")
        yield


@asynccontextmanager
async def open_status_socket(path: Path, answer: Callable[[], bytes]) -> AsyncIterator[None]:
    """Send the result of `answer` to each client. Replaces a socket that a killed daemon has left.

    Raises OSError if the socket cannot be created.
    """

    async def serve(_: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        client.write(answer())

    connections = BriefConnections(serve, CLIENTS_MAX, WRITE_TIMEOUT_S)
    async with open_unix_socket(path, MODE, connections):
        yield
