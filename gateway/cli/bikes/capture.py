"""`capture`: records the bytes that a bike sends into a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from gateway.cli.exits import fail
from gateway.cli.options import (
    BikeArgument,
    BikeConfigOption,
    ProtocolOption,
    SecondsOption,
    chosen_driver,
    config_of,
)
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from drivers import FrameSource
    from drivers.captures.recorder import FrameRecorder

#: Time between two progress lines, in seconds.
EVERY_S = 1.0


def capture(
    bike: BikeArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .jsonl file to create.")],
    config: BikeConfigOption = None,
    protocol: ProtocolOption = None,
    seconds: SecondsOption = None,
    note: Annotated[
        str, typer.Option(help="Text to store: which bike it is, how it was ridden.")
    ] = "",
) -> None:
    """Record a bike's raw frames, for a bug report or a test.

    Publishes nothing. Each frame is written to the file as it arrives; `replay` shows the file.
    """
    import asyncio

    from drivers import BikeLost, FrameSource
    from drivers.captures.recorder import FrameRecorder
    from gateway.timing.clock import SystemClock

    name, driver = chosen_driver(bike, config_of(bike, config), protocol, SystemClock())
    if not isinstance(driver, FrameSource):
        fail(f"driver {name!r} cannot capture: it does not expose the bike's raw bytes", FAILED)
    with _new(file) as lines:
        recorder = FrameRecorder(lines, note)
        reason = ""
        try:
            asyncio.run(_record(driver, recorder, seconds))
        except (KeyboardInterrupt, TimeoutError):
            pass
        except BikeLost as error:
            reason = str(error)
    if not recorder.frames:
        file.unlink()
        fail(reason or f"{bike} sent nothing; {file} was deleted", FAILED)
    typer.echo(
        f"{file}: {recorder.progress}" + (f"; then the bike was lost: {reason}" if reason else "")
    )


def _new(file: Path) -> TextIO:
    try:
        return file.open("x", encoding="utf-8")
    except FileExistsError:
        fail(f"{file} already exists; expected the name of a new file", USAGE)
    except OSError as error:
        fail(f"cannot create {file}: {error.strerror}", FAILED)


async def _record(driver: "FrameSource", recorder: "FrameRecorder", seconds: float | None) -> None:
    import asyncio

    from drivers import WaitingDriver

    async def report() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            waits = driver.waits_because if isinstance(driver, WaitingDriver) else ""
            typer.echo(waits or recorder.progress, err=True)

    reporting = asyncio.create_task(report())
    try:
        async with asyncio.timeout(seconds), driver.open_bike(recorder.record) as readings:
            async for _ in readings:
                pass
    finally:
        reporting.cancel()
