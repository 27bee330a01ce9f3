"""A cadence check, from the first turn of the cranks to saving a scale."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from gateway.calibrating.cadence.ride import CadenceRide
from gateway.calibrating.cadence.view import CadenceScreen
from gateway.calibrating.measuring.cadence import (
    CadenceResult,
    CadenceVerdict,
    Measurement,
    NotUsable,
    judge,
    not_usable,
)
from gateway.calibrating.measuring.cadence_words import as_data, question, sentence
from gateway.calibrating.prompt import AnswerSource, Question
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationState
from gateway.calibrating.view.ride import ride_event
from gateway.sampling.calibration_record import CalibrationRecord, CapturedPoint, made_now
from gateway.terminal.live import LiveView
from gateway.timing.clock import GatewayClock

YES = "yes"
_WORDS = {"y": YES, "n": "no"}

#: A way to measure the true cadence.
Way = Callable[[CadenceRide], Awaitable[list[Measurement]]]


async def check_cadence(
    session: CalibrationSession,
    clock: GatewayClock,
    view: LiveView[CadenceScreen],
    way: Way,
    answers: AnswerSource | None,
    *,
    saves_ratio: bool,
    command: Callable[[str], str] = "alleycat-gateway {}".format,
) -> bool:
    """Check the cadence, offer to save a scale, and return whether the cadence is right now.

    Without `answers` no question can be asked. `saves_ratio`: save a plain ratio without asking.
    `command` returns the command for words such as "calibrate bike-001".
    Raises CalibrationError if the session ends or saving fails, and what `answers` raises.
    """
    async with CadenceRide(session, clock, view) as ride:
        result = await _result(ride, way, session.state.in_use.cadence_scale)
        view.tell(ride_event("result", sentence(result), **as_data(result)))
        if result.scale is None:
            return result.verdict is CadenceVerdict.FINE
        if not (saves_ratio and result.verdict is CadenceVerdict.RATIO):
            refusal = await _refusal(ride, answers, result)
            if refusal is not None:
                view.tell(ride_event("not_saved", f"not saved: {refusal}"))
                return False
        before = session.state
        file = await session.save(rescaled(before, result, datetime.now(UTC)))
        verb = "rollback" if before.record else "reset"
        back = command(f"calibrate {verb} {before.bike_id}")
        words = f"saved in {file} and in use now\nto undo: {back}"
        view.tell(ride_event("saved", words, scale=result.scale, file=str(file)))
        return True


def rescaled(state: CalibrationState, result: CadenceResult, now: datetime) -> CalibrationRecord:
    """Return the calibration in use, with the scale of the result.

    The new scale replaces the present one, because unscaled cadences were measured.
    """
    assert result.scale is not None
    made_by = f"alleycat-gateway {version('alleycat-gateway')}"
    if state.record is not None and not state.problem:
        return replace(
            state.record, cadence_scale=result.scale, made_at=made_now(now), made_by=made_by
        )
    # A saved record overrides the config's points, so it must contain them.
    table, last = state.in_use.table, result.measurements[-1]
    points = () if table is None else table.points
    return CalibrationRecord(
        bike_id=state.bike_id,
        device=state.device,
        made_at=made_now(now),
        made_by=made_by,
        quantity=state.in_use.quantity,
        points=tuple(CapturedPoint(percent, raw, noise=0, samples=1) for raw, percent in points),
        cadence_scale=result.scale,
        rate_hz=round(last.rate_hz, 2),
        cadence_rpm=round(last.true_rpm, 1),
    )


async def _result(ride: CadenceRide, way: Way, scale_in_force: float) -> CadenceResult:
    try:
        return judge(await way(ride), scale_in_force)
    except NotUsable as error:
        return not_usable(str(error))


async def _refusal(
    ride: CadenceRide, answers: AnswerSource | None, result: CadenceResult
) -> str | None:
    """Ask whether to save the scale; return why not, or None if it is to be saved."""
    if answers is None:
        return (
            "cannot ask without a terminal; add --yes to save a scale of 0.1, 0.5, 1 or 2, or "
            "answer the question with --answers FILE"
        )
    word = await ride.ask(answers, Question(question(result), _WORDS))
    if word is None:
        return "the question was not answered"
    return None if word == YES else "you answered no"
