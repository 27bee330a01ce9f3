"""What the rider's page shows for each status, on screens of all sizes, and to every rider."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.bike.status import RiderStatus
from gateway.race.results import Place
from gateway.status.report import status_to_json
from tests.browser.accessibility import findings
from tests.browser.layout_shifts import forget_shifts, shifts, watch_shifts
from tests.browser.rider_scenes import (
    LENGTH_S,
    NOT_JOINED,
    SCENES,
    THIRD,
    Scene,
    bike,
    current,
    of,
    ridden,
)
from tests.browser.rider_stage import RiderStage
from tests.support.statuses import gateway_status

SIZES = {
    "small phone": (320, 568),
    "phone": (390, 844),
    "phone across": (844, 390),
    "tablet": (1024, 768),
    "room": (1920, 1080),
    "4K": (3840, 2160),
}
SENTENCES = {
    "looking": "The bike is lost. Turn the pedals to wake it.",
    "lost": "The bike is lost, and the race goes on. 7 seconds missed: the bike stopped sending.",
    "waiting": "Pedal to join; next race in 2:15.",
    "commanded": "Amy rides the next race. It begins in 0:42.",
    "racing": "You are racing in class 1.",
    "finished": "Finished. 3rd of 12. Best second 144.5 at 4:50. 300 seconds sent.",
    "cloud-away": "You are racing. The cloud cannot be reached; your seconds are safe here.",
    "in-danger": "720 s lost if the gateway stops. Disk: no space left on the device.",
    "clock-not-set": "The clock is not set yet. Every second is kept until it is.",
    "gone": "The gateway does not answer. This page reconnects by itself.",
}
BUTTONS = {
    "waiting": "Join race",
    "racing": "Leave race",
    "finished": "Continue",
    "cloud-away": "Leave race",
    "in-danger": "Leave race",
}
#: The texts that are cut off, or that end outside the screen.
CUT_OFF = """() =>
  [...document.querySelectorAll("article:not([hidden]) :is(p, h2, b, button, span)")]
  .filter(one => one.checkVisibility() && one.textContent.trim())
  .filter(one => !one.matches(".name, .unseen, .unseen *, :has(.unseen)"))
  .filter(one => {
    const area = one.closest("section, header, footer, .sentence, .gaps").getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(one);
    const text = range.getBoundingClientRect();
    return text.right > Math.min(area.right, innerWidth) + 1 || text.bottom > innerHeight + 1
      || text.bottom > area.bottom + 0.15 * text.height;
  }).map(one => `${one.className || one.dataset.part}: ${one.textContent}`)"""
FIGURES = """() => [...document.querySelectorAll("article:not([hidden]) .figure")]
  .map(one => parseFloat(getComputedStyle(one).fontSize) / innerHeight)"""
TARGETS = """() => [...document.querySelectorAll("article:not([hidden]) :is(a, button:enabled)")]
  .filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect())
  .filter(box => box.height < 56 || box.width < 56).length"""


@pytest.fixture
def stage(page: Page) -> RiderStage:
    return RiderStage(page)


def part(stage: RiderStage, name: str) -> Any:
    return stage.page.locator(f"article:visible [data-part={name}]")


@pytest.mark.parametrize("name", SENTENCES)
def test_state_has_one_sentence_and_at_most_one_button(stage: RiderStage, name: str) -> None:
    stage.play(SCENES[name]())
    assert part(stage, "sentence").inner_text() == SENTENCES[name]
    act = part(stage, "act")
    assert (act.inner_text() if act.is_visible() else None) == BUTTONS.get(name)
    assert stage.page.get_by_role("status").inner_text() == SENTENCES[name]


def test_gateway_that_is_not_set_up_is_explained(stage: RiderStage) -> None:
    stage.play(SCENES["not-set-up"]())
    expect(stage.page.locator("#notice")).to_contain_text("sudo alleycat-gateway setup")


@pytest.fixture(params=SIZES)
def sized(browser: Browser, request: pytest.FixtureRequest) -> Iterator[RiderStage]:
    width, height = SIZES[request.param]
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        yield RiderStage(context.new_page())


def test_everything_fits_every_screen_in_large_figures(sized: RiderStage) -> None:
    longest = bike(
        second=3,
        race_length_s=3600,
        racer_name="Maximiliana Featherstonehaugh",
        current=current(188.4, 100.0, 1234.0),
        place=replace(THIRD, rank=128, racers=1000, gap=12.25, output=99.1),
    )
    for scene in (SCENES["racing"](), SCENES["in-danger"](), SCENES["lost"](), Scene(of(longest))):
        sized.play(scene)
        page = sized.page
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate(TARGETS) == 0
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert min(page.evaluate(FIGURES)) >= 1 / 9


RANKS = [replace(THIRD, rank=rank, racers=max(12, rank)) for rank in (3, 10, 128, 1000)]


@pytest.mark.parametrize("place", [None, *RANKS], ids=lambda one: str(one and one.rank))
def test_rank_and_output_are_not_cut_off(sized: RiderStage, place: Place | None) -> None:
    several = [bike(bike_id=f"bike-{number}", place=place) for number in (1, 2, 3)]
    sized.play(Scene(of(several[0])))
    assert sized.page.evaluate(CUT_OFF) == []
    assert sized.page.viewport_size is not None
    sized.page.set_viewport_size({**sized.page.viewport_size, "height": 2160})
    sized.play(Scene(of(*several), ridden(range(107, 166))))
    assert sized.page.evaluate(CUT_OFF) == []


def test_old_results_have_their_age_and_no_gaps(sized: RiderStage) -> None:
    sized.play(Scene(of(bike(place=replace(THIRD, age_s=6.0)))))
    assert sized.page.evaluate(CUT_OFF) == []
    assert part(sized, "rankNote").inner_text() == "results from 6 seconds ago"
    assert part(sized, "gap0").inner_text() == ""


@pytest.mark.parametrize("place", [None, THIRD])
def test_nothing_moves_when_values_get_longer_or_shorter(
    sized: RiderStage, place: Place | None
) -> None:
    watch_shifts(sized.page)
    sized.play(Scene(of(bike(1, place=place))))
    for second, cadence in enumerate((1.0, 20.0, 64.0, 9.0, 65.0, 120.0, 99.0), start=2):
        message = replace(ridden([second])[0], cadence=cadence, resistance=36.0)
        sized.send("second", message.to_json())
        ranked = place and replace(place, gap=cadence / 8, output=142.3 - cadence / 2)
        now = current(cadence, 36.0, 10 * cadence)
        sized.send("status", status_to_json(of(bike(second, current=now, place=ranked))))
        sized.page.screenshot()
        if second == 2:
            forget_shifts(sized.page)
    assert part(sized, "record").inner_text() == "◆ record 156.6"
    assert shifts(sized.page) == []


@pytest.mark.parametrize(
    "scene", ["racing", "lost", "last-seconds", "in-danger", "cloud-away", "gone", "several"]
)
def test_axe_finds_nothing(stage: RiderStage, scene: str) -> None:
    stage.play(SCENES[scene]())
    assert findings(stage.page, stage.wait) == []


def test_axe_finds_nothing_while_a_rider_is_chosen(stage: RiderStage) -> None:
    stage.play(SCENES["racing"]())
    part(stage, "name").click()
    assert findings(stage.page, stage.wait) == []


def test_long_name_fits_the_list_of_riders(sized: RiderStage) -> None:
    riders = (RiderStatus(2, "n" * 64, (1, 2)),)
    sized.play(Scene(gateway_status(bike(bike_id="b" * 128), riders=riders)))
    part(sized, "name").click()
    wider = "one => one.scrollWidth - one.clientWidth"
    assert sized.page.locator("#chooser").evaluate(wider) == 0


def test_unknown_value_is_a_dash_and_zero_is_zero(stage: RiderStage) -> None:
    stage.play(Scene(of(bike(current=current(0.0, 30.0, None)))))
    shown = [part(stage, name).inner_text() for name in ("cadence", "resistance", "power")]
    assert shown == ["0", "30", "–"]


def test_stale_value_is_dimmed_and_has_its_age(stage: RiderStage) -> None:
    stage.play(SCENES["lost"]())
    assert part(stage, "cadenceUnit").inner_text() == "7 s old"
    colours = [
        part(stage, name).evaluate("one => getComputedStyle(one).color")
        for name in ("cadence", "output")
    ]
    assert colours[0] != colours[1]


def test_resistance_of_a_bike_without_calibration_is_no_percentage(stage: RiderStage) -> None:
    racing = bike()
    assert racing.sample is not None
    source = type(racing.sample.resistance_source).UNCALIBRATED
    raw = replace(racing, sample=replace(racing.sample, resistance_source=source))
    stage.play(Scene(of(raw)))
    assert part(stage, "resistanceUnit").inner_text() == "raw"


def test_last_ten_seconds_are_marked(stage: RiderStage) -> None:
    article = stage.page.locator("article")
    for second, is_last in ((LENGTH_S - 10, False), (LENGTH_S - 9, True), (LENGTH_S, True)):
        stage.play(Scene(of(bike(second))))
        assert (article.get_attribute("data-last") is not None) == is_last


def test_last_seconds_of_a_race_that_others_ride_are_not_marked(stage: RiderStage) -> None:
    stage.play(Scene(of(bike(LENGTH_S, not_joined=NOT_JOINED))))
    assert stage.page.locator("article").get_attribute("data-last") is None


def test_finish_gives_way_to_the_next_race_after_ten_seconds(stage: RiderStage) -> None:
    stage.play(Scene(of(bike(1, race_id=59807782)), ridden(range(241, 301))))
    article = stage.page.locator("article")
    assert article.get_attribute("data-state") == "finished"
    for message in ridden(range(1, 12)):
        later = replace(message, device_timestamp=message.device_timestamp + LENGTH_S * 1000)
        stage.send("second", later.to_json())
    stage.send("status", status_to_json(of(bike(12, race_id=59807782))))
    assert article.get_attribute("data-state") == "racing"


def test_end_of_a_race_is_that_of_its_rider_after_a_change(stage: RiderStage) -> None:
    ben = {"racer_id": 2, "racer_name": "Ben", "class_id": 1}
    waiting = bike(1, race_id=59807782, not_joined=NOT_JOINED, place=None, **ben)
    stage.play(replace(SCENES["finished"](), status=of(waiting)))
    assert part(stage, "sentence").inner_text() == SENTENCES["finished"].replace(
        "Finished.", "Amy has finished."
    )
    assert part(stage, "record").inner_text() == "◆ record 144.5"


def test_best_second_survives_a_reload_of_the_page(stage: RiderStage) -> None:
    stage.play(SCENES["racing"]())
    assert part(stage, "best").inner_text() == "▲ this race 144.5"
    stage.play(Scene(of(bike())))
    assert part(stage, "best").inner_text() == "▲ this race 144.5"
    assert part(stage, "record").inner_text() == "◆ record 144.5"


def test_best_second_of_another_race_is_only_a_record(stage: RiderStage) -> None:
    stage.play(SCENES["racing"]())
    stage.play(Scene(of(bike(5, race_id=59807782, place=None))))
    assert part(stage, "best").inner_text() == "▲ this race –"
    assert part(stage, "record").inner_text() == "◆ record 144.5"
    assert part(stage, "rankFigure").inner_text() == "95"


def test_request_that_is_refused_shows_the_reason(stage: RiderStage) -> None:
    stage.answers["ride"] = {"result": "refused", "text": "this is why", "warning": None}
    stage.play(SCENES["waiting"]())
    part(stage, "act").click()
    expect(part(stage, "sentence")).to_have_text("this is why")
    assert stage.posted == [{"action": "join", "bike_id": "bike-001"}]
    stage.wait(7)
    stage.send("status", status_to_json(SCENES["waiting"]().status))
    expect(part(stage, "sentence")).to_have_text(SENTENCES["waiting"])


def test_remote_races_are_shown_and_cannot_be_changed(stage: RiderStage) -> None:
    stage.play(SCENES["commanded"]())
    part(stage, "name").click()
    dialog = stage.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Race 71 begins in 0:42: Amy, class 1, 3:00")
    assert dialog.get_by_role("button").all_inner_texts() == ["Close"]
    stage.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_screen_reader_hears_a_state_once(stage: RiderStage) -> None:
    stage.play(SCENES["waiting"]())
    stage.page.evaluate(
        "window.heard = 0; new MutationObserver(() => window.heard++)"
        ".observe(document.getElementById('announcer'), {childList: true, characterData: true})"
    )
    for second in range(170, 175):
        stage.send("status", status_to_json(of(bike(second, not_joined=NOT_JOINED))))
    assert stage.page.evaluate("window.heard") == 0
    stage.send("status", status_to_json(of(bike(176))))
    assert stage.page.evaluate("window.heard") == 1


def test_token_of_a_link_leaves_the_address_bar(stage: RiderStage) -> None:
    stage.play(SCENES["several"](), "#token=planted")
    assert stage.page.url == f"{stage.host}/"
    stage.page.evaluate("location.hash = '#token=pasted'")
    stage.page.wait_for_url(f"{stage.host}/")


def test_focus_stays_with_the_bike_that_is_shown(stage: RiderStage) -> None:
    stage.play(SCENES["several"]())
    one = stage.page.get_by_role("link", name="Show bike-002 on the whole screen")
    one.press("Enter")
    back = stage.page.get_by_role("link", name="All bikes")
    expect(back).to_be_focused()
    back.press("Enter")
    expect(one).to_be_focused()


def test_place_that_is_no_bike_shows_all_bikes(stage: RiderStage) -> None:
    stage.play(SCENES["several"](), "#100%")
    assert stage.page.locator("body").get_attribute("data-view") == "all"


def test_double_tap_does_not_leave_a_race(stage: RiderStage) -> None:
    stage.answers["ride"] = {"text": "has left", "warning": ""}
    stage.play(SCENES["racing"]())
    part(stage, "act").dblclick()
    stage.wait(0.3)
    part(stage, "act").click()
    assert stage.posted == []
    stage.wait(0.2)
    part(stage, "act").click()
    expect(part(stage, "sentence")).to_have_text("has left")
    assert [one["action"] for one in stage.posted] == ["leave"]


def test_double_tap_on_continue_does_not_join_the_next_race(stage: RiderStage) -> None:
    stage.answers["ride"] = {"text": "has joined", "warning": ""}
    stage.play(SCENES["finished"]())
    stage.wait(0.5)
    part(stage, "act").dblclick()
    expect(part(stage, "act")).to_have_text("Join race")
    assert stage.posted == []
    stage.wait(0.5)
    part(stage, "act").click()
    expect(part(stage, "sentence")).to_have_text("has joined")


def test_gateway_that_is_gone_is_named_in_place_of_its_last_answer(stage: RiderStage) -> None:
    stage.answers["ride"] = {"text": "this is why", "warning": ""}
    stage.play(SCENES["waiting"]())
    part(stage, "act").click()
    expect(part(stage, "sentence")).to_have_text("this is why")
    stage.wait(3)
    expect(part(stage, "sentence")).to_have_text(SENTENCES["gone"])


def test_answer_that_is_repeated_stays_as_long_as_the_first(stage: RiderStage) -> None:
    stage.answers["ride"] = {"text": "this is why", "warning": ""}
    waiting = SCENES["waiting"]()
    stage.play(waiting)
    for _ in range(2):
        with stage.page.expect_response("**/ride"):
            part(stage, "act").click()
        expect(part(stage, "sentence")).to_have_text("this is why")
        stage.wait(5)
        stage.send("status", status_to_json(waiting.status))
    expect(part(stage, "sentence")).to_have_text("this is why")
    stage.wait(7)
    stage.send("status", status_to_json(waiting.status))
    expect(part(stage, "sentence")).to_have_text(SENTENCES["waiting"])


def test_seconds_go_on_when_the_clock_is_set_back(stage: RiderStage) -> None:
    stage.play(SCENES["racing"]())
    again = [
        replace(one, device_timestamp=one.device_timestamp - 3_600_000)
        for one in ridden(range(1, 4))
    ]
    for message in again:
        stage.send("second", message.to_json())
    line = part(stage, "line").locator("path")
    assert line.get_attribute("d").count("L") == 2
    stage.send("seconds", b"[%b]" % b",".join(message.to_json() for message in again))
    assert line.get_attribute("d").count("L") == 2


def test_end_that_was_dismissed_does_not_come_back_after_an_outage(stage: RiderStage) -> None:
    stage.play(SCENES["finished"]())
    stage.wait(0.5)
    part(stage, "act").click()
    expect(part(stage, "act")).to_have_text("Join race")
    stage.continue_with(SCENES["finished"]())
    expect(part(stage, "act")).to_have_text("Join race")
