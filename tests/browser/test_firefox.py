"""The main path of each page of a real gateway in Firefox."""

import asyncio
from collections.abc import AsyncIterator
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
async def tab(tmp_path: Path) -> AsyncIterator[Tab]:
    """Yield a tab. The test fails if a script of a page fails, or a page breaks its own CSP."""
    profile = tmp_path / "firefox"
    profile.mkdir()
    async with firefox_tab(profile) as tab:
        yield tab
        assert tab.complaints == []


@pytest.fixture
def racing(gateway: WebGateway) -> WebGateway:
    gateway.race_length_s = 3600
    gateway.start()
    gateway.wait_for_log("cloud connected")
    return gateway


async def test_rider_sees_live_values_and_the_end_of_the_gateway(
    tab: Tab, racing: WebGateway
) -> None:
    await tab.open(f"{racing.url}#bike-1")
    await tab.wait_for("[data-part=cadence]", r"^\d+$")
    before = await tab.wait_for("[data-part=clock]", r"^\d+:\d\d")
    await tab.wait_for("[data-part=clock]", rf"^(?!{before})\d+:\d\d")
    racing.kill()
    await tab.wait_for("#announcer", "does not answer")
    racing.start()
    await tab.wait_for("[data-part=sentence]", "You are racing")
    await tab.wait_for("[data-part=cadence]", r"^\d+$")


async def test_owner_sees_all_well_and_the_results_of_a_check(tab: Tab, racing: WebGateway) -> None:
    await tab.open(f"{racing.url}gateway")
    await tab.wait_for("#verdict", "all well")
    await tab.wait_for(RPM, r"^\d+$")
    await tab.run("document.querySelector('#check').click()")
    await tab.wait_for("#findings", "messages accepted since the start")


async def test_calibration_starts_and_is_discarded(tab: Tab, racing: WebGateway) -> None:
    await tab.open(f"{racing.url}calibrate/bike-1")
    await tab.wait_for("#title", "Calibrate bike-1")
    await tab.run("document.querySelector('#begin').requestSubmit()")
    await tab.wait_for("#dialogue", r"\d")
    await asyncio.sleep(PERSON_S)
    await tab.run(
        "[...document.querySelectorAll('#dialogue button')]"
        ".find((one) => one.innerText === 'Discard').click()"
    )
    await tab.wait_for("#outcome", "Discarded: nothing was changed.")
