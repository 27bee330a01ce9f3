"""`capture`: records the bytes that a bike sends into a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from gateway.cli.exits import fail
from gateway.cli.options import (
    AdapterOption,
    BikeArgument,
    BikeConfigOption,
    DriverOption,
    ProtocolOption,
    SecondsOption,
    chosen_driver,
    config_of,
)
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from drivers import Driver, FrameSource
    from drivers.captures.recorder import FrameRecorder
    from gateway.timing.clock import SystemClock

#: Time between two progress lines, in seconds.
EVERY_S = 1.0


def capture(
    bike: BikeArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .jsonl file to create.")],
    config: BikeConfigOption = None,
    protocol: ProtocolOption = None,
    option: DriverOption = None,
    adapter: AdapterOption = None,
    seconds: SecondsOption = None,
    note: Annotated[
        str, typer.Option(help="Text to store: which bike it is, how it was ridden.")
    ] = "",
) -> None:
    """Record a bike's raw frames, for a bug report or a test.

    Publishes nothing. Each frame is written to the file as it arrives; `replay` shows the file.
    """
    from drivers.captures.recorder import FrameRecorder
    from gateway.timing.clock import SystemClock

    clock = SystemClock()
    found = chosen_driver(bike, config_of(bike, config), protocol, clock, option or (), adapter)
    driver = _frame_source(*found)
    with _new(file) as lines:
        recorder = FrameRecorder(lines, note)
        reason = _reason_to_end(driver, recorder, clock, seconds)
    if not recorder.frames:
        file.unlink()
        fail(reason or f"{bike} sent nothing; {file} was deleted", FAILED)
    typer.echo(
        f"{file}: {recorder.progress}" + (f"; then the bike was lost: {reason}" if reason else "")
    )


def _frame_source(name: str, driver: "Driver") -> "FrameSource":
    from drivers import FrameSource

    if not isinstance(driver, FrameSource):
        fail(f"driver {name!r} cannot capture: it does not expose the bike's raw bytes", FAILED)
    return driver


def _reason_to_end(
    driver: "FrameSource", recorder: "FrameRecorder", clock: "SystemClock", seconds: float | None
) -> str:
    """Record until the end; return why the bike was lost, empty if it was not."""
    import asyncio

    from gateway.bike.loss import cause_of, loss_reason
    from gateway.bike.opened_bike import driver_name

    try:
        asyncio.run(_record(driver, recorder, clock, seconds))
    except KeyboardInterrupt:
        return ""
    # A third-party driver may raise anything.
    except (Exception, SystemExit) as error:
        return loss_reason(cause_of(error), driver_name(driver))
    return ""


def _new(file: Path) -> TextIO:
    try:
        return file.open("x", encoding="utf-8")
    except FileExistsError:
        fail(f"{file} already exists; expected the name of a new file", USAGE)
    except OSError as error:
        fail(f"cannot create {file}: {error.strerror}", FAILED)


async def _record(
    driver: "FrameSource", recorder: "FrameRecorder", clock: "SystemClock", seconds: float | None
) -> None:
    import asyncio
    from functools import partial

    from drivers import WaitingDriver
    from gateway.bike.opened_bike import OpenedBike, driver_name
    from gateway.watch.background import report_background_errors

    async def report() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            waits = driver.waits_because if isinstance(driver, WaitingDriver) else ""
            typer.echo(waits or recorder.progress, err=True)

    name = driver_name(driver)
    report_background_errors(name, partial(typer.echo, err=True))
    reporting = asyncio.create_task(report())
    try:
        async with (
            asyncio.timeout(seconds) as limit,
            OpenedBike(name, partial(driver.open_bike, recorder.record), clock) as readings,
        ):
            async for _ in readings:
                pass
    except TimeoutError:
        if not limit.expired():
            raise  # a time-out of the driver itself
    finally:
        reporting.cancel()
