"""`tail`: shows the messages of the running gateway as they go out."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption, SecondsOption
from gateway.cli.status import no_answer
from gateway.host.errors import NOT_RUNNING

if TYPE_CHECKING:
    from gateway.status.client import NoStatusError

#: Time between two looks for late messages, in seconds.
TICK_S = 0.25
#: After this time without a message, in seconds, the reason is looked for in the status.
SILENCE_S = 3.0

_SILENCE = (
    "no message yet: the gateway sends messages once a rider pedals in a race; "
    "`{status}` shows the state of bikes, race and clock"
)


def tail(
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The config file of a gateway that you started by hand; default: the service's "
            "config file.",
        ),
    ] = None,
    seconds: SecondsOption = None,
    json: JsonOption = False,
) -> None:
    """Show the messages of the running gateway as they go out.

    One line for each second of each bike: `acknowledged` means that the broker has the message,
    `waiting` that the gateway still keeps it; a second line follows when the broker has it.
    Publishes and delays nothing. Exit code 3 if no gateway answers.
    """
    from contextlib import suppress

    from gateway.cli.status import command_for
    from gateway.status.client import NoStatusError

    try:
        with suppress(KeyboardInterrupt):
            lines = _lines(config, seconds)
            if json:
                _print_json(lines)
            else:
                _print(lines, command_for(config)("status"))
    except NoStatusError as error:
        explain(config, error)


def explain(config: Path | None, error: "NoStatusError") -> NoReturn:
    """End the command with the reason: the gateway is not set up yet, or none answers."""
    from gateway.cli.status import asker, command_for
    from gateway.status.client import NoStatusError
    from gateway.status.concerns import concerns
    from gateway.status.report import status_from_json

    try:
        found = status_from_json(asker(config)())
    except NoStatusError:
        no_answer(error, config)
    if found.is_set_up:
        no_answer(error, config)
    fail("; ".join(concern.text for concern in concerns(found, command_for(config))), NOT_RUNNING)


def _lines(config: Path | None, seconds: float | None) -> "Iterator[bytes | None]":
    """Yield the gateway's lines for at most `seconds`; end the command if the gateway stops."""
    from time import monotonic

    from gateway.cli.service import socket_of
    from gateway.tail.client import FILE_NAME, tail_lines

    end_s = None if seconds is None else monotonic() + seconds
    for line in tail_lines(socket_of(config, FILE_NAME), TICK_S):
        if end_s is not None and monotonic() >= end_s:
            return
        yield line
    fail(
        "the gateway has closed the connection; it is stopping, or has too many readers",
        NOT_RUNNING,
    )


def _print_json(lines: "Iterator[bytes | None]") -> None:
    from gateway.cli.output import echo_exactly

    for line in lines:
        if line is not None:
            echo_exactly(line)


def _print(lines: "Iterator[bytes | None]", status: str) -> None:
    from time import time

    from gateway.tail.events import event_from_line
    from gateway.tail.view import HEADER, TailView

    view = TailView()
    silent_since_s: float | None = time()
    for number, line in enumerate(lines):
        if number == 0:  # a gateway answers
            typer.echo(HEADER)
        now_s = time()
        if line is not None:
            silent_since_s = None
            _echo(view.lines(event_from_line(line), now_s))
        elif silent_since_s is not None and now_s - silent_since_s >= SILENCE_S:
            silent_since_s = None
            typer.echo(_SILENCE.format(status=status), err=True)
        _echo(view.late_lines(now_s))


def _echo(lines: Iterator[str]) -> None:
    for line in lines:
        typer.echo(line)
