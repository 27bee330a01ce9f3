"""The events of a calibration on a page: what a terminal shows, as JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from gateway.calibrating.view.scales import scale_changes
from gateway.calibrating.view.screen import (
    LiveFigures,
    Review,
    Screen,
    ShownTarget,
    Step,
    compared_words,
    comparisons,
)
from gateway.calibrating.view.script import ReviewPage, Shown
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import Finding
from gateway.terminal.live import Event
from gateway.web.hub import event

#: A curve as (the bike's number, percent), or None if there is none.
Curve = Sequence[tuple[float, float]] | None


@dataclass(frozen=True, slots=True)
class ScreenEvent:
    """One moment of the dialogue. `answers` are the words that `question` accepts."""

    question: str
    answers: Sequence[str]
    figures: LiveFigures
    step: Step | None
    targets: Sequence[ShownTarget]
    curve: Curve
    last: str


@dataclass(frozen=True, slots=True)
class ReviewEvent:
    """The calibration before it is accepted: old and new curve, and all checks, in words."""

    question: str
    answers: Sequence[str]
    points: Sequence[CapturedPoint]
    curve: Curve
    old_curve: Curve
    old_from: str
    here: float | None
    findings: Sequence[Finding]
    #: What changes, in words.
    changes: Sequence[str]


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """Something that is in no screen, such as a spot that was checked."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Outcome(StrEnum):
    """The end of a dialogue."""

    SAVED = "saved"
    #: The user discarded the calibration.
    QUIT = "quit"
    #: The bike's own table is right, or wrong.
    RIGHT = "right"
    WRONG = "wrong"
    FAILED = "failed"
    #: No page followed the dialogue any more.
    LEFT = "left"
    #: The gateway was stopped.
    STOPPED = "stopped"
    #: The gateway does not know this dialogue: it has been started again since.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DialogueEnd:
    """The end of a dialogue, and why it failed.

    `file`: the captured points as `calibrate import` reads them, if they are not saved.
    """

    outcome: Outcome
    why: str = ""
    file: str = ""


#: What to do about a finding on a page, where the terminal's advice names an option of its command.
REMEDIES = {"bends": "next time choose more points"}

#: Each event by its name.
EVENTS: Mapping[str, TypeAdapter[Any]] = {
    "screen": TypeAdapter(ScreenEvent),
    "review": TypeAdapter(ReviewEvent),
    "told": TypeAdapter(ToldEvent),
    "end": TypeAdapter(DialogueEnd),
}
#: The first event that a page receives: all earlier ones follow again.
HELLO = event("hello", b"{}")
#: The event that is sent when there is no other.
BEAT = event("beat", b"{}")


def shown_event(shown: Shown) -> bytes:
    if isinstance(shown, ReviewPage):
        return _event("review", _review(shown.review))
    return _event("screen", _screen(shown))


def told_event(told: Event) -> bytes:
    return _event("told", ToldEvent(told.kind, told.data))


def end_event(end: DialogueEnd) -> bytes:
    return _event("end", end)


def _event(name: str, data: object) -> bytes:
    return event(name, EVENTS[name].dump_json(data))


#: The end of a dialogue that the gateway does not know.
UNKNOWN = end_event(DialogueEnd(Outcome.UNKNOWN))


def _screen(shown: Screen) -> ScreenEvent:
    return ScreenEvent(
        question="" if shown.step is None else shown.step.instruction,
        answers=_answers(shown.keys),
        figures=shown.figures,
        step=shown.step,
        targets=shown.targets,
        curve=_curve(shown.table),
        last=shown.last,
    )


def _review(review: Review) -> ReviewEvent:
    compared = comparisons(review.table, review.old_table)
    return ReviewEvent(
        question=review.question,
        answers=_answers(review.keys),
        points=review.record.points,
        curve=_curve(review.table),
        old_curve=_curve(review.old_table),
        old_from=review.old_from,
        here=review.here,
        findings=[_on_page(one) for one in review.findings],
        changes=[*map(compared_words, compared), *scale_changes(review.old, review.record)],
    )


def _on_page(finding: Finding) -> Finding:
    return replace(finding, remedy=finding.remedy and REMEDIES.get(finding.name, finding.remedy))


def _answers(keys: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(keys.values()))


def _curve(table: CalibrationTable | None) -> Curve:
    return None if table is None else table.points
