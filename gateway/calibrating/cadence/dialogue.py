"""A cadence check from the first turn of the cranks to the scale that is saved, or not."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from gateway.calibrating.cadence.ride import CadenceRide
from gateway.calibrating.cadence.view import CadenceScreen, cadence_event
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
from gateway.sampling.calibration_record import CalibrationRecord, CapturedPoint, made_now
from gateway.terminal.live import LiveView
from gateway.timing.clock import GatewayClock

YES = "yes"
_WORDS = {"y": YES, "n": "no"}

#: One of the ways to come by the truth.
Way = Callable[[CadenceRide], Awaitable[list[Measurement]]]


async def check_cadence(
    session: CalibrationSession,
    clock: GatewayClock,
    view: LiveView[CadenceScreen],
    way: Way,
    answers: AnswerSource | None,
    *,
    saves_ratio: bool,
) -> bool:
    """Whether the race's cadence is right now: it was, or the scale for it is saved.

    `answers`: who is asked; None: nobody is there. `saves_ratio`: a plain ratio is saved unasked.
    Raises CalibrationError when the session ends or does not save, and what `answers` does.
    """
    async with CadenceRide(session, clock, view) as ride:
        result = await _result(ride, way, session.state.in_use.cadence_scale)
        view.tell(cadence_event("result", sentence(result), **as_data(result)))
        if result.scale is None:
            return result.verdict is CadenceVerdict.FINE
        if not (saves_ratio and result.verdict is CadenceVerdict.RATIO):
            refusal = await _refusal(ride, answers, result)
            if refusal is not None:
                view.tell(cadence_event("not_saved", f"not saved: {refusal}"))
                return False
        before = session.state
        file = await session.save(rescaled(before, result, datetime.now(UTC)))
        back = f"alleycat-gateway calibrate {'rollback' if before.record else 'reset'}"
        words = f"saved in {file}, and in use\nto take it back: {back} {before.bike_id}"
        view.tell(cadence_event("saved", words, scale=result.scale, file=str(file)))
        return True


def rescaled(state: CalibrationState, result: CadenceResult, now: datetime) -> CalibrationRecord:
    """What holds, with the result's scale in place of its own.

    The scale replaces the one in force: what was measured is what the bike itself says.
    """
    assert result.scale is not None
    made_by = f"alleycat-gateway {version('alleycat-gateway')}"
    if state.record is not None and not state.problem:
        return replace(
            state.record, cadence_scale=result.scale, made_at=made_now(now), made_by=made_by
        )
    # A record holds before the config's points: it takes them along.
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
    """Why it is not to be saved; None if it is."""
    if answers is None:
        return "there is no terminal to ask at; expected --yes for a plain ratio, or --answers"
    word = await ride.ask(answers, Question(question(result), _WORDS))
    if word is None:
        return "nobody answered"
    return None if word == YES else "as you wish"
