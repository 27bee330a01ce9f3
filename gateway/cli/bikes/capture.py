"""`capture`: records the bytes that a bike sends into a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from gateway.cli.completion import protocols
from gateway.cli.exits import fail
from gateway.cli.options import (
    AdapterOption,
    BikeArgument,
    BikeConfigOption,
    DriverOption,
    chosen_driver,
    config_of,
)
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from drivers import Driver, FrameSource
    from gateway.cli.bikes.recording import Recording

#: The name for the protocol of a device that speaks none of the known ones.
ANY = "any"
AnyProtocolOption = Annotated[
    str | None,
    typer.Option(
        help="The bike's protocol, such as `peloton`; needed for a serial port. `any` records all "
        "that a Bluetooth device offers and sends, whatever it is.",
        autocompletion=protocols,
    ),
]
CaptureSecondsOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="How many seconds to run; default: until Ctrl-C, or until the end of the guided ride.",
    ),
]


def capture(
    bike: BikeArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .jsonl file to create.")],
    config: BikeConfigOption = None,
    protocol: AnyProtocolOption = None,
    option: DriverOption = None,
    adapter: AdapterOption = None,
    seconds: CaptureSecondsOption = None,
    note: Annotated[
        str, typer.Option(help="Text to store: which bike it is, how it was ridden.")
    ] = "",
) -> None:
    """Record a bike's raw frames, for a bug report or a test.

    Publishes nothing. Each frame is written to the file as it arrives; `replay` shows the file. If
    a Bluetooth bike is connected but not understood, everything that it sends is recorded, and you
    are guided through a ride that `decode --guess` can evaluate; the recording ends with this
    guided ride, unless you give --seconds.
    """
    from drivers.captures.recorder import FrameRecorder
    from gateway.cli.bikes.recording import Recording
    from gateway.timing.clock import SystemClock

    clock = SystemClock()
    known = None if protocol == ANY else protocol
    found = chosen_driver(bike, config_of(bike, config), known, clock, option or (), adapter)
    driver = _frame_source(*found)
    with _new(file) as lines:
        recording = Recording(driver, FrameRecorder(lines, note), clock, seconds)
        reason = _reason_to_end(recording, protocol)
        recording.ride.ask(_answer)
    if recording.recorder.is_empty:
        file.unlink()
        fail(reason or f"{bike} sent nothing; {file} was deleted", FAILED)
    _show_result(file, recording, reason)


def _frame_source(name: str, driver: "Driver") -> "FrameSource":
    from drivers import FrameSource

    if not isinstance(driver, FrameSource):
        fail(f"driver {name!r} cannot capture: it does not expose the bike's raw bytes", FAILED)
    return driver


def _reason_to_end(recording: "Recording", protocol: str | None) -> str:
    """Record until the end; return why the bike was lost, empty if it was not."""
    import asyncio

    from gateway.bike.loss import cause_of, loss_reason

    work = {None: recording.of_any_bike, ANY: recording.of_unknown_device}
    try:
        asyncio.run(recording.limited(work.get(protocol, recording.of_known_bike)))
    except KeyboardInterrupt:
        return ""
    # A third-party driver may raise anything.
    except (Exception, SystemExit) as error:
        return loss_reason(cause_of(error), recording.driver_name)
    return ""


def _show_result(file: Path, recording: "Recording", reason: str) -> None:
    lost = f"; then the bike was lost: {reason}" if reason else ""
    typer.echo(f"{file}: {recording.recorder.progress}{lost}")
    if recording.is_survey:
        typer.echo(f"`alleycat-gateway decode --guess {file}` shows which bytes follow the pedals")


def _answer(question: str) -> str:
    """Ask the rider, if there is a terminal; return an empty answer if not."""
    import sys

    if not sys.stdin.isatty():
        return ""
    answer: str = typer.prompt(question, default="", show_default=False, err=True)
    return answer


def _new(file: Path) -> TextIO:
    try:
        return file.open("x", encoding="utf-8")
    except FileExistsError:
        fail(f"{file} already exists; expected the name of a new file", USAGE)
    except OSError as error:
        fail(f"cannot create {file}: {error.strerror}", FAILED)
