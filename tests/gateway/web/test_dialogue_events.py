"""The events of a calibration on a page."""

import json
from typing import Any

from gateway.calibrating.measuring.checks import check_points
from gateway.calibrating.view.screen import LiveFigures, Review, Screen, ShownTarget, Step
from gateway.calibrating.view.script import ReviewPage
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.terminal.finding import ok, warning
from gateway.terminal.keyboard import ENTER
from gateway.terminal.live import Event
from gateway.web.dialogue_events import UNKNOWN, shown_event, told_event
from tests.support.calibrations import POINTS, record


def data_of(event: bytes) -> Any:
    return json.loads(event.partition(b"data: ")[2])


def test_screen_has_its_question_and_the_curve_so_far() -> None:
    shown = tuple(ShownTarget(point.percent, point=point) for point in POINTS[:2])
    step = Step(3, 5, "turn to 50 %, then hold still", "holding still", 0.5)
    keys = {ENTER: "capture", "q": "quit"}
    data = data_of(shown_event(Screen("bike-1", LiveFigures(raw=803), step, shown, keys=keys)))
    assert (data["question"], data["answers"]) == (step.instruction, ["capture", "quit"])
    assert data["curve"] == [[164, 0], [511, 25]]
    assert (data["figures"]["raw"], data["step"]["hold"]) == (803, 0.5)


def test_review_has_both_curves_and_the_checks_in_words() -> None:
    old = Calibration(CalibrationTable([(100, 0), (1000, 100)]))
    review = Review(record(), old, "the config's points", (ok("order", "it rises"),))
    data = data_of(shown_event(ReviewPage(review)))
    assert data["curve"] == [[point.raw, point.percent] for point in POINTS]
    assert data["old_curve"] == [[100, 0], [1000, 100]]
    assert data["findings"] == [{"name": "order", "state": "ok", "what": "it rises", "remedy": ""}]
    assert data["changes"][0] == "raw 164: was 7.1 %, will be 0.0 %"


def test_advice_in_a_review_is_for_a_page() -> None:
    old = Calibration(CalibrationTable([(100, 0), (1000, 100)]))
    (bends,) = (one for one in check_points(POINTS) if one.name == "bends")
    assert "--points" in bends.remedy
    findings = (bends, ok("bends", "none"), warning("ends", "one is missing", "turn to it"))
    shown = data_of(shown_event(ReviewPage(Review(record(), old, "", findings))))["findings"]
    remedies = [one["remedy"] for one in shown]
    assert remedies == ["next time choose more points", "", "turn to it"]


def test_other_events_have_their_data() -> None:
    told = told_event(Event("spot", "words for a terminal", {"percent": 25}))
    assert told.startswith(b"event: told\n")
    assert data_of(told) == {"kind": "spot", "data": {"percent": 25}}
    assert data_of(UNKNOWN)["outcome"] == "unknown"
