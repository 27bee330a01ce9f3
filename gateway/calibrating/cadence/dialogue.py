"""A cadence check, from the first turn of the cranks to saving a scale."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

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
from gateway.calibrating.prompt import AnswerSource
from gateway.calibrating.scaled import refusal, rescaled_record, save_scaled
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationState
from gateway.calibrating.view.ride import ride_event
from gateway.sampling.calibration_record import CalibrationRecord
from gateway.terminal.live import LiveView
from gateway.timing.clock import GatewayClock

_WITHOUT_ANSWERS = (
    "cannot ask without a terminal; add --yes to save a scale of 0.1, 0.5, 1 or 2, or "
    "answer the question with --answers FILE"
)

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
            why_not = await refusal(ride, answers, question(result), _WITHOUT_ANSWERS)
            if why_not is not None:
                view.tell(ride_event("not_saved", f"not saved: {why_not}"))
                return False
        record = rescaled(session.state, result, datetime.now(UTC))
        await save_scaled(session, view, record, command, scale=result.scale)
        return True


def rescaled(state: CalibrationState, result: CadenceResult, now: datetime) -> CalibrationRecord:
    """Return the calibration in use, with the scale of the result.

    The new scale replaces the present one, because unscaled cadences were measured.
    """
    assert result.scale is not None
    last = result.measurements[-1]
    conditions = {"rate_hz": round(last.rate_hz, 2), "cadence_rpm": round(last.true_rpm, 1)}
    return rescaled_record(state, now, {"cadence_scale": result.scale}, conditions)


async def _result(ride: CadenceRide, way: Way, scale_in_force: float) -> CadenceResult:
    try:
        return judge(await way(ride), scale_in_force)
    except NotUsable as error:
        return not_usable(str(error))
