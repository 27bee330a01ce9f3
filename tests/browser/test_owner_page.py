"""Every state of the owner's page, on screens from a small phone to 4K."""

import pytest
from playwright.sync_api import Page, expect

from gateway.status.concerns import concerns
from tests.browser.accessibility import findings
from tests.browser.owner_stage import CHECKED, OWNER_SCENES, REPORT, TROUBLE, OwnerStage
from tests.support.statuses import gateway_status

SCREENS = [(320, 640), (390, 844), (1024, 768), (1920, 1080), (3840, 2160)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", OWNER_SCENES)
def test_page_is_accessible(page: Page, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    stage = OwnerStage(page)
    stage.play(OWNER_SCENES[name])
    assert findings(page, stage.wait) == []


@pytest.mark.parametrize("size", SCREENS, ids=str)
def test_page_fits_the_width_of_the_screen(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    stage = OwnerStage(page)
    for scene in OWNER_SCENES.values():
        stage.play(scene)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for control in (page.locator("#check"), page.locator("#report"), page.locator("nav a")):
        box = control.bounding_box()
        assert box is not None
        assert box["height"] >= 56


def test_most_urgent_concern_is_first_and_none_is_left_out(page: Page) -> None:
    OwnerStage(page).play(OWNER_SCENES["attention"])
    expect(page.locator("#verdict")).to_have_text("4 things need attention:")
    found = concerns(TROUBLE)
    shown = [[one.problem, f"→ {one.remedy}"] for one in found]
    for item, texts in zip(page.locator("#concerns li").all(), shown, strict=True):
        expect(item.locator("p")).to_have_text([text.replace("`", "") for text in texts])
    expect(page.locator("#concerns li").first).to_have_attribute("data-level", "bad")


def test_commands_are_code_and_no_text_is_html(page: Page) -> None:
    stage = OwnerStage(page)
    stage.open("gateway")
    texts = ("<b>`a b`</b> and `c`: <img src=x>", "a lone `")
    stage.show(gateway_status(notes=texts))
    shown = page.locator("#concerns [data-part=problem]")
    expect(shown).to_have_text(["<b>a b</b> and c: <img src=x>", texts[1]])
    expect(page.locator("#concerns code")).to_have_text(["a b", "c"])
    expect(page.locator("#concerns :is(b, img)")).to_have_count(0)


def test_log_has_its_backticks(page: Page) -> None:
    stage = OwnerStage(page)
    stage.play(OWNER_SCENES["well"])
    stage.send("log", {"at_ms": 3_700_000, "level": "info", "text": "run `a`"})
    expect(page.locator("#log li").last).to_contain_text("run `a`")


def test_concerns_go_when_all_is_well_again(page: Page) -> None:
    stage = OwnerStage(page)
    stage.play(OWNER_SCENES["attention"])
    stage.show(gateway_status())
    expect(page.locator("#verdict")).to_have_text("all well")
    expect(page.locator("#concerns li")).to_have_count(0)
    expect(page.locator("#bikes > li")).to_have_count(1)


def test_check_is_started_by_keyboard_and_once(page: Page) -> None:
    stage = OwnerStage(page)
    stage.answers["check"] = {}
    stage.play(OWNER_SCENES["well"])
    for name in ("Race", "Calibrate bike-001", "Calibrate bike-002"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Run the check")).to_be_focused()
    page.keyboard.press("Enter")
    stage.send("check", {"is_running": True, "report": None})
    expect(page.locator("#check-state")).to_have_text("The check is running …")
    page.keyboard.press("Enter")
    stage.send("check", CHECKED)
    expect(page.locator("#check-state")).to_have_text("1 failed, 1 warning")
    expect(page.locator("#findings [data-part=what]")).to_have_text(
        [one.what for one in REPORT.findings]
    )
    expect(page.locator("#findings [data-part=remedy]").last).to_have_text(
        "→ sudo rfkill unblock bluetooth"
    )
    assert stage.posted == [{}]


def test_log_follows_the_newest_line(page: Page) -> None:
    stage = OwnerStage(page)
    stage.play(OWNER_SCENES["well"])
    for number in range(250):
        stage.send("log", {"at_ms": 3_700_000, "level": "info", "text": f"event {number}"})
    expect(page.locator("#log li")).to_have_count(200)
    expect(page.locator("#log li").last).to_contain_text("event 249")
    left = "document.querySelector('#log').scrollHeight - document.querySelector('#log').scrollTop"
    assert page.evaluate(f"{left} - document.querySelector('#log').clientHeight") <= 1


def test_log_that_is_scrolled_back_stays_where_it_is_after_an_outage(page: Page) -> None:
    stage = OwnerStage(page)
    stage.play(OWNER_SCENES["well"])
    lines = [{"at_ms": 3_700_000, "level": "info", "text": f"event {n}"} for n in range(200)]
    stage.send("logs", lines)
    log = page.locator("#log")
    assert log.evaluate("one => one.scrollHeight - one.scrollTop - one.clientHeight") <= 1
    log.evaluate("one => { one.scrollTop = 100; }")
    stage.send("logs", lines)
    assert log.evaluate("one => one.scrollTop") == 100


def test_gateway_that_is_gone_is_named_until_it_is_back(page: Page) -> None:
    stage = OwnerStage(page)
    stage.play(OWNER_SCENES["gone"])
    expect(page.locator("#notice")).to_have_text(
        "The gateway does not answer. This page reconnects by itself."
    )
    stage.wait(3)
    stage.show(gateway_status())
    expect(page.locator("#notice")).to_have_text("")
