"""Example screens of a calibration, and their lines on a console of a given size."""

import io
from typing import Any

from rich.console import Console, RenderableType

from gateway.bike.link import LinkState
from gateway.calibrating.prompt import Question
from gateway.calibrating.view.screen import LiveFigures, Review, Screen, ShownTarget, Step
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import failed, ok, warning
from tests.support.calibrations import POINTS, record

FIGURES = LiveFigures(
    raw=437,
    filtered=436.84,
    noise=1.13,
    percent=25.04,
    rate_hz=10.2,
    age_s=0.08,
    cadence_rpm=61.4,
    power_w=103,
    link=LinkState.CONNECTED,
)
KEYS = {"enter": "capture now", "r": "redo", "s": "skip", "q": "quit"}
QUESTION = Question("use it?", {"y": "accept", "enter": "accept", "q": "quit"})
OLD = Calibration(CalibrationTable([(100, 0), (1000, 100)]))
FINDINGS = (
    ok("samples", "each point has 20 or more"),
    ok("order", "raw values rise all along"),
    warning("hysteresis", "up and down differ by 3.1 points at 50 %", "hold still for longer"),
    failed("span", "no more than noise"),
)


def targets(
    count: int = 5, captured: int = 2, *, both_ways: bool = False
) -> tuple[ShownTarget, ...]:
    """Return targets in order, up and then down; the first `captured` are captured."""
    percents = [100 * n / (count - 1) for n in range(count)]
    wanted = [ShownTarget(percent) for percent in percents]
    if both_ways:
        wanted += [ShownTarget(percent, "down") for percent in reversed(percents)]
    return tuple(
        ShownTarget(one.percent, one.direction, point_of(one)) if n < captured else one
        for n, one in enumerate(wanted)
    )


def point_of(target: ShownTarget) -> CapturedPoint:
    raw = 150 + 8 * target.percent + (9 if target.direction == "down" else 0)
    return CapturedPoint(target.percent, raw, 1.13, 24, target.direction)


def screen(**changed: Any) -> Screen:
    fields: dict[str, Any] = {
        "bike_id": "bike-1",
        "figures": FIGURES,
        "step": Step(3, 5, "turn to 50 %, then hold still", "holding still", 0.62),
        "targets": targets(),
        "last": "captured 350 (24 samples, noise 1.1)",
        "keys": KEYS,
    }
    return Screen(**{**fields, **changed})


def review(points: tuple[CapturedPoint, ...] = POINTS, **changed: Any) -> Review:
    fields: dict[str, Any] = {
        "record": record(points=points, cadence_scale=changed.pop("cadence_scale", 1.0)),
        "old": OLD,
        "old_from": "the config's points",
        "findings": FINDINGS,
        "question": QUESTION.text,
        "keys": QUESTION.words,
        "here": 500,
    }
    return Review(**{**fields, **changed})


def console(width: int = 80, height: int = 24) -> Console:
    return Console(file=io.StringIO(), width=width, height=height, color_system=None)


def lines_of(renderable: RenderableType, width: int = 80, height: int = 24) -> list[str]:
    shown = console(width, height)
    shown.print(renderable)
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue().removesuffix("\n").split("\n")
