"""Client of the status socket: reads a running gateway's status, one line of JSON. Blocking."""

import socket
from pathlib import Path

from gateway.host.errors import NOT_RUNNING, GatewayError
from gateway.host.sockets import explained

FILE_NAME = "status.sock"

#: How long a client waits for the answer, in seconds.
ANSWER_TIMEOUT_S = 5.0
#: Limits the length of an answer, which has some 300 B per bike.
ANSWER_MAX_BYTES = 4 * 1024 * 1024


class NoStatusError(GatewayError):
    """No gateway answers at the socket. The text explains why."""

    exit_code = NOT_RUNNING


def ask_status(path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> bytes:
    """Return the line that the daemon sends at the socket `path`. Raises NoStatusError."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(timeout_s)
        try:
            asking.connect(str(path))
            with asking.makefile("rb") as answer:
                line = answer.readline(ANSWER_MAX_BYTES)
        except TimeoutError:
            raise NoStatusError(
                f"{path}: no answer within {timeout_s:g} s; the gateway has hung: restart it"
            ) from None
        except OSError as error:
            raise NoStatusError(f"{path}: {explained(error)}") from error
    if not line.endswith(b"\n"):
        raise NoStatusError(f"{path}: no answer; the gateway is busy or stopping, try again")
    return line
