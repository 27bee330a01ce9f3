"""`status`: shows the state of the running gateway."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from rich.console import RenderableType

    from gateway.status.client import NoStatusError
    from gateway.status.concerns import Command
    from gateway.status.snapshot import GatewayStatus
    from gateway.terminal.console import Console

#: Time between two requests with --watch, in seconds.
EVERY_S = 1.0

#: Printed when no gateway answers.
_ADVICE = (
    "`systemctl status alleycat-gateway` shows whether the service is running; if it is not, "
    "`journalctl -u alleycat-gateway` shows why.\n"
    "If you started the gateway by hand, use --config with its config file."
)

#: Returns the line of JSON with which the gateway answers. Raises NoStatusError.
Ask = Callable[[], bytes]


def status(
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The config file of a gateway that you started by hand; default: the service's "
            "config file.",
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh every second until Ctrl-C.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the state of the running gateway.

    Shows bikes, race, cloud, buffer, clock and board. Exit code 0 if all is well, 1 if something
    needs attention, 3 if no gateway answers.
    """
    from contextlib import suppress

    from gateway.status.concerns import concerns
    from gateway.status.report import status_from_json

    ask = asker(config)
    line = _answer(ask, config)
    if watch:
        with suppress(KeyboardInterrupt):
            _watch(ask, command_for(config), is_json=json)
        return
    found = status_from_json(line)
    if json:
        _print_json(line)
    else:
        _print(found, command_for(config))
    if concerns(found):
        raise typer.Exit(FAILED)


def asker(config: Path | None) -> Ask:
    """Return a function that asks the gateway that uses this config at the time of the call."""
    from gateway.cli.service import socket_of
    from gateway.status.client import FILE_NAME, ask_status

    return lambda: ask_status(socket_of(config, FILE_NAME))


def _answer(ask: Ask, config: Path | None) -> bytes:
    from gateway.status.client import NoStatusError

    try:
        return ask()
    except NoStatusError as error:
        no_answer(error, config)


def no_answer(error: "NoStatusError", config: Path | None) -> NoReturn:
    """End the command, because no gateway answers. `config`: None = that of the service."""
    from gateway.config.command_line import command_line

    advice = _ADVICE if config is None else f"To start it: {command_line('run', config)}"
    fail(f"no gateway answers: {error}\n{advice}", error.exit_code)


def _print_json(line: bytes) -> None:
    typer.echo(line.decode(), nl=False)


def command_for(config: Path | None) -> "Command":
    """Return a function that completes a command for this config; None: that of the service."""
    from functools import partial

    from gateway.config.command_line import SERVICE_CONFIG, command_line

    return partial(command_line, file=config or SERVICE_CONFIG)


def _print(status: "GatewayStatus", command: "Command") -> None:
    from gateway.status.view import status_view
    from gateway.terminal.console import Console
    from gateway.terminal.unpadded import Unpadded

    Console(highlight=False).print(Unpadded(status_view(status, command)))


def _watch(ask: Ask, command: "Command", *, is_json: bool) -> None:
    """Show the status every second: as JSON, as a view redrawn on a terminal, or as text lines."""
    from gateway.status.line import status_line
    from gateway.status.report import status_from_json
    from gateway.terminal.console import Console

    console = Console(highlight=False)
    if is_json:
        _ask_every_second(ask, _print_json, _complain)
    elif console.is_terminal:
        _watch_on_screen(ask, command, console)
    else:
        _ask_every_second(
            ask, lambda line: typer.echo(status_line(status_from_json(line))), _complain
        )


def _watch_on_screen(ask: Ask, command: "Command", console: "Console") -> None:
    """Redraw the status on the alternate screen; leave the last one on the terminal.

    On the alternate screen, a terminal that is resized keeps no parts of earlier pictures.
    """
    from rich.live import Live
    from rich.text import Text

    from gateway.status.report import status_from_json
    from gateway.status.view import status_view

    last: RenderableType = ""

    def draw(view: "RenderableType") -> None:
        nonlocal last
        last = view
        live.update(view, refresh=True)

    try:
        with Live(console=console, auto_refresh=False, screen=True) as live:
            _ask_every_second(
                ask,
                lambda line: draw(status_view(status_from_json(line), command)),
                lambda silence: draw(Text(silence, style="bold red")),
            )
    finally:
        console.print(last)


def _ask_every_second(
    ask: Ask, show: Callable[[bytes], None], show_silence: Callable[[str], None]
) -> None:
    """Ask every second, also while no gateway answers: it may be restarting or being upgraded."""
    from time import sleep

    from gateway.status.client import NoStatusError

    while True:
        try:
            show(ask())
        except NoStatusError as error:
            show_silence(f"no gateway answers: {error}")
        sleep(EVERY_S)


def _complain(text: str) -> None:
    typer.echo(text, err=True)
