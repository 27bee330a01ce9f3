"""What `buffer requeue` and `buffer drop` share: which messages they mean, and their release.

A gateway that runs is asked at its socket. Otherwise the logs are changed under the gateway's lock.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, NoReturn

import typer

from gateway.cli.completion import quarantined_ids, quarantined_races
from gateway.cli.exits import fail
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from gateway.buffer.inspect import BufferView, QuarantinedMessage
    from gateway.buffer.quarantine import Action, ReleaseRequest
    from gateway.status.concerns import Command

RaceOption = Annotated[
    list[int] | None,
    typer.Option(
        "--race",
        metavar="ID",
        help="Only messages of this race. Can be repeated.",
        autocompletion=quarantined_races,
    ),
]
MessageOption = Annotated[
    list[int] | None,
    typer.Option(
        "--message",
        metavar="ID",
        help="Only this message, as listed by `quarantine`. Can be repeated.",
        autocompletion=quarantined_ids,
    ),
]
ReasonOption = Annotated[
    str, typer.Option(metavar="TEXT", help="Only messages whose reason contains this text.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All messages in quarantine.")]


#: The longest answer of a gateway.
ANSWER_MAX_BYTES = 4096
#: The next gateway enforces the configured bound; nothing is evicted here.
_UNBOUNDED = 1 << 62


class Selection(NamedTuple):
    """The messages of these races, with these ids and with this text in their reason.

    An empty part selects all.
    """

    race_ids: Sequence[int] = ()
    ids: Sequence[int] = ()
    reason: str = ""

    def contains(self, message: "QuarantinedMessage") -> bool:
        return (
            (not self.race_ids or message.race_id in self.race_ids)
            and (not self.ids or message.id in self.ids)
            and self.reason.casefold() in message.reason.casefold()
        )


def select(
    races: list[int] | None, ids: list[int] | None, reason: str, *, is_all: bool
) -> Selection:
    """Return the selection that the options make; end the command if they make none."""
    selection = Selection(races or (), ids or (), reason)
    if is_all == (selection != Selection()):
        fail("expected --all, or one or more of --race, --message and --reason", USAGE)
    return selection


def choose(view: "BufferView", selection: Selection, command: "Command") -> list[int]:
    """Return the ids of the selected messages; end the command if there are none."""
    chosen = [message.id for message in view.quarantine() if selection.contains(message)]
    return chosen or _fail_without_messages(command)


def choose_sendable(view: "BufferView", selection: Selection, command: "Command") -> list[int]:
    """Choose those that can be sent; count the others. End the command if none can be."""
    from gateway.host.boots import datable_boots
    from gateway.terminal.units import counted

    boots, sendable, left = datable_boots(view.path.parent), list[int](), 0
    for message in filter(selection.contains, view.quarantine()):
        if message.race_id is None and _boot_of(message) not in boots:
            left += 1
        else:
            sendable.append(message.id)
    if left:
        count = counted(left, "second")
        typer.echo(
            f"{count} cannot be sent and will stay in quarantine: the race cannot be known, "
            "usually because this computer restarted before its clock was set. "
            f"`{command('buffer quarantine')}` lists them with the race `unknown`; "
            f"`{command('buffer drop --message ID')}` deletes one",
            err=True,
        )
        return sendable or fail("nothing to send", FAILED)
    return sendable or _fail_without_messages(command)


def _fail_without_messages(command: "Command") -> NoReturn:
    listing = command("buffer quarantine")
    fail(f"no such message is in quarantine; `{listing}` lists them all", FAILED)


def _boot_of(message: "QuarantinedMessage") -> str | None:
    """Return the boot in which a second of an unknown race was ridden; None if it is invalid."""
    from gateway.telemetry.undated import NotDatable, undated_from_json

    try:
        return undated_from_json(message.payload).boot_id
    except NotDatable:
        return None


def confirm_drop(count: int, *, yes: bool) -> None:
    """Ask for confirmation; end the command unless the answer is yes."""
    import sys

    from gateway.terminal.units import counted

    if yes:
        return
    if not sys.stdin.isatty():
        fail("cannot ask for confirmation without a terminal: add --yes; nothing deleted", USAGE)
    if not typer.confirm(f"Delete {counted(count, 'message')} for good?", err=True):
        fail("nothing deleted", FAILED)


def release(action: "Action", ids: Sequence[int], state_dir: Path, *, is_json: bool) -> None:
    """Release these messages of a buffer, and print how many."""
    from gateway.buffer.log_format import DIRECTORY_NAME
    from gateway.terminal.units import counted

    released = _ask_gateway(state_dir, action, ids)
    is_running = released is not None
    if released is None:
        released = release_directly(state_dir / DIRECTORY_NAME, action, ids)
    if is_json:
        from json import dumps

        typer.echo(dumps({"action": action, "selected": len(ids), "messages": released}))
    elif action == "drop":
        typer.echo(f"{counted(released, 'message')} deleted")
    else:
        when = "now" if is_running else "when the gateway runs"
        typer.echo(f"{counted(released, 'message')} no longer in quarantine, to be sent {when}")


def _ask_gateway(state_dir: Path, action: "Action", ids: Iterable[int]) -> int | None:
    """Let the gateway that uses this state_dir release messages; None if none is listening."""
    from gateway.buffer.quarantine import FILE_NAME
    from gateway.cli.service import socket_in
    from gateway.status.client import NoStatusError

    try:
        return ask_to_release(socket_in(state_dir, FILE_NAME), action, ids)
    except (ConnectionRefusedError, FileNotFoundError, NoStatusError):
        return None  # there is no socket, or one that a killed gateway has left


def ask_to_release(path: Path, action: "Action", ids: Iterable[int]) -> int:
    """Let the gateway at this socket release messages; return how many there were.

    Raises ConnectionRefusedError or FileNotFoundError if no gateway is listening, or CommandError.
    """
    from gateway.buffer.quarantine import requests

    return sum(_ask(path, request) for request in requests(action, ids))


def _ask(path: Path, request: "ReleaseRequest") -> int:
    import socket

    from pydantic import ValidationError

    from gateway.buffer.quarantine import ANSWER, ANSWER_TIMEOUT_S, REQUEST
    from gateway.host.sockets import explained

    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(ANSWER_TIMEOUT_S)
        try:
            asking.connect(str(path))
            asking.sendall(REQUEST.dump_json(request) + b"\n")
            with asking.makefile("rb") as reader:
                line = reader.readline(ANSWER_MAX_BYTES)
            answer = ANSWER.validate_json(line)
        except TimeoutError:
            fail(
                f"{path}: no answer within {ANSWER_TIMEOUT_S:g} s; the gateway's disk may be busy: "
                "see `alleycat-gateway status`, then try again",
                FAILED,
            )
        except (ConnectionRefusedError, FileNotFoundError):
            raise
        except OSError as error:
            fail(f"{path}: {explained(error)}", FAILED)
        except ValidationError:
            fail(
                f"{path}: no valid answer; the gateway is busy, stopping or of another version",
                FAILED,
            )
    return answer.released if answer.error is None else fail(answer.error, FAILED)


def release_directly(path: Path, action: "Action", ids: Iterable[int]) -> int:
    """Release messages from a buffer that no gateway uses; return how many there were.

    Raises CommandError or StateDirError if a gateway uses it, or StoreError.
    """
    from contextlib import closing

    from gateway.buffer.quarantine import requests
    from gateway.buffer.store import Store
    from gateway.host.state_dir import as_owner_of, is_in_use, locked_state_dir

    if is_in_use(path.parent):
        fail(
            f"a gateway uses {path.parent}, but does not take requests for its buffer; if it has "
            "just started, try again in a few seconds; if it is of an older version, restart it",
            FAILED,
        )
    with (
        locked_state_dir(path.parent),
        as_owner_of(path.parent),
        closing(Store(path, _UNBOUNDED)) as store,
    ):
        return sum(store.write(one.batch).released for one in requests(action, ids))
