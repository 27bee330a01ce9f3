"""The calibration page on a stage, and what a person with one hand on the knob may see there."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from playwright.sync_api import Page, expect

from gateway.bike.link import LinkState
from gateway.calibrating.guided.capture import KEYS
from gateway.calibrating.guided.resistance import REVIEW_KEYS, TRY
from gateway.calibrating.measuring.checks import check_points
from gateway.calibrating.view.screen import (
    LiveFigures,
    Review,
    Screen,
    ShownTarget,
    Step,
    captured_words,
)
from gateway.calibrating.view.script import ReviewPage
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint, record_to_json
from gateway.terminal.live import Event
from gateway.web.dialogue_events import (
    DialogueEnd,
    Outcome,
    end_event,
    shown_event,
    told_event,
)
from tests.browser.stage import Stage
from tests.support.calibrations import POINTS, record
from tests.support.screens import FIGURES

OLD = Calibration(CalibrationTable([(120, 0), (540, 30), (1010, 100)]))
OLD_FROM = "the calibration of 2026-11-02"
#: Two points in the wrong order, with which the gateway cannot work.
CROSSED = (*POINTS[:2], replace(POINTS[2], raw=914), replace(POINTS[3], raw=803), POINTS[4])
BOTH_WAYS = (*POINTS, *(replace(one, raw=one.raw + 9, direction="down") for one in POINTS[-2::-1]))
UNSAVED = "/var/lib/alleycat-gateway/calibration: No space left on device: nothing was changed"

NEW: Mapping[str, Any] = {
    "bike_id": "bike-1",
    "in_use": "the bike's own numbers",
    "problem": "",
    "curve": None,
    "backups": [],
}
CALIBRATED = {
    **NEW,
    "in_use": "the calibration of 2026-11-21",
    "curve": [[point.raw, point.percent] for point in POINTS],
    "backups": [{"number": 1, "made_at": "2026-11-02T09:15:00+00:00"}],
}
STARTED = {"dialogue": "dialogue-1"}
REFUSED = {"error": "bike-1 is being calibrated in another session; end that session first"}


@dataclass(frozen=True)
class CalibrationScene:
    """What the gateway answers and sends, and whether it goes away after it.

    `state`: before the dialogue, which starts if there are `events`, and after it.
    """

    state: Mapping[str, Any] = field(default_factory=lambda: NEW)
    started: Mapping[str, Any] = field(default_factory=lambda: STARTED)
    events: tuple[bytes, ...] = ()
    is_gone: bool = False


def shown_targets(
    captured: int, points: tuple[CapturedPoint, ...] = POINTS
) -> tuple[ShownTarget, ...]:
    return tuple(
        ShownTarget(one.percent, one.direction, one if number < captured else None)
        for number, one in enumerate(points)
    )


def turning(
    captured: int = 2,
    hold: float = 0.0,
    points: tuple[CapturedPoint, ...] = POINTS,
    **changed: Any,
) -> bytes:
    """Return the screen that asks for the next target."""
    target = points[captured]
    way = {"up": "", "down": "down "}[target.direction]
    step = Step(
        captured + 1,
        len(points),
        f"turn {way}to {target.percent:g} %, then hold still",
        "holding still" if hold else "turn the knob",
        hold,
    )
    fields: dict[str, Any] = {
        "bike_id": "bike-1",
        "figures": replace(FIGURES, raw=803, filtered=803, percent=50.2 if hold else 31.2),
        "step": step,
        "targets": shown_targets(captured, points),
        "last": captured_words(points[captured - 1]) if captured else "",
        "keys": KEYS,
    }
    return shown_event(Screen(**{**fields, **changed}))


def reviewing(points: tuple[CapturedPoint, ...] = POINTS, old: Calibration = OLD) -> bytes:
    """Return the review of these points."""
    findings = tuple(check_points(points))
    is_good = points is not CROSSED
    text = "these points cannot be used"
    if is_good:
        text = "use this curve? It takes effect at once, and can be undone"
    keys = {key: word for key, word in REVIEW_KEYS.items() if is_good or word != "accept"}
    review = Review(record(points=points), old, OLD_FROM, findings, text, keys, here=803)
    return shown_event(ReviewPage(review))


def trying(last: str = "") -> bytes:
    """Return the screen of a calibration that is on trial."""
    return shown_event(
        Screen(
            "bike-1",
            replace(FIGURES, raw=858, filtered=858, percent=62.4),
            Step(5, 5, TRY.text),
            shown_targets(5),
            last or captured_words(POINTS[-1]),
            TRY.words,
        )
    )


def verifying() -> bytes:
    """Return the screen that checks the bike's own table."""
    asked = tuple(ShownTarget(percent) for percent in (25, 50, 75))
    step = Step(1, 3, "turn to 25 %, then hold still", "turn the knob", 0.0)
    return shown_event(Screen("bike-1", FIGURES, step, asked, keys=KEYS))


LOST = LiveFigures(link=LinkState.LOST, reason="the bike stopped sending")
CAPTURED = (turning(2, 0.95), turning(3))

CALIBRATION_SCENES = {
    "new": CalibrationScene(),
    "in-use": CalibrationScene(CALIBRATED),
    "refused": CalibrationScene(started=REFUSED),
    "turn": CalibrationScene(events=(turning(),)),
    "hold": CalibrationScene(events=(turning(hold=0.62),)),
    "captured": CalibrationScene(events=CAPTURED),
    "both-ways": CalibrationScene(events=(turning(6, points=BOTH_WAYS),)),
    "lost": CalibrationScene(events=(turning(figures=LOST),)),
    "review": CalibrationScene(CALIBRATED, events=(reviewing(),)),
    "first-review": CalibrationScene(events=(reviewing(old=Calibration(None)),)),
    "unusable": CalibrationScene(events=(reviewing(CROSSED),)),
    "trial": CalibrationScene(events=(trying(),)),
    "not-saved": CalibrationScene(
        events=(trying(), trying(f"not saved: {UNSAVED}; try again")),
    ),
    "own-table": CalibrationScene(
        events=(told_event(Event("verify", "", {"holds": OLD_FROM})), verifying()),
    ),
    "saved": CalibrationScene(CALIBRATED, events=(trying(), end_event(DialogueEnd(Outcome.SAVED)))),
    "failed": CalibrationScene(
        events=(
            trying(),
            end_event(
                DialogueEnd(
                    Outcome.FAILED,
                    "bike-1 was removed from the gateway's config",
                    record_to_json(record()),
                )
            ),
        ),
    ),
    "gone": CalibrationScene(events=(turning(),), is_gone=True),
}


class CalibrationStage(Stage):
    """The calibration page of bike-1, opened when its first scene is played."""

    def __init__(self, page: Page) -> None:
        super().__init__(page, "calibrate.html")
        page.add_init_script("sessionStorage.clear()")

    def play(self, scene: CalibrationScene) -> None:
        """Open the page and show a scene."""
        self.answers |= {"state.json": scene.state, "start": scene.started}
        self.open("calibrate/bike-1")
        expect(self.page.locator("#in-use")).not_to_be_empty()
        if scene.started is REFUSED:
            self.start()
            expect(self.page.locator("#problem")).not_to_be_empty()
        if scene.events:
            self.begin()
            for event in scene.events:
                self.tell(event)
        if scene.is_gone:
            self.wait(3)

    def start(self) -> None:
        self.page.get_by_role("button", name="Start").click()

    def begin(self) -> None:
        """Start a dialogue, of which nothing is shown yet."""
        self.start()
        expect(self.page.locator("#dialogue")).to_be_visible()
        self.send("hello", {})

    def tell(self, event: bytes) -> None:
        """Send an event of the gateway to the page."""
        name, _, data = event.removeprefix(b"event: ").partition(b"\ndata: ")
        if name != b"end":
            self.send(name.decode(), data)
            return
        with self.page.expect_response("**/state.json"):
            self.send(name.decode(), data)
