"""The main path of each page of a real gateway in Firefox, and in WebKit, Safari's engine."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import WebGateway
from tests.browser.firefox import FIREFOX, firefox_tab
from tests.browser.tab import Tab
from tests.browser.webkit import DRIVER, SCREEN, webkit_tab
from tests.support.race_page import race_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: Each browser: what opens its tab, and the programs that it needs, with their packages.
BROWSERS = {
    "firefox": (firefox_tab, {FIREFOX: "firefox-esr"}),
    "webkit": (webkit_tab, {DRIVER: "webkit2gtk-driver", SCREEN: "xvfb"}),
}

#: How long a person needs to see a button, in seconds; an earlier tap counts as a double one.
PERSON_S = 0.6
SWITCH = "document.querySelector('[role=switch]').click()"
RPM = "#bikes > li:nth-child(2) [data-name=rpm] dd"


@pytest.fixture(params=BROWSERS)
def tab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tab]:
    """Yield a tab. The test fails on what its browser reports: failed scripts, a broken CSP."""
    open_tab, programs = BROWSERS[request.param]
    for program, package in programs.items():
        if not Path(program).exists():
            pytest.skip(f"needs {package}")
    home = tmp_path / "browser"
    home.mkdir()
    with open_tab(home) as tab:
        yield tab
    assert tab.complaints == []


@pytest.fixture
def racing(gateway: WebGateway) -> WebGateway:
    gateway.race_length_s = 3600
    gateway.start()
    gateway.wait_for_log("cloud connected")
    return gateway


def test_rider_sees_live_values_and_the_end_of_the_gateway(tab: Tab, racing: WebGateway) -> None:
    tab.open(f"{racing.url}#bike-1")
    tab.wait_for("[data-part=cadence]", r"^\d+$")
    before = tab.wait_for("[data-part=clock]", r"^\d+:\d\d")
    tab.wait_for("[data-part=clock]", rf"^(?!{before})\d+:\d\d")
    racing.kill()
    tab.wait_for("#announcer", "does not answer")
    racing.start()
    tab.wait_for("[data-part=sentence]", "You are racing")
    tab.wait_for("[data-part=cadence]", r"^\d+$")


def test_owner_sees_all_well_and_the_results_of_a_check(tab: Tab, racing: WebGateway) -> None:
    tab.open(f"{racing.url}gateway")
    tab.wait_for("#verdict", "all well")
    tab.wait_for(RPM, r"^\d+$")
    tab.run("document.querySelector('#check').click()")
    tab.wait_for("#findings", "messages accepted since the start")


def test_calibration_starts_and_is_discarded(tab: Tab, racing: WebGateway) -> None:
    tab.open(f"{racing.url}calibrate/bike-1")
    tab.wait_for("#title", "Calibrate bike-1")
    tab.run("document.querySelector('#begin').requestSubmit()")
    tab.wait_for("#dialogue", r"\d")
    time.sleep(PERSON_S)
    tab.run(
        "[...document.querySelectorAll('#dialogue button')]"
        ".find((one) => one.innerText === 'Discard').click()"
    )
    tab.wait_for("#outcome", "Discarded: nothing was changed.")


def test_network_of_a_demo_is_cut_and_restored_and_nothing_is_lost(tab: Tab) -> None:
    with race_page("demo", "--bikes", "4", "--race", "15", "--outage", "0") as (_, address):
        tab.open(address)
        tab.wait_for("#when", "^second ")
        tab.run(SWITCH)
        tab.wait_for("#trouble", "network DOWN")
        tab.run(SWITCH)
        tab.wait_for("#account", "60 of 60 messages in the stream: nothing lost")
