"""The main path of each page of a real gateway in Firefox."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import WebGateway
from tests.browser.firefox import FIREFOX, Tab, firefox_tab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not Path(FIREFOX).exists(), reason="needs firefox-esr"),
]

#: How long a person needs to see a button, in seconds; an earlier tap counts as a double one.
PERSON_S = 0.6
RPM = "#bikes > li:nth-child(2) [data-name=rpm] dd"


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    """Yield a tab. The test fails if a script of a page fails, or a page breaks its own CSP."""
    profile = tmp_path / "firefox"
    profile.mkdir()
    with firefox_tab(profile) as tab:
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
