"""The daemon's side of `buffer requeue` and `buffer drop`: a request and an answer per client."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
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
from gateway.host.sockets import CHANGING_MODE, Requests, noted_unix_socket, socket_directory

#: Limits the clients connected at once; further ones are disconnected.
CLIENTS_MAX = 4

log = structlog.get_logger()


def serve_quarantine(
    state_dir: Path, buffer: Buffer, note: Callable[[str], None]
) -> AbstractAsyncContextManager[None]:
    """Serve clients until the context ends. If the socket fails, note it: the race goes on."""

    async def answer(line: bytes) -> bytes:
        return ANSWER.dump_json(await _answer(buffer, line))

    path = socket_directory(state_dir) / FILE_NAME
    requests = Requests(answer, CLIENTS_MAX, ANSWER_TIMEOUT_S)
    unavailable = "`buffer requeue` and `buffer drop` are not available at"
    return noted_unix_socket(path, CHANGING_MODE, requests, unavailable, note)


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
