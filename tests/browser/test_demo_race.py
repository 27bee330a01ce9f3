"""The page of a real demo: the race moves, its network is cut, and the account remains."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.accessibility import findings
from tests.browser.conftest import WIDTHS
from tests.support.race_page import race_page

BIKES = 8
RACE_S = 20
#: How long a demo takes to start its cloud and its gateways on a busy machine, in ms.
STARTS_MS = 40_000
#: How long the last messages may take, in ms.
ENDS_MS = 60_000
#: A race that is gone is shown within this time, in ms.
GONE_MS = 2_500


@contextmanager
def demo(race_s: int = RACE_S) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield a demo without an outage of its own, and the address of its page."""
    sizes = ("--bikes", str(BIKES), "--race", str(race_s), "--outage", "0")
    with race_page("demo", *sizes) as found:
        yield found


def names(page: Page) -> list[str]:
    return list(page.locator("#board tbody .name").all_text_contents())


def wait_for_race(page: Page) -> None:
    expect(page.locator("#when")).to_have_text(re.compile(r"^second "), timeout=STARTS_MS)


def fullest(page: Page) -> int:
    """Return the number of messages in the fullest shard."""
    counts = page.locator("#shards li > :last-child").all_text_contents()
    return max(int(one.replace(",", "")) for one in counts)


def wait_until(is_true: Any, page: Page, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


def test_race_moves_and_its_network_is_cut_and_restored(page: Page) -> None:
    with demo() as (process, address):
        page.goto(address)
        wait_for_race(page)
        rows = page.locator("#board tbody tr")
        expect(rows).to_have_count(BIKES)
        wait_until(lambda: fullest(page) > 0, page)
        order, arrived = names(page), fullest(page)
        wait_until(lambda: names(page) != order, page)
        wait_until(lambda: fullest(page) > arrived, page)
        switch = page.get_by_role("switch")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "false")
        legend = page.locator("#legend")
        expect(legend).to_contain_text(f"{BIKES} keeping")
        expect(rows.locator(".buffer")).to_have_text([re.compile(r"^[1-9]\d* kept$")] * BIKES)
        expect(page.locator("#trouble")).to_contain_text("network DOWN")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        expect(legend).to_contain_text(f"{BIKES} live", timeout=10_000)
        account = page.locator("#account")
        expect(account).to_be_visible(timeout=ENDS_MS)
        every = BIKES * RACE_S
        expect(account).to_contain_text(f"{every} of {every} messages in the stream: nothing lost")
        assert process.wait(timeout=20) == 0


def test_page_of_a_race_that_is_over_stays_usable(page: Page) -> None:
    with demo(race_s=10) as (process, address):
        page.goto(address)
        expect(page.locator("#account")).to_be_visible(timeout=STARTS_MS + ENDS_MS)
        process.wait(timeout=20)
    page.wait_for_timeout(GONE_MS)
    expect(page.locator("#when")).to_have_text("The race is over.")
    expect(page.locator("#trouble")).to_have_text("")
    expect(page.get_by_role("switch")).to_have_count(0)
    finals = page.locator("#board tbody .final").all_text_contents()
    assert finals == sorted(finals, key=float, reverse=True)
    assert len(finals) == BIKES


def test_race_that_is_broken_off_is_told_so(page: Page) -> None:
    with demo() as (process, address):
        page.goto(address)
        wait_for_race(page)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    expect(page.locator("#when")).to_have_text("The race was aborted.")
    expect(page.get_by_role("switch")).to_have_count(0)
    page.wait_for_timeout(GONE_MS)
    expect(page.locator("#trouble")).to_have_text("")


def test_axe_finds_nothing_in_a_race_and_in_its_account(page: Page) -> None:
    with demo() as (_, address):
        page.goto(address)
        wait_for_race(page)
        assert_accessible(page)
        expect(page.locator("#account")).to_be_visible(timeout=ENDS_MS)
    assert_accessible(page)


def assert_accessible(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert findings(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
