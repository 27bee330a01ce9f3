"""The check of a running gateway, which reports the state of its bikes and its cloud."""

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
    """Return findings from a running gateway; None if none has that state directory or name.

    A second connection under the same name would disconnect the running gateway.
    """
    try:
        status = _status(state_dir, thing_name)
    except StatusFormatError as error:
        return [failed(NAME, str(error))]
    return _silent_service(state_dir) if status is None else list(_findings(status))


def is_connected(state_dir: Path, thing_name: str, endpoint: str) -> bool:
    """Return whether a running gateway is connected to this broker under this name.

    A gateway that waits until it is set up is not, nor is one that does not report its status.
    """
    try:
        status = _status(state_dir, thing_name)
    except StatusFormatError:
        return False
    if status is None or not status.is_set_up:
        return False
    return status.cloud.endpoint == endpoint and status.cloud.connected > 0


def _status(state_dir: Path, thing_name: str) -> GatewayStatus | None:
    """Ask the running gateway of this name; None if none answers. Raises StatusFormatError."""
    for directory in (state_dir, sockets.SERVICE_DIRECTORY):
        try:
            status = status_from_json(ask_status(directory / FILE_NAME))
        except NoStatusError:
            continue
        if status.thing_name == thing_name:  # the service may have another config
            return status
    return None


def _silent_service(state_dir: Path) -> list[Finding] | None:
    try:
        if not is_in_use(state_dir):
            return None
    except PermissionError:
        what = (
            f"no permission to read {state_dir}, so `check` cannot determine whether a gateway is "
            "using it"
        )
        return [failed(NAME, what, "run this check as root: sudo alleycat-gateway check")]
    what = "the gateway is running, but does not report its status"
    remedy = f"if it has just started, try again in a few seconds; if not, read the log: {_LOG}"
    return [failed(NAME, what, remedy)]


def _findings(status: GatewayStatus) -> Iterator[Finding]:
    """Yield the gateway's status in words, and everything in it that needs attention."""
    yield ok(NAME, f"the gateway is running: {status_line(status)}")
    yield from (failed(NAME, concern.text) for concern in concerns(status))
    if status.accepted:
        yield ok("topic", f"{counted(status.accepted, 'message')} accepted since the start")
