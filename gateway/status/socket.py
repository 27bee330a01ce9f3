"""The status on a unix socket: whoever connects gets one line of JSON, and is let go."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.host.errors import NOT_RUNNING, GatewayError
from gateway.host.sockets import BriefConnections, explained, open_unix_socket, socket_directory

FILE_NAME = "status.sock"

#: Everybody on the machine may ask, without sudo: what is told is what the leaderboard shows and
#: the journal says, nothing can be changed, and a status that is hard to get is not looked at.
MODE = 0o666
#: More ask at once? They are sent away.
CLIENTS_MAX = 16
#: Who has not taken the line by then is let go.
WRITE_TIMEOUT_S = 2.0

#: Who asks waits so long for the answer, …
ANSWER_TIMEOUT_S = 5.0
#: … which is some 300 B a bike.
ANSWER_MAX_BYTES = 4 * 1024 * 1024


class NoStatusError(GatewayError):
    """Nobody answers at the socket. The text says why."""

    exit_code = NOT_RUNNING


def socket_path(state_dir: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the daemon serves it."""
    return socket_directory(state_dir, environment) / FILE_NAME


@asynccontextmanager
async def open_status_socket(path: Path, answer: Callable[[], bytes]) -> AsyncIterator[None]:
    """Serve what `answer` gives. A socket that a killed daemon has left is replaced.

    Raises OSError if it cannot be made.
    """

    async def serve(_: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        client.write(answer())

    connections = BriefConnections(serve, CLIENTS_MAX, WRITE_TIMEOUT_S)
    async with open_unix_socket(path, MODE, connections):
        yield


def ask_status(path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> bytes:
    """The line of the daemon that serves `path`. Blocking. Raises NoStatusError."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(timeout_s)
        try:
            asking.connect(str(path))
            with asking.makefile("rb") as answer:
                line = answer.readline(ANSWER_MAX_BYTES)
        except TimeoutError:
            raise NoStatusError(
                f"{path}: no answer in {timeout_s:g} s: the gateway hangs"
            ) from None
        except OSError as error:
            raise NoStatusError(f"{path}: {explained(error)}") from error
    if not line.endswith(b"\n"):
        raise NoStatusError(f"{path}: no answer: it is busy or ending; try again")
    return line
