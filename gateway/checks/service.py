"""The service itself: does it run, and what does it say of its bikes and its cloud?"""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway.checks.finding import Finding, failed, ok
from gateway.state_lock import is_in_use

NAME = "service"
SOCKET_NAME = "status.sock"
RUNTIME_DIRECTORY = Path("/run/alleycat-gateway")
ANSWER_S = 3.0
#: A status has some KiB.
MAX_BYTES = 1024 * 1024

_LOG = "sudo journalctl -u alleycat-gateway -e"


def running_service(state_dir: Path, thing_name: str) -> list[Finding] | None:
    """What a running gateway says; None if none has that state directory, or that name.

    Whoever connected beside it, under the same name, would throw it out.
    """
    status = _status(state_dir, thing_name)
    if status is not None:
        return list(_findings(status))
    try:
        if not is_in_use(state_dir):
            return None
    except PermissionError:
        what = f"{state_dir} is not yours: whether a gateway runs there cannot be told"
        return [failed(NAME, what, "ask as root: sudo alleycat-gateway check")]
    what = "it runs, but does not say how it is"
    return [failed(NAME, what, f"it may just be starting; else: {_LOG}")]


def _status(state_dir: Path, thing_name: str) -> dict[str, Any] | None:
    """Of the gateway of that name: the service may be another one than the config's."""
    for directory in (RUNTIME_DIRECTORY, state_dir):
        with suppress(OSError, ValueError, AttributeError):
            status: dict[str, Any] = json.loads(_read(directory / SOCKET_NAME))
            if status.get("gateway", {}).get("thing_name") == thing_name:
                return status
    return None


def _read(path: Path) -> bytes:
    """All that is said on a connection. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        connection.connect(os.fspath(path))
        said = b""
        while len(said) < MAX_BYTES and (part := connection.recv(65_536)):
            said += part
    return said


def _findings(status: Mapping[str, Any]) -> Iterator[Finding]:
    """What it says of itself in words, and whatever it wants somebody to look at."""
    yield ok(NAME, f"it runs: {status.get('line', 'no word of how')}")
    yield from (failed(NAME, str(concern)) for concern in status.get("attention", ()))
    accepted = status.get("gateway", {}).get("accepted", 0)
    if accepted:
        yield ok("topic", f"{accepted:,} messages were accepted since its start")
