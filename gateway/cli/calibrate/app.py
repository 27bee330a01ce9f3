"""`calibrate`: calibrate a bike; show, export, import, roll back or reset its calibration."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.cli.calibrate import cadence, plateaus, power, resistance, verify
from gateway.cli.calibrate.default_verb import DefaultVerbGroup
from gateway.cli.calibrate.fake import FakeOption, command_for, config_with
from gateway.cli.calibrate.session import BikeArgument, ConfigOption
from gateway.cli.exits import fail
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from gateway.calibrating.session import SavedCalibrations
    from gateway.calibrating.state import CalibrationState
    from gateway.sampling.calibration_record import CalibrationRecord
    from gateway.terminal.console import Console

T = TypeVar("T")

NOTHING_CHANGED = "nothing was changed"

app = typer.Typer(
    cls=DefaultVerbGroup,
    no_args_is_help=True,
    subcommand_metavar="[SUBCOMMAND] BIKE [OPTIONS]",
)

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


@app.callback()
def calibrate() -> None:
    """Calibrate a bike, so that the same effort scores the same on every bike.

    `calibrate BIKE` is short for `calibrate resistance BIKE`, the guided session. If the gateway
    is running, all subcommands work through it, and changes take effect at once, without a restart.
    """


app.command()(resistance.resistance)
app.command()(cadence.cadence)
app.command()(power.power)
app.command()(verify.verify)
app.command()(plateaus.plateaus)


@app.command()
def show(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    json: Annotated[
        bool, typer.Option("--json", help="Print everything as one line of JSON.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Also draw the curve into this file.")
    ] = None,
    fake_bike: FakeOption = False,
) -> None:
    """Show the calibration in use, and its backups."""
    from gateway.calibrating.view.summary import state_json, summary
    from gateway.terminal.unpadded import Unpadded

    config = config_with(bike, config, fake_bike=fake_bike)
    state = _state(bike, config)
    if picture is not None:
        from gateway.calibrating.view.svg import curve_picture

        record = _saved(state, command_for(config, fake_bike=fake_bike))
        _write(picture, curve_picture(record), "w")
    if json:
        typer.echo(state_json(state))
        return
    console = _console()
    console.print(Unpadded(summary(state, console.width)))
    if picture is not None:
        typer.echo(f"\ndrew the curve in {picture}")


@app.command()
def export(
    bike: BikeArgument,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A new file; default: standard output.")
    ] = None,
    config: ConfigOption = SERVICE_CONFIG,
    fake_bike: FakeOption = False,
) -> None:
    """Print the saved calibration, or write it to a file.

    `import` reads the file.
    """
    from gateway.sampling.calibration_record import record_to_json

    config = config_with(bike, config, fake_bike=fake_bike)
    text = record_to_json(_saved(_state(bike, config), command_for(config, fake_bike=fake_bike)))
    if file is None:
        typer.echo(text, nl=False)
    else:
        _write(file, text, "x")
        typer.echo(f"wrote {file}")


@app.command("import")
def import_(
    bike: BikeArgument,
    file: Annotated[
        typer.FileText,
        typer.Argument(metavar="FILE", help="A file written by `export`; `-`: standard input."),
    ],
    config: ConfigOption = SERVICE_CONFIG,
    any_device: Annotated[
        bool, typer.Option("--any-device", help="Accept a calibration of another device.")
    ] = False,
    yes: YesOption = False,
    fake_bike: FakeOption = False,
) -> None:
    """Import a calibration written by `export`.

    Shows what will change, and asks for confirmation. A calibration of another device is refused,
    because two bikes of the same model can differ.
    """
    from gateway.sampling.calibration_record import CalibrationFormatError, record_from_json
    from gateway.terminal.printable import one_line

    try:
        record = record_from_json(file.read())
    except (CalibrationFormatError, UnicodeDecodeError) as error:
        fail(f"{file.name}: {error}; {NOTHING_CHANGED}", FAILED)
    config = config_with(bike, config, fake_bike=fake_bike)
    state = _state(bike, config)
    if record.device != state.device and not any_device:
        device = one_line(record.device)
        fail(
            f"{file.name} was made on {device}, but {bike} is {state.device}; to import it "
            f"anyway, add --any-device. {NOTHING_CHANGED.capitalize()}.",
            FAILED,
        )
    record = replace(record, bike_id=bike, device=state.device)
    _show_change(record, state)
    _ask(f"Use it on {bike}?", yes=yes)
    path = _with_saved(bike, config, lambda saved: saved.save(record))
    typer.echo(f"saved in {path} and in use now")
    _print_undo_hint(bike, state, command_for(config, fake_bike=fake_bike))


@app.command()
def rollback(
    bike: BikeArgument,
    number: Annotated[
        int,
        typer.Argument(metavar="[NUMBER]", min=1, help="Which backup to restore; 1 is the newest."),
    ] = 1,
    config: ConfigOption = SERVICE_CONFIG,
    yes: YesOption = False,
    fake_bike: FakeOption = False,
) -> None:
    """Restore an earlier calibration.

    Shows what will change, and asks for confirmation. The calibration saved now becomes a backup.
    """
    from gateway.terminal.printable import one_line

    config = config_with(bike, config, fake_bike=fake_bike)
    state = _state(bike, config)
    record = state.backups.get(number)
    if record is None:
        if not state.backups:
            fail(f"{bike} has no backups", USAGE)
        fail(f"{bike} has no backup {number}; it has: {', '.join(map(str, state.backups))}", USAGE)
    if record.device != state.device:
        fail(
            f"backup {number} was made on {one_line(record.device)}, but {bike} is {state.device}; "
            f"{NOTHING_CHANGED}",
            FAILED,
        )
    _show_change(record, state)
    _ask(f"Restore backup {number} on {bike}?", yes=yes)
    _with_saved(bike, config, lambda saved: saved.rollback(number))
    typer.echo(f"backup {number} is restored and in use now")
    _print_undo_hint(bike, state, command_for(config, fake_bike=fake_bike))


@app.command()
def reset(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    yes: YesOption = False,
    fake_bike: FakeOption = False,
) -> None:
    """Delete the saved calibration; it is kept as a backup.

    The bike then uses the points in the config or, without any, the numbers that it sends.
    """
    from gateway.calibrating.view.summary import origin_words

    config = config_with(bike, config, fake_bike=fake_bike)
    state = _state(bike, config)
    if state.record is None and not state.problem:
        typer.echo(f"{bike} has no saved calibration; {NOTHING_CHANGED}")
        return
    typer.echo(f"in use on {bike}: {origin_words(state)}")
    _ask(f"Delete the saved calibration of {bike}?", yes=yes)
    _with_saved(bike, config, lambda saved: saved.reset())
    typer.echo(f"in use now: {origin_words(_state(bike, config))}")
    _print_undo_hint(bike, state, command_for(config, fake_bike=fake_bike))


def _with_saved(bike: str, config: Path, act: "Callable[[SavedCalibrations], Awaitable[T]]") -> T:
    """Return what `act` returns; end the command with an error message if it fails."""
    import asyncio

    import structlog

    from gateway.calibrating.state import CalibrationError
    from gateway.cli.calibrate.bike import session_with

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # The verbs print.

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


def _saved(state: "CalibrationState", command: "Callable[[str], str]") -> "CalibrationRecord":
    """Return the saved calibration; end the command with an error message if there is none."""
    if state.record is None:
        what = f"the saved calibration of {state.bike_id} is {state.problem}"
        if not state.problem:
            what = f"{state.bike_id} has no saved calibration"
        fail(f"{what}; to make a new one: {command(f'calibrate {state.bike_id}')}", FAILED)
    return state.record


def _show_change(record: "CalibrationRecord", state: "CalibrationState") -> None:
    from gateway.calibrating.view.summary import change_view, origin_words
    from gateway.terminal.unpadded import Unpadded

    console = _console()
    change = change_view(record, state.in_use, origin_words(state), console.width)
    console.print(Unpadded(change))


def _ask(question: str, *, yes: bool) -> None:
    """Ask for confirmation; end the command unless the answer is yes."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"cannot ask for confirmation without a terminal: add --yes; {NOTHING_CHANGED}", USAGE)
    try:
        if typer.confirm(question):
            return
    except typer.Abort:
        fail(f"\ninterrupted: {NOTHING_CHANGED}", INTERRUPTED)
    fail(NOTHING_CHANGED, FAILED)


def _print_undo_hint(
    bike: str, before: "CalibrationState", command: "Callable[[str], str]"
) -> None:
    if before.record is not None:
        typer.echo(
            "the previous calibration is now backup 1; to restore it: "
            f"{command(f'calibrate rollback {bike}')}"
        )


def _write(file: Path, text: str, mode: str) -> None:
    try:
        with file.open(mode, encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        fail(f"{file} already exists; choose another file name", USAGE)
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}; choose another file name", FAILED)


def _console() -> "Console":
    from gateway.terminal.console import Console

    return Console(highlight=False)
