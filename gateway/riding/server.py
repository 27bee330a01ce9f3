"""The daemon's side of `ride`: one request and one answer a client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import ValidationError

from gateway.host.sockets import BriefConnections, open_unix_socket, socket_directory
from gateway.riding.desk import RideDesk
from gateway.riding.requests import (
    ANSWER,
    ANSWER_TIMEOUT_S,
    FILE_NAME,
    REQUEST,
    REQUEST_MAX_BYTES,
    RideAnswer,
)

#: The socket's mode. Clients decide who is scored, so only root and the service's user and group
#: connect.
MODE = 0o660
#: Limits the clients connected at once; further ones are disconnected.
CLIENTS_MAX = 8


@asynccontextmanager
async def serve_ride(
    state_dir: Path, desk: RideDesk, note: Callable[[str], None]
) -> AsyncIterator[None]:
    """Serve clients until the context ends. If the socket fails, note it: the race goes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A request that has taken effect is saved also if the client gives up.
        answer = await asyncio.shield(answer_request(desk, await reader.readuntil(b"\n")))
        writer.write(ANSWER.dump_json(answer) + b"\n")

    path = socket_directory(state_dir) / FILE_NAME
    connections = BriefConnections(serve, CLIENTS_MAX, ANSWER_TIMEOUT_S)
    async with AsyncExitStack() as stack:
        try:
            socket = open_unix_socket(path, MODE, connections, REQUEST_MAX_BYTES)
            await stack.enter_async_context(socket)
        except OSError as error:
            note(f"`ride` is not available at {path}: {error.strerror or error}")
        yield


async def answer_request(desk: RideDesk, line: bytes) -> RideAnswer:
    """Carry out a request, or refuse it with a reason."""
    try:
        request = REQUEST.validate_json(line)
    except ValidationError:
        return RideAnswer("refused", "invalid request: the gateway may be of another version")
    return await desk.handle(request)
