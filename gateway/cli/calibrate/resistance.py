"""`calibrate BIKE`: the guided calibration of its resistance."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.calibrate.fake import FakeOption
from gateway.cli.calibrate.session import (
    AnswersOption,
    BikeArgument,
    ConfigOption,
    JsonOption,
    SessionOptions,
    run_guided,
)
from gateway.cli.exits import fail
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED, USAGE

if TYPE_CHECKING:
    from gateway.calibrating.guided.capture import GuidedContext
    from gateway.calibrating.guided.resistance import Saved
    from gateway.calibrating.measuring.guide import Target

PointsOption = Annotated[
    str | None,
    typer.Option(
        metavar="N | 0,10,…",
        help="How many points, or at which percentages; the default is 0,25,50,75,100.",
    ),
]
BothWaysOption = Annotated[
    bool,
    typer.Option(
        "--both-ways",
        help="Capture each position turning up and turning down, for knobs with play.",
    ),
]
PictureOption = Annotated[
    Path | None, typer.Option(metavar="FILE.svg", help="Draw the saved curve into this file.")
]


def resistance(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    points: PointsOption = None,
    both_ways: BothWaysOption = False,
    answers: AnswersOption = None,
    json: JsonOption = False,
    fake_bike: FakeOption = False,
    picture: PictureOption = None,
) -> None:
    """Calibrate the resistance at several positions of the knob.

    Turn the knob to each percentage; the point is captured when you hold the knob still. The new
    curve takes effect when you accept it, and is kept only if you save it. If the bike has its own
    resistance table, as Pelotons do, that table is shown and verified instead, unless you give
    --points. The exit code is 1 if nothing was saved, or if the table is wrong.
    """
    from gateway.calibrating.guided.resistance import Saved, verify_or_calibrate

    asked = _targets(points, both_ways=both_ways)
    if picture is not None and picture.suffix != ".svg":
        fail(f"--picture {picture}: expected a file name that ends in .svg", USAGE)

    async def act(context: "GuidedContext") -> Saved | bool:
        with kept_for_import(context.command):
            return await verify_or_calibrate(context, asked, is_chosen=points is not None)

    done = run_guided(bike, SessionOptions(config, answers, json, fake_bike), act)
    if not done:
        raise typer.Exit(FAILED)
    if picture is not None and isinstance(done, Saved):
        _draw(picture, done)


def _targets(points: str | None, *, both_ways: bool) -> "tuple[Target, ...]":
    from gateway.calibrating.measuring.guide import DEFAULT_PERCENTS, targets

    try:
        if points is None:
            return targets(DEFAULT_PERCENTS, both_ways=both_ways)
        if points.isdigit():
            return targets(int(points), both_ways=both_ways)
        return targets([float(one) for one in points.split(",")], both_ways=both_ways)
    except ValueError as error:
        fail(f"--points {points}: {error}; examples: --points 11, --points 0,10,30,100", USAGE)


@contextmanager
def kept_for_import(command: Callable[[str], str]) -> Iterator[None]:
    """Write the points to a file for `import` if the session fails after their capture."""
    from gateway.calibrating.guided.resistance import UnsavedError
    from gateway.calibrating.state import CalibrationError
    from gateway.sampling.calibration_record import record_to_json

    try:
        yield
    except UnsavedError as error:
        bike_id = error.record.bike_id
        file = Path(f"{bike_id}.calibration.json")
        try:
            file.write_text(record_to_json(error.record), encoding="utf-8")
        except OSError:
            raise error from None
        raise CalibrationError(
            f"{error}\nThe captured points are in {file}; when the problem is solved, import "
            f"them: {command(f'calibrate import {bike_id} {file}')}"
        ) from error


def _draw(file: Path, saved: "Saved") -> None:
    from gateway.calibrating.view.svg import curve_picture

    try:
        file.write_text(curve_picture(saved.record, saved.old), encoding="utf-8")
    except OSError as error:
        fail(
            f"cannot write {file}: {error.strerror}; the calibration is saved, the picture is not",
            FAILED,
        )
