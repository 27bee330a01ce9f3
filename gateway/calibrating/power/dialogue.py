"""A power check, from the first turn of the cranks to saving a correction."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.measuring.power import (
    PowerPair,
    PowerResult,
    PowerVerdict,
    judge_power,
    power_not_usable,
)
from gateway.calibrating.measuring.power_words import power_data, power_question, power_sentence
from gateway.calibrating.power.ride import PowerRide
from gateway.calibrating.power.view import PowerScreen
from gateway.calibrating.prompt import AnswerSource
from gateway.calibrating.scaled import refusal, rescaled_record, save_scaled
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.view.ride import ride_event
from gateway.sampling.calibration import Calibration
from gateway.terminal.live import LiveView
from gateway.timing.clock import GatewayClock

#: A way to measure the true power.
PowerWay = Callable[[PowerRide], Awaitable[list[PowerPair]]]

_WITHOUT_ANSWERS = (
    "cannot ask without a terminal; add --yes to save without a question, or answer it with "
    "--answers FILE"
)


async def check_power(
    session: CalibrationSession,
    clock: GatewayClock,
    view: LiveView[PowerScreen],
    way: PowerWay,
    answers: AnswerSource | None,
    *,
    saves: bool,
    command: Callable[[str], str] = "alleycat-gateway {}".format,
) -> bool:
    """Check the power, offer to save a correction, and return whether the power is right now.

    Without `answers` no question can be asked. `saves`: save a correction without asking.
    `command` returns the command for words such as "calibrate bike-001".
    Raises CalibrationError if the session ends or saving fails, and what `answers` raises.
    """
    async with PowerRide(session, clock, view) as ride:
        result = await _result(ride, way, session.state.in_use)
        view.tell(ride_event("result", power_sentence(result), **power_data(result)))
        if not result.is_change:
            return result.verdict is PowerVerdict.FINE
        if not saves:
            why_not = await refusal(ride, answers, power_question(result), _WITHOUT_ANSWERS)
            if why_not is not None:
                view.tell(ride_event("not_saved", f"not saved: {why_not}"))
                return False
        # The new correction replaces the present one, because uncorrected powers were measured.
        scales = {"power_scale": result.scale, "power_offset_w": result.offset_w}
        record = rescaled_record(session.state, datetime.now(UTC), scales, {})
        await save_scaled(
            session, view, record, command, scale=result.scale, offset_w=result.offset_w
        )
        return True


async def _result(ride: PowerRide, way: PowerWay, in_force: Calibration) -> PowerResult:
    try:
        return judge_power(await way(ride), in_force)
    except NotUsable as error:
        return power_not_usable(str(error))
