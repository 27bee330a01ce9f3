"""Records with a new scale, which a check offers to save."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from typing import Any

from gateway.calibrating.prompt import AnswerSource, Question
from gateway.calibrating.ride import MeasuredRide
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationState
from gateway.calibrating.view.ride import ride_event
from gateway.sampling.calibration_record import CalibrationRecord, CapturedPoint, made_now
from gateway.terminal.live import LiveView

YES = "yes"
_WORDS = {"y": YES, "n": "no"}


def rescaled_record(
    state: CalibrationState,
    now: datetime,
    scales: dict[str, float],
    conditions: dict[str, float],
) -> CalibrationRecord:
    """Return the calibration in use, with the `scales` replaced.

    `conditions` are those of the measurement; a record of points keeps those of its points.
    """
    made_by = f"alleycat-gateway {version('alleycat-gateway')}"
    made: dict[str, Any] = {"made_at": made_now(now), "made_by": made_by, **scales}
    if state.record is not None and not state.problem:
        return replace(state.record, **made)
    # A saved record overrides the config's points, so it must contain them.
    in_use = state.in_use
    points = () if in_use.table is None else in_use.table.points
    return CalibrationRecord(
        bike_id=state.bike_id,
        device=state.device,
        quantity=in_use.quantity,
        points=tuple(CapturedPoint(percent, raw, noise=0, samples=1) for raw, percent in points),
        **(made | conditions),
    )


async def refusal(
    ride: MeasuredRide[Any], answers: AnswerSource | None, question: str, without_answers: str
) -> str | None:
    """Ask whether to save; return why not, or None if it is to be saved.

    `without_answers` is the reason if nothing can be asked.
    """
    if answers is None:
        return without_answers
    word = await ride.ask(answers, Question(question, _WORDS))
    if word is None:
        return "the question was not answered"
    return None if word == YES else "you answered no"


async def save_scaled(
    session: CalibrationSession,
    view: LiveView[Any],
    record: CalibrationRecord,
    command: Callable[[str], str],
    **scales: float,
) -> None:
    """Save `record`, and show that the `scales` are in use, and how to undo it."""
    verb = "rollback" if session.state.record else "reset"
    file = await session.save(record)
    back = command(f"calibrate {verb} {record.bike_id}")
    words = f"saved in {file} and in use now\nto undo: {back}"
    view.tell(ride_event("saved", words, **scales, file=str(file)))
