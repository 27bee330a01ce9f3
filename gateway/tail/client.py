"""Client of the socket of `tail`: yields the lines that the gateway sends. Blocking."""

import socket
from collections.abc import Iterator
from pathlib import Path

from gateway.host.sockets import explained
from gateway.status.client import NoStatusError

FILE_NAME = "tail.sock"

#: Limits what is read from the socket at once.
READ_MAX_BYTES = 64 * 1024


def tail_lines(path: Path, tick_s: float) -> Iterator[bytes | None]:
    """Yield each line with its line break, and None whenever none has come for `tick_s`.

    Ends when the gateway closes the connection. Raises NoStatusError if there is none.
    """
    with socket.socket(socket.AF_UNIX) as reading:
        reading.settimeout(tick_s)
        try:
            reading.connect(str(path))
        except OSError as error:
            raise NoStatusError(f"{path}: {explained(error)}") from error
        rest = b""
        while True:
            try:
                received = reading.recv(READ_MAX_BYTES)
            except TimeoutError:
                yield None
                continue
            except ConnectionResetError:
                return
            if not received:
                return
            *lines, rest = (rest + received).split(b"\n")
            yield from (line + b"\n" for line in lines)
