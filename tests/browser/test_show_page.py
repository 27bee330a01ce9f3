"""Every state of the show, on a stage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from gateway.simulation.page.frame import account_of
from tests.browser.accessibility import findings
from tests.browser.conftest import WIDTHS
from tests.browser.show_scenes import demo_at, fleet_at
from tests.browser.show_stage import ShowStage
from tests.gateway.simulation.test_scene import demo_summary

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from gateway.simulation.scene import Scene

#: The page may have fewer nodes than this, elements and texts, however many racers there are. The
#: white space between two elements does not count.
NODES_MAX = 500
NODES = """() => document.evaluate(
  "count(//*|//text()[normalize-space()])", document, null, 1).numberValue"""
#: Counts the nodes and the attributes that scripts add, change and remove.
COUNT_CHANGES = """() => {
  window.changes = 0;
  new MutationObserver(records => {
    for (const { type, addedNodes, removedNodes } of records) {
      window.changes += type === "childList" ? addedNodes.length + removedNodes.length : 1;
    }
  }).observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
}"""
TOPS = """() => Object.fromEntries([...document.querySelectorAll("#board tbody tr")]
  .map(row => [row.querySelector(".name").textContent, row.getBoundingClientRect().top]))"""
#: Rows that slide stop at their start.
STOP_SLIDES = """() => {
  const { animate } = Element.prototype;
  Element.prototype.animate = function (...given) {
    const one = animate.apply(this, given);
    one.pause();
    return one;
  };
}"""
SLIDE_ON = "forMs => document.getAnimations().forEach(one => { one.currentTime += forMs; })"


@pytest.fixture
def stage(page: Page) -> ShowStage:
    return ShowStage(page)


def test_leaderboard_has_the_racers_in_order(stage: ShowStage) -> None:
    for second in (1, 2):
        scene = demo_at(second)
        stage.play(scene)
        assert stage.names == [row.name for row in scene.board]


def test_rows_slide_to_new_places_from_where_they_are(stage: ShowStage) -> None:
    stage.page.evaluate(STOP_SLIDES)
    stage.play(demo_at(1))
    tops = stage.page.evaluate(TOPS)
    # The second time, the rows are still on their way.
    for second in (2, 3):
        stage.play(demo_at(second))
        assert stage.page.evaluate(TOPS) == pytest.approx(tops, abs=1)
        stage.page.evaluate(SLIDE_ON, 100)
        tops = stage.page.evaluate(TOPS)
    stage.page.evaluate("() => document.getAnimations().forEach(one => one.finish())")
    places = stage.page.evaluate(TOPS)
    assert list(places) == sorted(places, key=places.__getitem__)


def test_leaderboard_does_not_slide_for_who_wants_no_motion(browser: Browser) -> None:
    with browser.new_context(reduced_motion="reduce") as context:
        stage = ShowStage(context.new_page())
        stage.play(demo_at(1), demo_at(2))
        assert stage.page.evaluate("() => document.getAnimations().length") == 0


def test_outage_is_seen_in_switch_dots_buffers_and_news(stage: ShowStage) -> None:
    stage.play(demo_at(6), demo_at(9))
    page = stage.page
    assert page.get_by_role("switch").get_attribute("aria-checked") == "false"
    assert "8 keeping" in page.locator("#legend").inner_text()
    assert page.locator("#board tbody .buffer").all_text_contents() == ["2 kept"] * 8
    news = page.locator("#ticker p").all_text_contents()
    assert news[0] == "9 s: 8 gateways keep messages on disk"
    assert "9 s: network cut" in news
    stage.play(demo_at(13), demo_at(14))
    assert page.get_by_role("switch").get_attribute("aria-checked") == "true"
    assert "8 live" in page.locator("#legend").inner_text()


def test_switch_asks_for_the_other_state_of_the_network(stage: ShowStage) -> None:
    stage.answers["network"] = {}
    for scene, wanted in ((demo_at(6), False), (demo_at(9), True)):
        stage.play(scene)
        with stage.page.expect_response("**/network"):
            stage.page.get_by_role("switch").click()
        assert stage.posted[-1] == {"is_up": wanted}


def test_refused_switch_is_explained_until_the_next_tap(stage: ShowStage) -> None:
    stage.play(demo_at(6))
    switch, trouble = stage.page.get_by_role("switch"), stage.page.locator("#trouble")
    stage.page.route("**/network", lambda route: route.abort())
    switch.click()
    expect(trouble).to_contain_text("The network was not switched")
    stage.play(demo_at(7))
    expect(trouble).to_contain_text("The network was not switched")
    stage.page.unroute("**/network")
    stage.answers["network"] = {}
    switch.click()
    expect(trouble).not_to_contain_text("The network was not switched")


def test_switch_that_fails_when_the_race_is_over_is_no_trouble(stage: ShowStage) -> None:
    stage.play(demo_at(20))
    held = stage.hold("**/network")
    with stage.page.expect_request("**/network"):
        stage.page.get_by_role("switch").click()
    stage.end(demo_summary())
    with stage.page.expect_event("requestfailed"):
        held[0].abort()
    stage.page.evaluate("fetch('static/icon.svg').then(answer => answer.text())")  # takes longer
    expect(stage.page.locator("#trouble")).to_be_empty()


def test_account_has_every_line_and_takes_the_place_of_the_switch(stage: ShowStage) -> None:
    stage.play(demo_at(20))
    stage.end(demo_summary())
    lines = stage.page.locator("#lines li").all_text_contents()
    assert lines == [line["text"] for line in account_of(demo_summary())["lines"]]
    assert not stage.page.get_by_role("switch").is_visible()


def test_race_that_is_gone_is_told_within_two_seconds(stage: ShowStage) -> None:
    stage.play(demo_at(6))
    stage.wait(2.5)
    assert "does not answer" in stage.page.locator("#trouble").inner_text()


def test_screen_reader_hears_troubles_and_news_but_not_every_figure(stage: ShowStage) -> None:
    spoken = stage.page.locator("[role=status], [role=log], [role=alert], [aria-live], output")
    ids = spoken.evaluate_all("all => all.map(one => one.id)")
    assert ids == ["trouble", "ticker"]


def test_thousand_racers_are_few_nodes(stage: ShowStage) -> None:
    stage.play(fleet_at(1))
    stage.play(*(fleet_at(second) for second in range(2, 12)))
    assert len(stage.names) == 20
    assert "980 more" in stage.page.locator("#more").inner_text()
    assert stage.page.evaluate(NODES) < NODES_MAX
    assert stage.page.locator("#dots path").count() == 4


def changes(stage: ShowStage, scene: Scene) -> Any:
    """Play a scene; return how much it has changed on the page."""
    stage.page.evaluate("() => { window.changes = 0; }")
    stage.play(scene)
    return stage.page.evaluate("window.changes")


def test_scene_of_a_thousand_racers_changes_no_more_than_is_shown(stage: ShowStage) -> None:
    stage.play(fleet_at(1))
    stage.page.evaluate(COUNT_CHANGES)
    for second in range(2, 12):
        assert 0 < changes(stage, fleet_at(second)) < NODES_MAX


def test_racers_who_are_not_listed_change_nothing_on_the_page(stage: ShowStage) -> None:
    scene = fleet_at(1)
    stage.play(scene)
    stage.page.evaluate(COUNT_CHANGES)
    board = (*scene.board[:20], *reversed(scene.board[20:]))
    assert changes(stage, replace(scene, board=board)) == 0


def test_racer_is_found_among_a_thousand_and_classes_are_tabs(stage: ShowStage) -> None:
    scene = fleet_at(1)
    stage.play(scene)
    last = scene.board[-1]
    stage.page.get_by_label("Find a racer").fill(last.name.lower())
    assert last.name in stage.names
    stage.page.get_by_label("Find a racer").fill("")
    stage.page.get_by_role("button", name="class 2").click()
    of_class = [row.name for row in scene.board if row.standing and row.standing.class_id == 2]
    assert stage.names == of_class[:20]


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_in_the_show(stage: ShowStage, width: int) -> None:
    stage.page.set_viewport_size({"width": width, "height": 900})
    for scene in (demo_at(9), fleet_at(3)):
        stage.play(scene)
        assert findings(stage.page, stage.wait) == []
    stage.end(demo_summary())
    assert findings(stage.page, stage.wait) == []
    assert stage.page.evaluate("() => document.documentElement.scrollWidth") <= width
