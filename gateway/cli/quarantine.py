"""What `buffer requeue` and `buffer drop` share: which messages they mean, and their release."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.completion import quarantined_ids, quarantined_races
from gateway.cli.exits import fail
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.buffer.inspect import BufferView, QuarantinedMessage
    from gateway.buffer.quarantine import Action, Selection
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


def select(
    races: list[int] | None, ids: list[int] | None, reason: str, *, is_all: bool
) -> "Selection":
    """Return the selection that the options make; end the command if they make none."""
    from gateway.buffer.quarantine import Selection

    selection = Selection(races or (), ids or (), reason)
    if is_all == (selection != Selection()):
        fail("expected --all, or one or more of --race, --message and --reason", USAGE)
    return selection


def choose(
    view: "BufferView", selection: "Selection", command: "Command"
) -> "list[QuarantinedMessage]":
    """Return the selected messages in quarantine; end the command if there are none."""
    chosen = [message for message in view.quarantine() if selection.contains(message)]
    if not chosen:
        listing = command("buffer quarantine")
        fail(f"no such message is in quarantine; `{listing}` lists them all", FAILED)
    return chosen


def without_undatable(
    chosen: "Sequence[QuarantinedMessage]", state_dir: Path, command: "Command"
) -> "list[QuarantinedMessage]":
    """Return the messages that can be sent; count the others. End the command if none can be."""
    from gateway.host.boots import datable_boots
    from gateway.terminal.units import counted

    boots = datable_boots(state_dir)
    sendable = [one for one in chosen if one.race_id is not None or _boot_of(one) in boots]
    if left := len(chosen) - len(sendable):
        count = counted(left, "second")
        typer.echo(
            f"{count} cannot be sent and will stay in quarantine: the race cannot be known, "
            "usually because this computer restarted before its clock was set. "
            f"`{command('buffer quarantine')}` lists each with the race unknown; "
            f"`{command('buffer drop --message ID')}` deletes one",
            err=True,
        )
    if not sendable:
        fail("nothing to send", FAILED)
    return sendable


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


def release(
    action: "Action", chosen: "Sequence[QuarantinedMessage]", state_dir: Path, *, is_json: bool
) -> None:
    """Release the chosen messages of a buffer, and print how many."""
    from gateway.terminal.units import counted

    ids = [message.id for message in chosen]
    released = _ask_gateway(state_dir, action, ids)
    is_running = released is not None
    if released is None:
        released = _release_without_gateway(state_dir, action, ids)
    if is_json:
        from json import dumps

        typer.echo(dumps({"action": action, "selected": len(ids), "messages": released}))
    elif action == "drop":
        typer.echo(f"{counted(released, 'message')} deleted")
    else:
        when = "now" if is_running else "when the gateway runs"
        typer.echo(f"{counted(released, 'message')} no longer in quarantine, to be sent {when}")


def _ask_gateway(state_dir: Path, action: "Action", ids: "Sequence[int]") -> int | None:
    """Let the gateway that uses this state_dir release messages; None if none is listening."""
    from gateway.buffer.quarantine import FILE_NAME, ask_to_release
    from gateway.cli.service import socket_in
    from gateway.status.client import NoStatusError

    try:
        return ask_to_release(socket_in(state_dir, FILE_NAME), action, ids)
    except (ConnectionRefusedError, FileNotFoundError, NoStatusError):
        return None  # there is no socket, or one that a killed gateway has left


def _release_without_gateway(state_dir: Path, action: "Action", ids: "Sequence[int]") -> int:
    from gateway.buffer.log_format import DIRECTORY_NAME
    from gateway.buffer.quarantine import release_directly
    from gateway.host.state_dir import is_in_use

    if is_in_use(state_dir):
        fail(
            f"a gateway uses {state_dir}, but does not take requests for its buffer; if it has "
            "just started, try again in a few seconds; if it is of an older version, restart it",
            FAILED,
        )
    return release_directly(state_dir / DIRECTORY_NAME, action, ids)
