"""`calibrate`: make a bike's numbers comparable with those of others; and keep them so."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.cli.calibrate import cadence, plateaus, resistance, verify
from gateway.cli.calibrate.default_verb import DefaultVerbGroup
from gateway.cli.calibrate.session import BikeArgument, ConfigOption
from gateway.cli.exits import fail
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from rich.console import Console

    from gateway.calibrating.session import SavedCalibrations
    from gateway.calibrating.state import CalibrationState
    from gateway.sampling.calibration_record import CalibrationRecord

T = TypeVar("T")

NOTHING_CHANGED = "nothing was changed"

app = typer.Typer(
    cls=DefaultVerbGroup,
    no_args_is_help=True,
    subcommand_metavar="[VERB] BIKE [OPTIONS]",
)

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.callback()
def calibrate() -> None:
    """Calibrate a bike, so that the same effort scores the same on every bike.

    `calibrate BIKE` is the guided session, `calibrate resistance BIKE`. All verbs go through the
    gateway if it runs: what changes holds at once, without a restart.
    """


app.command()(resistance.resistance)
app.command()(cadence.cadence)
app.command()(verify.verify)
app.command()(plateaus.plateaus)


@app.command()
def show(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    json: Annotated[bool, typer.Option("--json", help="All of it as one line of JSON.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw the curve into this file, too.")
    ] = None,
) -> None:
    """Show the calibration that holds, and its backups."""
    from gateway.calibrating.view.summary import state_json, summary

    state = _state(bike, config)
    if picture is not None:
        from gateway.calibrating.view.svg import curve_picture

        _write(picture, curve_picture(_saved(state)), "w")
    if json:
        typer.echo(state_json(state))
        return
    console = _console()
    console.print(summary(state, console.width))
    if picture is not None:
        typer.echo(f"\n{picture}: drawn")


@app.command()
def export(
    bike: BikeArgument,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A new file; else standard output.")
    ] = None,
    config: ConfigOption = SERVICE_CONFIG,
) -> None:
    """Print the saved calibration, or write it to a file, for `import`."""
    from gateway.sampling.calibration_record import record_to_json

    text = record_to_json(_saved(_state(bike, config)))
    if file is None:
        typer.echo(text, nl=False)
    else:
        _write(file, text, "x")
        typer.echo(f"{file}: written")


@app.command("import")
def import_(
    bike: BikeArgument,
    file: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="`-`: standard input.")],
    config: ConfigOption = SERVICE_CONFIG,
    any_device: Annotated[
        bool,
        typer.Option("--any-device", help="Take it though it was made on another machine."),
    ] = False,
    yes: YesOption = False,
) -> None:
    """Take over a calibration that `export` wrote.

    Shows what it changes, and asks. One of another machine is refused: two bikes of one model are
    not alike.
    """
    from gateway.sampling.calibration_record import CalibrationFormatError, record_from_json

    try:
        record = record_from_json(file.read())
    except (CalibrationFormatError, UnicodeDecodeError) as error:
        fail(f"{file.name}: {error}; {NOTHING_CHANGED}", FAILED)
    state = _state(bike, config)
    if record.device != state.device and not any_device:
        fail(
            f"{file.name} was made on {record.device}, and {bike} is {state.device}; if its points "
            f"are to be taken all the same: --any-device. {NOTHING_CHANGED.capitalize()}.",
            FAILED,
        )
    record = replace(record, bike_id=bike, device=state.device)
    _show_change(record, state)
    _ask(f"Use it on {bike}?", yes=yes)
    path = _with_saved(bike, config, lambda saved: saved.save(record))
    typer.echo(f"{path}: saved, and in use")
    _say_how_back(bike, state)


@app.command()
def rollback(
    bike: BikeArgument,
    number: Annotated[
        int, typer.Argument(metavar="[NUMBER]", min=1, help="Which backup; 1 is the newest.")
    ] = 1,
    config: ConfigOption = SERVICE_CONFIG,
    yes: YesOption = False,
) -> None:
    """Use an earlier calibration again.

    Shows what that changes, and asks. What held until now becomes a backup.
    """
    state = _state(bike, config)
    record = state.backups.get(number)
    if record is None:
        has = ", ".join(map(str, state.backups)) or "none"
        fail(f"{bike} has no backup {number}; it has: {has}", USAGE)
    if record.device != state.device:
        fail(
            f"backup {number} was made on {record.device}, and {bike} is {state.device}; "
            f"{NOTHING_CHANGED}",
            FAILED,
        )
    _show_change(record, state)
    _ask(f"Use backup {number} on {bike} again?", yes=yes)
    _with_saved(bike, config, lambda saved: saved.rollback(number))
    typer.echo(f"backup {number} is in use again")
    _say_how_back(bike, state)


@app.command()
def reset(
    bike: BikeArgument, config: ConfigOption = SERVICE_CONFIG, yes: YesOption = False
) -> None:
    """Use no saved calibration any more.

    The points in the config hold then, or else the bike's own numbers. What held becomes a backup.
    """
    from gateway.calibrating.view.summary import origin_words

    state = _state(bike, config)
    if state.record is None and not state.problem:
        typer.echo(f"{bike} has no saved calibration; {NOTHING_CHANGED}")
        return
    typer.echo(f"{bike}: now {origin_words(state)}")
    _ask(f"Use no saved calibration on {bike} any more?", yes=yes)
    _with_saved(bike, config, lambda saved: saved.reset())
    typer.echo(f"now {origin_words(_state(bike, config))}")
    _say_how_back(bike, state)


def _with_saved(bike: str, config: Path, act: "Callable[[SavedCalibrations], Awaitable[T]]") -> T:
    """What `act` gives; ends the command with words if it cannot be done."""
    import asyncio

    import structlog

    from gateway.calibrating.state import CalibrationError
    from gateway.cli.calibrate.bike import session_with

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # the verbs say it all

    async def acted() -> T:
        async with session_with(bike, config, is_live=False) as saved:
            return await act(saved)

    try:
        return asyncio.run(acted())
    except CalibrationError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail("interrupted", INTERRUPTED)


def _state(bike: str, config: Path) -> "CalibrationState":
    async def look(saved: "SavedCalibrations") -> "CalibrationState":
        return saved.state

    return _with_saved(bike, config, look)


def _saved(state: "CalibrationState") -> "CalibrationRecord":
    if state.record is None:
        why = f"what is saved is {state.problem}" if state.problem else "it has none"
        fail(
            f"{state.bike_id} has no calibration to give: {why}; "
            f"`alleycat-gateway calibrate {state.bike_id}` makes one",
            FAILED,
        )
    return state.record


def _show_change(record: "CalibrationRecord", state: "CalibrationState") -> None:
    from gateway.calibrating.view.summary import change_view, origin_words

    console = _console()
    console.print(change_view(record, state.in_use, origin_words(state), console.width))


def _ask(question: str, *, yes: bool) -> None:
    """Goes on only if the answer is yes."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"no terminal to ask on: add --yes; {NOTHING_CHANGED}", USAGE)
    try:
        if typer.confirm(question):
            return
    except typer.Abort:
        fail(f"\ninterrupted: {NOTHING_CHANGED}", INTERRUPTED)
    fail(NOTHING_CHANGED, FAILED)


def _say_how_back(bike: str, before: "CalibrationState") -> None:
    if before.record is not None:
        typer.echo(f"what held before is backup 1: alleycat-gateway calibrate rollback {bike}")


def _write(file: Path, text: str, mode: str) -> None:
    try:
        with file.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        fail(f"{file} exists; expected the name of a new file", USAGE)
    except OSError as error:
        fail(f"{file}: {error.strerror}; expected a place for a file", FAILED)


def _console() -> "Console":
    from rich.console import Console

    from gateway.terminal.live import lossy

    return lossy(Console(highlight=False))
