"""The check of a running gateway, which reports the state of its bikes and its cloud."""

from collections.abc import Iterator
from pathlib import Path

from gateway.host import sockets
from gateway.host.state_dir import is_in_use
from gateway.status.client import FILE_NAME, NoStatusError, ask_status
from gateway.status.concerns import Command, concerns, service_command
from gateway.status.line import status_line
from gateway.status.report import StatusFormatError, status_from_json
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.finding import Finding, State, failed, ok, warning
from gateway.terminal.printable import one_line
from gateway.terminal.units import counted

NAME = "service"
_LOG = "sudo journalctl -u alleycat-gateway -e"


def running_service(
    state_dir: Path, thing_name: str, command: Command = service_command
) -> list[Finding] | None:
    """Return findings from the running gateway of a config; None if there is none.

    Another gateway counts as well if it has that name: a second connection under the same name
    would disconnect it.
    """
    try:
        found = _answer(state_dir, thing_name)
    except StatusFormatError as error:
        return [failed(NAME, str(error))]
    if found is None:
        return _silent_service(state_dir)
    status, is_own = found
    if not is_own:
        return [_namesake(status)]
    return [*_renamed(status, thing_name), *_findings(status, command)]


def is_connected(state_dir: Path, thing_name: str, endpoint: str) -> bool:
    """Return whether a running gateway is connected to this broker under this name.

    A gateway that waits until it is set up is not, nor is one that does not report its status.
    """
    try:
        found = _answer(state_dir, thing_name)
    except StatusFormatError:
        return False
    if found is None or not found[0].is_set_up or found[0].thing_name != thing_name:
        return False
    return found[0].cloud.endpoint == endpoint and found[0].cloud.connected > 0


def _answer(state_dir: Path, thing_name: str) -> tuple[GatewayStatus, bool] | None:
    """Return the status of a config's gateway, or of one with its name, and whether it is its own.

    None if neither answers. Raises StatusFormatError.
    """
    for directory in (state_dir, sockets.SERVICE_DIRECTORY):
        try:
            status = status_from_json(ask_status(directory / FILE_NAME))
        except NoStatusError:
            continue
        is_own = directory == state_dir or status.holds(state_dir)
        if is_own or status.thing_name == thing_name:
            return status, is_own
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


def _renamed(status: GatewayStatus, thing_name: str) -> Iterator[Finding]:
    if status.thing_name != thing_name:
        name = one_line(status.thing_name)
        what = f"the gateway runs as {name}, but the config names it {thing_name}"
        yield warning(NAME, what, "restart it to apply the config")


def _namesake(status: GatewayStatus) -> Finding:
    name, directory = one_line(status.thing_name), one_line(str(status.state_dir))
    what = f"another gateway, which uses {directory}, also runs as {name}"
    remedy = (
        "change thing_name in one of the two configs: of two clients of the same name, a broker "
        "disconnects the older one"
    )
    return failed(NAME, what, remedy)


def _findings(status: GatewayStatus, command: Command) -> Iterator[Finding]:
    """Yield the gateway's status in words, and everything in it that needs attention."""
    yield ok(NAME, f"the gateway is running: {status_line(status)}")
    for concern in concerns(status, command):
        state = State.WARNING if concern.is_minor else State.FAILED
        yield Finding(NAME, state, one_line(concern.problem), one_line(concern.remedy))
    if status.accepted:
        yield ok("topic", f"{counted(status.accepted, 'message')} accepted since the start")
