"""The guided calibration of a bike's resistance: capture, review, try out, save.

It knows no display: a terminal and a page show the same screens, and answer the same questions.

Nothing changes until the user accepts the curve, the change is temporary until it is saved, and the
calibration saved before is kept as a backup.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from drivers import Reading
from gateway.calibrating.guided.capture import QUIT, REDO, Capture, GuidedContext, Quit
from gateway.calibrating.guided.verify import verify_own_table
from gateway.calibrating.measuring.checks import check_points, is_acceptable
from gateway.calibrating.measuring.guide import Target
from gateway.calibrating.prompt import Prompt, Question
from gateway.calibrating.state import CalibrationError, LinkStatus
from gateway.calibrating.view.screen import Review
from gateway.calibrating.view.script import ReviewPage
from gateway.calibrating.view.summary import origin_words
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.calibration_record import CalibrationRecord, made_now
from gateway.terminal.live import Event

ACCEPT, SAVE, UNDO, MORE = "accept", "save", "undo", "more"
REVIEW_KEYS = {"y": ACCEPT, "r": REDO, "q": QUIT}
#: The key that turns the page; without a second page it does nothing.
MORE_KEYS = {" ": MORE}

TRY = Question(
    "the new curve is in use, even in a race: turn the knob to check it",
    {"s": SAVE, "u": UNDO, "q": QUIT},
)


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved calibration and its file; `old`: the table that was in use before."""

    record: CalibrationRecord
    file: Path
    old: CalibrationTable | None


class UnsavedError(CalibrationError):
    """A session that failed after the capture. `record` contains the points, to be imported."""

    def __init__(self, why: str, record: CalibrationRecord) -> None:
        super().__init__(why)
        self.record = record


async def verify_or_calibrate(
    context: GuidedContext, asked: Sequence[Target], *, is_chosen: bool
) -> Saved | bool:
    """Verify the bike's own table, or calibrate a bike that has none; return whether it is right.

    `is_chosen`: the user chose the targets, so calibrate the bike even if it has a table. Raises
    as `calibrate_resistance` does.
    """
    is_right = None if is_chosen else await verify_own_table(context)
    return await calibrate_resistance(context, asked) if is_right is None else is_right


async def calibrate_resistance(context: GuidedContext, asked: Sequence[Target]) -> Saved:
    """Calibrate from the first point to the saved file.

    Raises Quit, CalibrationError, and what the answers raise; UnsavedError once all points are
    captured.
    """
    async with context.prompt() as prompt:
        capture = Capture(context, prompt, asked)
        while True:
            await capture.run()
            record = record_of(context, capture)
            old = _in_use(context, record)
            try:
                if await _review(context, prompt, capture, Review(record, *old)) == REDO:
                    capture.redo()
                elif (file := await _try_out(context, capture, record)) is not None:
                    return Saved(record, file, old[0].table)
            except CalibrationError as error:
                raise UnsavedError(str(error), record) from error


def _in_use(context: GuidedContext, record: CalibrationRecord) -> tuple[Calibration, str]:
    """Return the calibration that is used for the record's number, and its source."""
    state = context.session.state
    table = state.percent_table(record.quantity)
    return replace(state.in_use, table=table, quantity=record.quantity), origin_words(state)


def record_of(context: GuidedContext, capture: Capture) -> CalibrationRecord:
    """Return a record of the captured points and conditions; keep the other scales."""
    state, signal = context.session.state, capture.guide.signal
    cadence_rpm = capture.builder.cadence_rpm
    return CalibrationRecord(
        bike_id=state.bike_id,
        device=state.device,
        made_at=made_now(datetime.now(UTC)),
        made_by=f"alleycat-gateway {version('alleycat-gateway')}",
        quantity=capture.builder.quantity or "raw",
        points=capture.guide.captured,
        cadence_scale=state.in_use.cadence_scale,
        power_scale=state.in_use.power_scale,
        power_offset_w=state.in_use.power_offset_w,
        rate_hz=round(signal.rate_hz(context.clock.monotonic_ns()), 1),
        cadence_rpm=None if cadence_rpm is None else round(cadence_rpm, 1),
    )


async def _review(context: GuidedContext, prompt: Prompt, capture: Capture, review: Review) -> str:
    """Return ACCEPT or REDO; ACCEPT only if the points can be used."""
    findings = tuple(check_points(review.record.points))
    is_good = is_acceptable(findings)
    text = "these points cannot be used"
    if is_good:
        text = "use this curve? It takes effect at once, and can be undone"
    keys = {key: word for key, word in REVIEW_KEYS.items() if is_good or word != ACCEPT}
    review = replace(review, findings=findings, question=text, keys=keys)
    page = 0
    while True:
        review = replace(review, here=capture.guide.signal.filtered)
        context.view.show(ReviewPage(review, page), context.clock.monotonic_ns())
        word = await _answer(context, prompt, capture, Question(text, keys | MORE_KEYS))
        if word != MORE:
            return word
        page += 1


async def _answer(
    context: GuidedContext, prompt: Prompt, capture: Capture, question: Question
) -> str:
    """Return the answer; process Readings meanwhile, so that later screens are up to date."""
    while True:
        happened = await prompt.next(question, context.answers)
        if happened == QUIT:
            raise Quit
        if isinstance(happened, str):
            return happened
        if isinstance(happened, Reading | LinkStatus):
            capture.hear(happened)


async def _try_out(
    context: GuidedContext, capture: Capture, record: CalibrationRecord
) -> Path | None:
    """Return the file once it is saved, or None if the trial is undone. Saving can be retried."""
    await context.session.try_out(record)
    while True:
        word = await capture.hear_or(TRY, record.calibration)
        if word == UNDO:
            await context.session.undo()
            return None
        if word == SAVE:
            try:
                return await _save(context, record)
            except CalibrationError as error:
                capture.say(f"not saved: {error}; try again")


async def _save(context: GuidedContext, record: CalibrationRecord) -> Path:
    had = context.session.state.record is not None
    file = await context.session.save(record)
    back = context.command(f"calibrate rollback {record.bike_id}")
    backup = f"; to restore the previous one: {back}" if had else ""
    words = f"saved in {file} and in use now{backup}"
    context.view.tell(Event("saved", words, {"file": str(file)}))
    return file
