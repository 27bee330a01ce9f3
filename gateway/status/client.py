"""Asking a running gateway for its status: one line of JSON from its socket. Blocking."""

import socket
from pathlib import Path

from gateway.host.errors import NOT_RUNNING, GatewayError
from gateway.host.sockets import explained

FILE_NAME = "status.sock"

#: Who asks waits so long for the answer, …
ANSWER_TIMEOUT_S = 5.0
#: … which is some 300 B a bike.
ANSWER_MAX_BYTES = 4 * 1024 * 1024


class NoStatusError(GatewayError):
    """Nobody answers at the socket. The text says why."""

    exit_code = NOT_RUNNING


def ask_status(path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> bytes:
    """Return the line of the daemon that serves `path`. Raises NoStatusError."""
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
