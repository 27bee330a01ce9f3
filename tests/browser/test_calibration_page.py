"""Every state of the calibration page, on screens from a small phone to a screen in the room."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gateway.web.dialogue_events import DialogueEnd, Outcome, end_event
from tests.browser.accessibility import findings
from tests.browser.calibration_stage import (
    CALIBRATED,
    CALIBRATION_SCENES,
    REFUSED,
    STARTED,
    UNSAVED,
    CalibrationScene,
    CalibrationStage,
    reviewing,
    trying,
    turning,
    verifying,
)
from tests.browser.conftest import PHONE

SCREENS = [(320, 568), (390, 844), (1024, 768), (1920, 1080)]
#: The states in which the person has one hand on the knob, and cannot scroll.
AT_THE_KNOB = ("turn", "hold", "captured", "both-ways", "lost", "trial", "not-saved", "own-table")
#: A tap this soon after the buttons have changed does nothing, in seconds.
SETTLED_S = 0.4
#: Controls that are hard to hit, in words.
SMALL = """() => [...document.querySelectorAll("a, button, select, label.check")]
  .filter(one => one.checkVisibility()).map(one => [one, one.getBoundingClientRect()])
  .filter(([_, box]) => box.height < 56 || box.width < 56)
  .map(([one, box]) => `${one.textContent}: ${box.width} x ${box.height}`)"""
#: Texts that are cut off or cover each other in the dial, and buttons whose words do not fit.
CUT_OFF = """() => [...document.querySelectorAll("#dial p, button, h1, td, th")]
  .filter(one => one.checkVisibility() && one.textContent.trim())
  .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"""

#: Parts of the dialogue that end outside the screen, or below the upper edge of the next one.
COVERED = """() => [...document.querySelectorAll("#dial p, #doing, #last, #buttons")]
  .filter(one => one.textContent).map(one => [one.id, one.getBoundingClientRect()])
  .filter(([_, box], index, all) =>
    box.top < 0 || box.bottom > (all[index + 1]?.[1].top ?? innerHeight) + 1)
  .map(([id]) => id)"""

#: Parts of the review that are not on the screen, or under the buttons.
OUT_OF_SIGHT = """() => {
  const edges = id => document.getElementById(id).getBoundingClientRect();
  const buttons = edges("buttons");
  const isCovered = box => box.right > buttons.left && box.left < buttons.right
    && box.bottom > buttons.top;
  const parts = ["curve", "legend", "question"].filter(id => edges(id).height);
  return parts.filter(id => edges(id).top < 0 || edges(id).bottom > innerHeight
      || isCovered(edges(id)))
    .concat(buttons.bottom > innerHeight + 1 ? ["buttons"] : []);
}"""


@pytest.fixture
def stage(page: Page) -> CalibrationStage:
    return CalibrationStage(page)


@pytest.fixture(params=SCREENS, ids=str)
def sized(browser: Browser, request: pytest.FixtureRequest) -> Iterator[CalibrationStage]:
    width, height = request.param
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        yield CalibrationStage(context.new_page())


def test_axe_finds_nothing(sized: CalibrationStage) -> None:
    for name, scene in CALIBRATION_SCENES.items():
        sized.play(scene)
        assert findings(sized.page, sized.wait) == [], name


def test_every_state_fits_the_width_and_can_be_hit(sized: CalibrationStage) -> None:
    page = sized.page
    for name, scene in CALIBRATION_SCENES.items():
        sized.play(scene)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert page.evaluate(SMALL) == [], name
        assert page.evaluate(CUT_OFF) == [], name


def test_long_id_of_a_bike_fits_the_width(sized: CalibrationStage) -> None:
    bike_id = "b" * 128
    sized.answers |= {"state.json": CALIBRATED, "start": {"error": f"{bike_id} is unknown"}}
    sized.open(f"calibrate/{bike_id}")
    sized.start()
    expect(sized.page.locator("#problem")).not_to_be_empty()
    expect(sized.page.locator("#in-use")).not_to_be_empty()
    assert sized.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_hand_on_the_knob_needs_no_scrolling(sized: CalibrationStage) -> None:
    for name in AT_THE_KNOB:
        sized.play(CALIBRATION_SCENES[name])
        assert sized.page.evaluate(COVERED) == [], name


def test_review_needs_no_scrolling_to_show_what_is_asked(sized: CalibrationStage) -> None:
    for name in ("review", "first-review", "unusable"):
        sized.play(CALIBRATION_SCENES[name])
        assert sized.page.evaluate(OUT_OF_SIGHT) == [], name


def test_review_shows_the_old_curve_and_the_new_one(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["review"])
    page = stage.page
    expect(page.locator("#curve polyline.old")).to_have_count(1)
    expect(page.locator("#curve polyline.new")).to_have_count(1)
    expect(page.locator("#legend")).to_have_text("dashed: the calibration of 2026-11-02")
    expect(page.locator("#changes li").first).to_have_text("raw 164: was 3.1 %, will be 0.0 %")
    stage.play(CALIBRATION_SCENES["first-review"])
    expect(page.locator("#curve polyline.old")).to_have_count(0)
    expect(page.locator("#legend")).to_be_empty()


def test_points_that_cannot_be_used_cannot_be_accepted(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["unusable"])
    buttons = stage.page.locator("#buttons button")
    expect(buttons).to_have_text(["Redo the last", "Discard"])
    expect(stage.page.locator("#findings li.failed")).to_contain_text("recapture these points")


def test_answer_that_does_not_lead_on_is_explained(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["turn"])
    last = stage.page.locator("#last")
    expect(last).to_be_empty()
    stage.tell(turning(last="not yet: the knob is not still"))
    expect(last).to_have_text("not yet: the knob is not still")
    stage.tell(turning(captured=3))
    expect(last).to_be_empty()


def test_save_that_fails_is_explained_and_can_be_tried_again(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["not-saved"])
    expect(stage.page.locator("#last")).to_have_text(f"not saved: {UNSAVED}; try again")
    expect(stage.page.locator("#announcer")).to_contain_text("not saved")
    expect(stage.page.get_by_role("button", name="Save")).to_be_visible()


def test_notes_about_the_own_table_stay(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["own-table"])
    stage.tell(verifying())
    expect(stage.page.locator("#legend")).to_contain_text("a table of its own")
    box = stage.page.locator("#legend").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"]


def test_lost_bike_is_named_instead_of_the_next_step(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["lost"])
    expect(stage.page.locator("#doing")).to_have_text("The bike is lost: the bike stopped sending")
    expect(stage.page.locator("#lead")).to_have_text("One moment")
    expect(stage.page.locator("#big")).to_be_empty()


def test_refusal_stays_when_a_slower_answer_arrives(stage: CalibrationStage) -> None:
    page, held = stage.page, stage.hold("**/state.json")
    stage.answers["start"] = REFUSED
    stage.open("calibrate/bike-1")
    stage.start()
    expect(page.locator("#problem")).to_have_text(REFUSED["error"])
    held[0].fulfill(json=CALIBRATED)
    expect(page.locator("#in-use")).not_to_be_empty()
    expect(page.locator("#problem")).to_have_text(REFUSED["error"])


def test_double_tap_on_start_is_one_start(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["new"])
    stage.page.get_by_role("button", name="Start").dblclick()
    expect(stage.page.locator("#dialogue")).to_be_visible()
    assert stage.posted == [{"points": None, "both_ways": False}]


def test_double_tap_answers_one_question(stage: CalibrationStage) -> None:
    stage.answers["answer"] = {"accepted": True}
    stage.play(CalibrationScene(events=(reviewing(),)))
    stage.wait(SETTLED_S)
    stage.page.get_by_role("button", name="Accept").click()
    stage.tell(trying())
    stage.page.get_by_role("button", name="Save").click()
    stage.wait(SETTLED_S)
    stage.page.get_by_role("button", name="Save").click()
    answered = [one["word"] for one in stage.posted if "word" in one]
    assert answered == ["accept", "save"]


def test_double_tap_restores_nothing(stage: CalibrationStage) -> None:
    stage.answers["rollback"] = CALIBRATED
    stage.play(CALIBRATION_SCENES["in-use"])
    restore = stage.page.locator("#rollback button")
    restore.dblclick()
    expect(restore).to_have_text("Tap again to restore it")
    stage.wait(SETTLED_S)
    restore.click()
    for part in ("#outcome", "#announcer"):
        expect(stage.page.locator(part)).to_contain_text("is restored and in use now")
    backup = {"number": 1, "made_at": "2026-11-02T09:15:00+00:00"}
    assert stage.posted == [backup]


def tap_as_in_safari(stage: CalibrationStage) -> Locator:
    """Tap the button that restores: it gets no focus, but the nearest part that can have it."""
    restore = stage.page.locator("#rollback button")
    stage.page.locator("#start").focus()
    restore.dispatch_event("pointerdown")
    restore.dispatch_event("click")
    return restore


def test_two_taps_restore_where_a_tap_does_not_focus(stage: CalibrationStage) -> None:
    stage.answers["rollback"] = CALIBRATED
    stage.play(CALIBRATION_SCENES["in-use"])
    restore = tap_as_in_safari(stage)
    expect(restore).to_have_text("Tap again to restore it")
    stage.wait(SETTLED_S)
    tap_as_in_safari(stage)
    expect(stage.page.locator("#outcome")).to_contain_text("is restored and in use now")


def test_tap_elsewhere_ends_the_restoring_where_a_tap_does_not_focus(
    stage: CalibrationStage,
) -> None:
    stage.play(CALIBRATION_SCENES["in-use"])
    words = stage.page.locator("#rollback button").inner_text()
    restore = tap_as_in_safari(stage)
    expect(restore).to_have_text("Tap again to restore it")
    stage.page.locator("#title").click()
    expect(restore).to_have_text(words)


def test_focus_follows_the_dialogue(stage: CalibrationStage) -> None:
    page = stage.page
    stage.play(CALIBRATION_SCENES["new"])
    page.get_by_role("button", name="Start").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#dialogue")).to_be_focused()
    stage.send("hello", {})
    stage.tell(turning())
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Capture now")).to_be_focused()
    stage.tell(trying())
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    stage.tell(end_event(DialogueEnd(Outcome.SAVED)))
    expect(page.locator("#start")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Points", exact=True)).to_be_focused()


def test_points_of_a_failed_calibration_can_be_kept_as_a_file(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["failed"])
    expect(stage.page.locator("#outcome")).to_contain_text("was removed from the gateway's config")
    with stage.page.expect_download() as download:
        stage.page.get_by_role("link", name="Save the captured points").click()
    assert download.value.suggested_filename == "bike-1.calibration.json"


@pytest.mark.parametrize("outcome", Outcome)
def test_every_end_is_told(stage: CalibrationStage, outcome: Outcome) -> None:
    why = "this is why" if outcome is Outcome.FAILED else ""
    stage.play(CalibrationScene(events=(turning(), end_event(DialogueEnd(outcome, why)))))
    words = stage.page.locator("#outcome").inner_text()
    assert words.endswith((".", "why"))
    expect(stage.page.locator("#announcer")).to_have_text(words)
    expect(stage.page.get_by_role("button", name="Start")).to_be_visible()


@pytest.mark.parametrize("outcome", [Outcome.LEFT, Outcome.STOPPED, Outcome.UNKNOWN])
def test_end_that_nobody_has_chosen_leads_to_a_new_start(
    stage: CalibrationStage, outcome: Outcome
) -> None:
    stage.play(CalibrationScene(CALIBRATED, events=(turning(), end_event(DialogueEnd(outcome)))))
    words = stage.page.locator("#outcome")
    expect(words).to_contain_text("nothing was changed", ignore_case=True)
    expect(words).to_contain_text("start again", ignore_case=True)
    expect(stage.page.locator("#in-use")).to_have_text("In use: the calibration of 2026-11-21")


def test_double_tap_that_confirms_restores_once(stage: CalibrationStage) -> None:
    stage.answers["rollback"] = CALIBRATED
    stage.play(CALIBRATION_SCENES["in-use"])
    restore = stage.page.locator("#rollback button")
    restore.click()
    stage.wait(SETTLED_S)
    restore.dblclick()
    expect(stage.page.locator("#outcome")).to_contain_text("is restored and in use now")
    assert len(stage.posted) == 1


def test_tap_while_the_gateway_is_gone_leaves_the_reason(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["gone"])
    problem = stage.page.locator("#problem")
    expect(problem).to_contain_text("The gateway does not answer")
    held = stage.hold("**/answer")
    with stage.page.expect_request("**/answer"):
        stage.page.get_by_role("button", name="Capture now").click()
    expect(problem).to_contain_text("The gateway does not answer")
    with stage.page.expect_event("requestfailed"):
        held[0].abort()
    expect(problem).to_contain_text("The gateway does not answer")


def test_state_that_arrives_during_a_dialogue_is_not_shown(stage: CalibrationStage) -> None:
    page, held = stage.page, stage.hold("**/state.json")
    stage.answers["start"] = STARTED
    stage.open("calibrate/bike-1")
    stage.begin()
    stage.tell(reviewing())
    with page.expect_response("**/state.json"):
        held[0].fulfill(json=CALIBRATED)
    page.evaluate("fetch('static/icon.svg').then(answer => answer.text())")  # takes longer
    expect(page.locator("#curve polyline.old")).to_have_count(1)


def test_reloaded_page_continues_although_the_state_is_late(stage: CalibrationStage) -> None:
    page = stage.page
    page.add_init_script("sessionStorage.setItem('dialogue of bike-1', 'dialogue-1')")
    stage.hold("**/state.json")
    stage.open("calibrate/bike-1")
    expect(page.locator("#dialogue")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_hidden()


def test_page_whose_token_was_replaced_asks_for_the_new_one(stage: CalibrationStage) -> None:
    stage.play(CALIBRATION_SCENES["new"])
    stage.page.route("**/start", lambda route: route.fulfill(status=401, body="token"))
    with stage.page.expect_navigation():
        stage.start()


def test_browser_that_blocks_its_storage_can_calibrate(stage: CalibrationStage) -> None:
    stage.page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('blocked'); }})"
    )
    stage.answers["answer"] = {"accepted": True}
    stage.play(CalibrationScene(CALIBRATED, events=(reviewing(),)))
    stage.wait(SETTLED_S)
    stage.page.get_by_role("button", name="Accept").click()
    assert stage.posted[-1]["dialogue"] == STARTED["dialogue"]
    stage.tell(end_event(DialogueEnd(Outcome.SAVED)))
    expect(stage.page.locator("#outcome")).to_have_text("Saved, and in use now.")
