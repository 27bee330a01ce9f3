"""`buffer`: inspects the messages kept on disk, and releases those in quarantine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption, YesOption
from gateway.cli.quarantine import (
    AllOption,
    MessageOption,
    RaceOption,
    ReasonOption,
    choose,
    choose_sendable,
    confirm_drop,
    release,
    select,
)
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from gateway.buffer.inspect import BufferView, Overview, QuarantinedMessage
    from gateway.status.concerns import Command
    from gateway.terminal.console import Console

#: Limits the problems that `verify` prints; each message of a buffer may have one.
PROBLEMS_SHOWN = 50

app = typer.Typer(no_args_is_help=True)

StateConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Use the state_dir that this config file names; default: /var/lib/alleycat-gateway.",
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Use this state_dir instead of the one in --config."),
]


@app.callback()
def buffer() -> None:
    """Inspect messages waiting to be sent; release quarantined ones.

    All commands work whether or not the gateway is running; only `requeue` and `drop` change
    anything. Messages younger than commit_interval_s are only in the gateway's memory and are not
    shown.
    """


@app.command()
def ls(
    config: StateConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """List the races with unsent messages.

    The column `final` counts the messages that end a race for a bike.
    """
    from gateway.terminal.console import Console

    view = _look(config, state_dir)
    with _progress("logs") as on_progress:
        overview = view.overview(on_progress)
    if json:
        typer.echo(_overview_json(overview))
    else:
        _show_overview(Console(), overview, _command_for(config, state_dir))


@app.command()
def verify(
    config: StateConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """Check every record and every message of the buffer.

    Exit code 1 if anything is wrong. The gateway sends everything that can be read, and counts
    the rest as lost.
    """
    from gateway.terminal.printable import one_line
    from gateway.terminal.units import counted, size

    view = _look(config, state_dir)
    with _progress("logs") as on_progress:
        problems = view.problems(on_progress)
    path, rows, file_bytes = view.path, sum(view.counts()), view.file_bytes
    if json:
        from json import dumps

        result = {"path": str(path), "file_bytes": file_bytes, "messages": rows}
        typer.echo(dumps({**result, "problems": problems}))
    else:
        for problem in problems[:PROBLEMS_SHOWN]:
            typer.echo(one_line(problem))
        if len(problems) > PROBLEMS_SHOWN:
            typer.echo(f"… and {len(problems) - PROBLEMS_SHOWN:,} more; --json lists all")
        verdict = counted(len(problems), "problem") if problems else "no problems"
        typer.echo(f"{path}: {size(file_bytes)}, {counted(rows, 'message')}: {verdict}")
    if problems:
        raise typer.Exit(FAILED)


@app.command()
def export(
    race: Annotated[int, typer.Argument(metavar="RACE", help="The race's id, as listed by `ls`.")],
    config: StateConfigOption = None,
    state_dir: StateDirOption = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to this new file; default: standard output."),
    ] = None,
) -> None:
    """Print a race's unsent messages.

    Prints them byte for byte as they will be sent: one JSON object per line, oldest first.
    """
    view = _look(config, state_dir)
    messages = view.messages(race)
    first = next(messages, None)
    if first is None:
        fail(f"race {race} has no messages in {view.path}; `buffer ls` lists the races", FAILED)

    def lines() -> Iterator[bytes]:
        yield first + b"\n"
        for message in messages:
            yield message + b"\n"

    if output is None:
        _to_stdout(lines())
    else:
        from gateway.terminal.units import counted

        typer.echo(f"{output}: {counted(_to_new_file(output, lines()), 'message')}")


@app.command()
def quarantine(
    config: StateConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """List the messages that are no longer sent, and why."""
    from gateway.terminal.console import Console

    messages = _look(config, state_dir).quarantine()
    if json:
        for message in messages:
            typer.echo(_quarantined_json(message))
    else:
        _show_quarantine(Console(), list(messages))


@app.command()
def requeue(
    race: RaceOption = None,
    message: MessageOption = None,
    reason: ReasonOption = "",
    all_: AllOption = False,
    config: StateConfigOption = None,
    state_dir: StateDirOption = None,
    json: JsonOption = False,
) -> None:
    """Send messages in quarantine again.

    Do this once the cause is fixed, such as a wrong policy of the thing. If the broker refuses a
    message again while it accepts those of other races or bikes, the message returns to quarantine.
    Seconds of a boot during which the clock was never set have no race: they stay in quarantine.
    """
    selection = select(race, message, reason, is_all=all_)
    view = _look(config, state_dir)
    ids = choose_sendable(view, selection, _command_for(config, state_dir))
    release("requeue", ids, view.path.parent, is_json=json)


@app.command()
def drop(
    race: RaceOption = None,
    message: MessageOption = None,
    reason: ReasonOption = "",
    all_: AllOption = False,
    config: StateConfigOption = None,
    state_dir: StateDirOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Delete messages in quarantine for good.

    Asks for confirmation. Without a terminal, it needs --yes.
    """
    selection = select(race, message, reason, is_all=all_)
    view = _look(config, state_dir)
    ids = choose(view, selection, _command_for(config, state_dir))
    confirm_drop(len(ids), yes=yes)
    release("drop", ids, view.path.parent, is_json=json)


def _look(config: Path | None, state_dir: Path | None) -> "BufferView":
    from gateway.buffer.inspect import BufferView
    from gateway.buffer.log_format import DIRECTORY_NAME
    from gateway.cli.service import state_dir_of

    if config is not None and state_dir is not None:
        fail("expected --config or --state-dir, not both", USAGE)
    return BufferView((state_dir or state_dir_of(config)) / DIRECTORY_NAME)


def _command_for(config: Path | None, state_dir: Path | None) -> "Command":
    """Return a function that completes a command so that it inspects the same buffer."""
    import shlex

    from gateway.cli.status import command_for

    if state_dir is None:
        return command_for(config)
    option = f"--state-dir {shlex.quote(str(state_dir))}"
    return lambda words: f"alleycat-gateway {words} {option}"


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr while the block runs, if stderr is a terminal."""
    from rich.progress import Progress

    from gateway.terminal.console import Console

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _to_stdout(lines: Iterator[bytes]) -> None:
    """Write the lines unchanged; on a terminal, escape unprintable characters as JSON does."""
    import os
    import sys

    from gateway.cli.output import echo_exactly

    try:
        for line in lines:
            echo_exactly(line)
    except BrokenPipeError:
        # The reader has closed the pipe. Redirect the stream, because Python flushes the rest of it
        # at exit, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _to_new_file(output: Path, lines: Iterator[bytes]) -> int:
    try:
        with output.open("xb") as file:
            return sum(1 for line in lines if file.write(line))
    except FileExistsError:
        fail(f"{output} already exists; expected the name of a new file", USAGE)
    except OSError as error:
        fail(f"cannot create {output}: {error.strerror}", FAILED)


def _show_overview(console: "Console", overview: "Overview", command: "Command") -> None:
    from rich.table import Table
    from rich.text import Text

    from gateway.terminal.printable import one_line
    from gateway.terminal.units import size
    from gateway.terminal.unpadded import Unpadded

    if overview.races:
        table = Table(box=None, pad_edge=False, expand=True)
        for column in ("race", "messages", "seconds", "final", "size", "oldest"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("bikes", ratio=1, no_wrap=True, overflow="ellipsis")
        for race in overview.races:
            table.add_row(
                str(race.race_id),
                f"{race.messages:,}",
                "" if race.first_second is None else f"{race.first_second}–{race.last_second}",
                f"{race.finals:,}",
                size(race.payload_bytes),
                "" if race.oldest_ms is None else _when(race.oldest_ms),
                Text(one_line(_bikes(race.bikes))),
            )
        console.print(Unpadded(table))
    for line in _totals(overview, command):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _totals(overview: "Overview", command: "Command") -> Iterator[str]:
    from time import time

    from gateway.terminal.units import counted, duration, size

    races, unreadable = len(overview.races), sum(race.unreadable for race in overview.races)
    if races:
        oldest_ms = min((race.oldest_ms for race in overview.races if race.oldest_ms), default=None)
        age_s = max(0.0, time() - (oldest_ms or 0) / 1000)
        age = "" if oldest_ms is None else f", the oldest {duration(age_s)} old"
        count = f"{counted(overview.messages, 'message')} of {counted(races, 'race')}"
        yield f"{count}, {size(overview.payload_bytes)}{age}"
    else:
        yield "no messages are waiting to be sent"
    if overview.unnamed:
        count = counted(overview.unnamed, "second")
        yield f"{count} ridden while the clock was not set; to be sent once it is set"
    if overview.quarantined:
        count = counted(overview.quarantined, "message")
        yield f"{count} in quarantine; `{command('buffer quarantine')}` lists the reasons"
    if unreadable:
        count = counted(unreadable, "message")
        yield f"{count} cannot be decoded; `{command('buffer verify')}` lists them"
    yield f"{overview.path}: {size(overview.file_bytes)}"


def _show_quarantine(console: "Console", messages: "Sequence[QuarantinedMessage]") -> None:
    from rich.table import Table
    from rich.text import Text

    from gateway.terminal.printable import one_line
    from gateway.terminal.unpadded import Unpadded

    if not messages:
        console.print("no messages are in quarantine")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("message", "race", "second"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("bike", no_wrap=True, overflow="ellipsis", max_width=16)
    table.add_column("reason", overflow="fold")
    for message in messages:
        telemetry = message.telemetry
        table.add_row(
            str(message.id),
            "unknown" if message.race_id is None else str(message.race_id),
            "" if telemetry is None else str(telemetry.second),
            Text("" if telemetry is None else one_line(telemetry.bike_id)),
            Text(one_line(message.reason)),
        )
    console.print(Unpadded(table))


def _overview_json(overview: "Overview") -> str:
    from dataclasses import asdict
    from json import dumps

    totals = {"messages": overview.messages, "payload_bytes": overview.payload_bytes}
    return dumps({**asdict(overview), "path": str(overview.path), **totals})


def _quarantined_json(message: "QuarantinedMessage") -> str:
    from dataclasses import asdict
    from json import dumps

    return dumps({**asdict(message), "payload": message.payload.decode(errors="replace")})


def _bikes(bikes: list[str]) -> str:
    return ", ".join(bikes) if len(bikes) <= 1 else f"{len(bikes)}: {', '.join(bikes)}"


def _when(wall_ms: int) -> str:
    """Return the local time to the minute, or the number itself if it is no valid time."""
    from datetime import UTC, datetime

    try:
        at = datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone()
    except (ValueError, OverflowError):
        return f"{wall_ms} ms"
    return f"{at:%Y-%m-%d %H:%M}"
