"""The daemon's side of `ride`: a request and an answer per client."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pydantic import ValidationError

from gateway.host.sockets import CHANGING_MODE, Requests, noted_unix_socket, socket_directory
from gateway.riding.desk import RideDesk
from gateway.riding.requests import (
    ANSWER,
    ANSWER_TIMEOUT_S,
    FILE_NAME,
    REQUEST,
    REQUEST_MAX_BYTES,
    RideAnswer,
)

#: Limits the clients connected at once; further ones are disconnected.
CLIENTS_MAX = 8


def serve_ride(
    state_dir: Path, desk: RideDesk, note: Callable[[str], None]
) -> AbstractAsyncContextManager[None]:
    """Serve clients until the context ends. If the socket fails, note it: the race goes on."""

    async def answer(line: bytes) -> bytes:
        return ANSWER.dump_json(await answer_request(desk, line))

    path = socket_directory(state_dir) / FILE_NAME
    requests = Requests(answer, CLIENTS_MAX, ANSWER_TIMEOUT_S)
    unavailable = "`ride` is not available at"
    return noted_unix_socket(path, CHANGING_MODE, requests, unavailable, note, REQUEST_MAX_BYTES)


async def answer_request(desk: RideDesk, line: bytes) -> RideAnswer:
    """Carry out a request, or refuse it with a reason."""
    try:
        request = REQUEST.validate_json(line)
    except ValidationError:
        return RideAnswer("refused", "invalid request: the gateway may be of another version")
    return await desk.handle(request)
