"""The service itself: does it run, and what does it say of its bikes and its cloud?"""

from collections.abc import Iterator
from pathlib import Path

from gateway.host import sockets
from gateway.host.state_dir import is_in_use
from gateway.status.client import FILE_NAME, NoStatusError, ask_status
from gateway.status.concerns import concerns
from gateway.status.line import status_line
from gateway.status.report import StatusFormatError, status_from_json
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.finding import Finding, failed, ok
from gateway.terminal.units import counted

NAME = "service"
_LOG = "sudo journalctl -u alleycat-gateway -e"


def running_service(state_dir: Path, thing_name: str) -> list[Finding] | None:
    """What a running gateway says; None if none has that state directory, or that name.

    Whoever connected beside it, under the same name, would throw it out.
    """
    for directory in (state_dir, sockets.SERVICE_DIRECTORY):
        try:
            line = ask_status(directory / FILE_NAME)
            status = status_from_json(line)
        except NoStatusError:
            continue
        except StatusFormatError as error:
            return [failed(NAME, str(error))]
        if status.thing_name == thing_name:  # the service may be another one than the config's
            return list(_findings(status))
    return _silent_service(state_dir)


def _silent_service(state_dir: Path) -> list[Finding] | None:
    try:
        if not is_in_use(state_dir):
            return None
    except PermissionError:
        what = f"{state_dir} is not yours: whether a gateway runs there cannot be told"
        return [failed(NAME, what, "ask as root: sudo alleycat-gateway check")]
    what = "it runs, but does not say how it is"
    return [failed(NAME, what, f"it may just be starting; else: {_LOG}")]


def _findings(status: GatewayStatus) -> Iterator[Finding]:
    """What it says of itself in words, and whatever it wants somebody to look at."""
    yield ok(NAME, f"it runs: {status_line(status)}")
    yield from (failed(NAME, concern.text) for concern in concerns(status))
    if status.accepted:
        yield ok("topic", f"{counted(status.accepted, 'message')} accepted since its start")
