"""The daemon's side of `buffer requeue` and `buffer drop`: one request and one answer a client."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog
from pydantic import ValidationError

from gateway.buffer.buffer import Buffer
from gateway.buffer.quarantine import (
    ANSWER,
    ANSWER_TIMEOUT_S,
    FILE_NAME,
    IDS_MAX,
    REQUEST,
    ReleaseAnswer,
)
from gateway.buffer.store import StoreError
from gateway.host.sockets import BriefConnections, open_unix_socket, socket_directory

#: The socket's mode. Clients change the buffer, so only root and the service's user and group
#: connect.
MODE = 0o660
#: Limits the clients connected at once; further ones are disconnected.
CLIENTS_MAX = 4

log = structlog.get_logger()


@asynccontextmanager
async def serve_quarantine(
    state_dir: Path, buffer: Buffer, note: Callable[[str], None]
) -> AsyncIterator[None]:
    """Serve clients until the context ends. If the socket fails, note it: the race goes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Wait for what the disk has begun, and learn the outcome, also if the client gives up.
        answer = await asyncio.shield(_answer(buffer, await reader.readuntil(b"\n")))
        writer.write(ANSWER.dump_json(answer) + b"\n")

    path = socket_directory(state_dir) / FILE_NAME
    connections = BriefConnections(serve, CLIENTS_MAX, ANSWER_TIMEOUT_S)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(open_unix_socket(path, MODE, connections))
        except OSError as error:
            reason = error.strerror or error
            note(f"`buffer requeue` and `buffer drop` are not available at {path}: {reason}")
        yield


async def _answer(buffer: Buffer, line: bytes) -> ReleaseAnswer:
    try:
        request = REQUEST.validate_json(line)
    except ValidationError:
        return ReleaseAnswer(error="invalid request: the gateway may be of another version")
    if len(request.ids) > IDS_MAX:
        return ReleaseAnswer(error=f"{len(request.ids)} messages in one request; limit {IDS_MAX}")
    try:
        released = await buffer.release(request.batch)
    except StoreError as error:
        return ReleaseAnswer(error=str(error))
    log.info("messages released from quarantine", action=request.action, messages=released)
    return ReleaseAnswer(released)
