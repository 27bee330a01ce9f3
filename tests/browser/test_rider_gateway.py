"""The rider's page of a real gateway: race, outage, two tabs, joining and leaving, choosing."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WebGateway
from tests.browser.layout_shifts import forget_shifts, shifts, watch_shifts
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.results import TOPIC, ResultsBackend, results_message

#: A gateway that is gone is shown within this time, in ms.
GONE_MS = 2_500
#: A second tap before this time is taken for a double tap, in ms.
SURE_AFTER_MS = 400
COMES_BACK_MS = 20_000


def open_bike(page: Page, gateway: WebGateway, bike_id: str = "bike-1") -> Page:
    """Open a bike on the whole screen, and wait for its first values."""
    page.goto(f"{gateway.url}#{bike_id}")
    expect(part(page, "cadence")).to_have_text(re.compile(r"^\d+$"), timeout=10_000)
    return page


def part(page: Page, name: str) -> Any:
    return page.locator(f"article:visible [data-part={name}]")


@pytest.fixture
def backend(broker: Mosquitto, authority: Authority) -> Iterator[ResultsBackend]:
    backend = ResultsBackend(broker.port, authority.issue("backend"))
    yield backend
    backend.stop()


def test_race_is_shown_from_start_to_finish_without_a_shift(
    page: Page, gateway: WebGateway
) -> None:
    watch_shifts(page)
    gateway.race_length_s = 15
    gateway.start()
    open_bike(page, gateway)
    article = page.locator("article:visible")
    expect(article).to_have_attribute("data-state", "racing", timeout=25_000)
    expect(part(page, "output")).to_have_text(re.compile(r"^\d+\.\d$"))
    forget_shifts(page)
    # The gateway does not know how many seconds the race had in which it was started.
    expect(article).to_have_attribute("data-state", "finished", timeout=25_000)
    page.get_by_role("button", name="Continue").click(delay=SURE_AFTER_MS)
    expect(article).to_have_attribute("data-state", "racing")
    expect(article).to_have_attribute("data-state", "finished", timeout=25_000)
    expect(part(page, "sentence")).to_have_text(
        re.compile(r"^Finished\. Best second \d+\.\d at 0:\d\d\. 15 seconds (sent|kept here.*)\.$")
    )
    assert shifts(page) == []
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") == 0


def test_rank_and_gaps_come_from_the_backend(
    page: Page, gateway: WebGateway, backend: ResultsBackend
) -> None:
    gateway.cloud["results_topic"] = TOPIC
    gateway.race_length_s = 3600
    gateway.start()
    gateway.wait_for_log("cloud connected")
    open_bike(page, gateway)
    race_id = page.evaluate(
        "fetch('status.json').then(a => a.json()).then(r => r.gateway.bikes[0].race_id)"
    )
    outputs = {1: 100.0, 2: 90.0, 7: 100.25, 8: 104.5}
    deadline = time.monotonic() + 20
    while part(page, "rankOf").inner_text() != "of 4" and time.monotonic() < deadline:
        backend.publish(results_message(race_id, outputs))
        page.wait_for_timeout(300)
    assert part(page, "rankFigure").inner_text() == "3"
    assert part(page, "rankEnding").inner_text() == "rd"
    assert part(page, "gap0").inner_text() == "0.25"
    assert part(page, "gap1").inner_text() == "4.50"


def test_page_shows_a_gateway_that_is_gone_and_comes_back_by_itself(
    page: Page, gateway: WebGateway
) -> None:
    gateway.race_length_s = 3600
    gateway.start()
    open_bike(page, gateway)
    article = page.locator("article:visible")
    gateway.kill()
    expect(article).to_have_attribute("data-state", "gone", timeout=GONE_MS)
    expect(page.get_by_role("status")).to_contain_text("does not answer")
    gateway.start()
    expect(article).to_have_attribute("data-state", "racing", timeout=COMES_BACK_MS)


def test_cloud_that_is_away_is_shown_with_the_seconds_that_are_kept(
    page: Page, gateway: WebGateway, broker: Mosquitto
) -> None:
    gateway.race_length_s = 3600
    gateway.bikes = gateway.bikes[:1]
    gateway.start()
    gateway.wait_for_log("cloud connected")
    open_bike(page, gateway)
    expect(part(page, "lightText")).to_have_text("All sent", timeout=10_000)
    broker.stop()
    expect(page.locator("article:visible")).to_have_attribute("data-state", "away", timeout=10_000)
    expect(part(page, "lightText")).to_have_text(
        re.compile(r"^\d+ s safe here, will be sent$"), timeout=10_000
    )
    broker.start()
    expect(part(page, "lightText")).to_have_text("All sent", timeout=20_000)


def test_two_tabs_show_the_same_race(browser: Browser, gateway: WebGateway) -> None:
    gateway.race_length_s = 3600
    gateway.start()
    with browser.new_context() as context:
        tabs = [open_bike(context.new_page(), gateway) for _ in range(2)]
        for tab in tabs:
            expect(part(tab, "best")).to_have_text(re.compile(r"\d"), timeout=10_000)
        deadline = time.monotonic() + 10
        while len({part(tab, "clock").inner_text() for tab in tabs}) > 1:
            assert time.monotonic() < deadline


def test_rider_leaves_a_race_and_joins_the_next_one(page: Page, gateway: WebGateway) -> None:
    gateway.race_length_s = 60
    gateway.race_join = "pedalling"
    gateway.bikes = [gateway.bikes[0].replace("ride_s = 10", "ride_s = 3600")]
    gateway.start()
    open_bike(page, gateway)
    article = page.locator("article:visible")
    expect(article).to_have_attribute("data-state", "racing", timeout=15_000)
    page.get_by_role("button", name="Leave race").click(delay=SURE_AFTER_MS)
    page.get_by_role("button", name="Really leave?").click(delay=SURE_AFTER_MS)
    expect(part(page, "sentence")).to_contain_text("has left race", timeout=5_000)
    page.get_by_role("button", name="Continue").click(delay=SURE_AFTER_MS, timeout=10_000)
    page.get_by_role("button", name="Join race").click(delay=SURE_AFTER_MS, timeout=10_000)
    expect(part(page, "sentence")).to_contain_text("takes part in race", timeout=5_000)


def test_one_tap_does_not_leave_a_race(page: Page, gateway: WebGateway) -> None:
    gateway.race_length_s = 3600
    gateway.start()
    open_bike(page, gateway)
    page.get_by_role("button", name="Leave race").click()
    expect(page.get_by_role("button", name="Really leave?")).to_be_visible()
    expect(page.get_by_role("button", name="Leave race")).to_be_visible(timeout=6_000)
    expect(page.locator("article:visible")).to_have_attribute("data-state", "racing")


def test_rider_and_class_are_chosen_by_the_keyboard(page: Page, gateway: WebGateway) -> None:
    gateway.race_length_s = 3600
    gateway.further += '[[riders]]\nracer_id = 7\nracer_name = "Chloé <b>"\nclass_ids = [2, 3]\n'
    gateway.start()
    open_bike(page, gateway)
    part(page, "name").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    choice = page.get_by_role("button", name="Chloé <b>, class 3")
    choice.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(part(page, "sentence")).to_contain_text("Chloé <b> rides bike-1", timeout=5_000)
    expect(part(page, "sentence")).to_contain_text("Chloé <b> rides from the next", timeout=10_000)


def test_cards_of_several_bikes_open_by_a_tap_and_close_by_the_back_link(
    page: Page, gateway: WebGateway
) -> None:
    gateway.start()
    page.goto(gateway.url)
    expect(page.locator("article:visible")).to_have_count(2)
    page.get_by_role("link", name="Show bike-2 on the whole screen").click()
    expect(page.locator("article:visible")).to_have_count(1)
    expect(part(page, "name")).to_have_text("Rider2")
    page.get_by_role("link", name="All bikes").click()
    expect(page.locator("article:visible")).to_have_count(2)
