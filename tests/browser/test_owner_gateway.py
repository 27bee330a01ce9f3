"""The owner's page of a real gateway: trouble, checks, the log, bug reports, kills and tokens."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.accessibility import findings
from tests.browser.conftest import PHONE, WIDTHS, WebGateway
from tests.support.gateway_process import alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto

#: A gateway that is gone is shown within this time, in ms, with a margin for a busy machine.
GONE_MS = 2_500
COMES_BACK_MS = 20_000
#: How long a check may take on a busy machine, in ms.
CHECK_MS = 60_000
GONE = "The gateway does not answer. This page reconnects by itself."
WRONG_TOKEN = (
    "This token is not valid. It may have been replaced: open the link that "
    "sudo alleycat-gateway web prints."
)
#: A further name of the gateway, for which its pages need the token.
NAMED = 'names = ["gym.example.com"]\n'


@pytest.fixture
def owner(page: Page, gateway: WebGateway) -> Page:
    """Return the page of a gateway that races and is connected to the cloud."""
    gateway.race_length_s = 3600
    gateway.start()
    gateway.wait_for_log("cloud connected")
    page.goto(f"{gateway.url}gateway")
    expect(page.locator("#verdict")).to_have_text("all well", timeout=10_000)
    return page


def fact(page: Page, name: str) -> Locator:
    return page.locator(f"#facts > [data-name={name}] dd")


def cell(page: Page, bike: int, name: str) -> Locator:
    return page.locator("#bikes > li").nth(bike - 1).locator(f"[data-name='{name}'] dd")


def top_of(found: Locator) -> Any:
    box = found.bounding_box()
    assert box is not None
    return box["y"]


def test_page_shows_the_bikes_the_cloud_and_the_buffer(owner: Page) -> None:
    expect(owner.locator("#name")).to_have_text("gateway-1")
    for number in (1, 2):
        expect(cell(owner, number, "bike")).to_have_text(f"bike-{number}")
        expect(cell(owner, number, "racer")).to_have_text(f"Rider{number}")
        expect(cell(owner, number, "state")).to_have_text("simulated")
        expect(cell(owner, number, "rpm")).to_have_text(re.compile(r"^\d+$"))
    second = cell(owner, 1, "second").inner_text()
    expect(cell(owner, 1, "second")).not_to_have_text(second)
    expect(fact(owner, "cloud")).to_have_text(re.compile(r"^connected for "))
    expect(fact(owner, "buffer")).to_have_text(
        re.compile(r"^\d+ messages? waiting, \d+ on disk.*, room for ")
    )


def test_calibration_of_each_bike_is_one_tap_away_and_leads_back(owner: Page) -> None:
    owner.get_by_role("link", name="Calibrate bike-2").click()
    expect(owner.locator("#title")).to_have_text("Calibrate bike-2")
    owner.get_by_role("link", name="All bikes, and the gateway").click()
    expect(owner.locator("#verdict")).to_have_text("all well", timeout=10_000)


def test_cloud_that_is_away_comes_first_with_a_remedy_until_it_is_back(
    owner: Page, broker: Mosquitto
) -> None:
    broker.stop()
    concern = owner.locator("#concerns li")
    expect(concern).to_have_count(1, timeout=10_000)
    expect(concern).to_contain_text(
        re.compile(r"^▲cloud offline for .*: Connection refused→ start the broker"), timeout=10_000
    )
    expect(owner.locator("#verdict")).to_have_text("1 thing needs attention:")
    assert top_of(concern) < top_of(owner.locator("#bikes-section"))
    expect(fact(owner, "cloud")).to_have_text(re.compile(r"^offline for "))
    expect(fact(owner, "buffer")).to_have_text(
        re.compile(r"^\d+ messages waiting, [1-9]\d* on disk"), timeout=10_000
    )
    broker.start()
    expect(owner.locator("#verdict")).to_have_text("all well", timeout=COMES_BACK_MS)
    expect(concern).to_have_count(0)
    expect(fact(owner, "cloud")).to_have_text(re.compile(r"^connected for "))


def test_check_that_a_click_starts_shows_what_the_command_finds(
    owner: Page, gateway: WebGateway
) -> None:
    owner.get_by_role("button", name="Run the check").click()
    state = owner.locator("#check-state")
    expect(state).to_have_text("The check is running …")
    expect(state).not_to_have_text("The check is running …", timeout=CHECK_MS)
    file = str(gateway.config_file)
    report = json.loads(alleycat_gateway("check", "--json", "--config", file).stdout)
    found = owner.locator("#findings li")
    expect(found).to_have_count(len(report["findings"]))
    for name in ("state", "name"):
        shown = found.locator(f"[data-part={name}]").all_inner_texts()
        assert shown == [one[name] for one in report["findings"]]
    expect(state).to_have_text(report["summary"])


def test_log_shows_the_lines_before_and_each_new_one(owner: Page, gateway: WebGateway) -> None:
    lines = owner.locator("#log li")
    expect(lines.filter(has_text="gateway started bikes=2")).to_have_count(1)
    os.kill(gateway.pid, signal.SIGHUP)
    expect(lines.last).to_contain_text("config reloaded bikes=2")


def test_bug_report_is_one_file_without_secrets(
    browser: Browser, gateway: WebGateway, authority: Authority
) -> None:
    gateway.further += NAMED
    gateway.start()
    mine, token = authority.issue("gateway-1"), token_of(gateway)
    pems = (mine.ca_file, mine.certificate_file, mine.private_key_file)
    pasted = "".join(pem.read_text("ascii") for pem in pems)
    with opened(browser, gateway, f"#token={token}") as page:
        expect(page.locator("#verdict")).to_be_visible()
        gateway.further += (
            f'[pasted]\nlink = "{gateway.url}#token={token}"\ntext = """{pasted}"""\n'
        )
        gateway.write_config()
        names: list[str] = []
        page.on("download", lambda file: names.append(file.suggested_filename))
        with page.expect_download(timeout=CHECK_MS) as downloading:
            page.get_by_role("link", name="Collect a bug report").click()
        text = Path(downloading.value.path()).read_text(encoding="utf-8")
        (cookie,) = page.context.cookies()
    (name,) = names
    assert re.fullmatch(r"alleycat-report-[\d-]+\.json", name)
    report = json.loads(text)
    assert report["check"]["findings"]
    assert report["status"]["gateway"]["thing_name"] == "gateway-1"
    assert "gateway started" in [line["text"].split(" bikes")[0] for line in report["log"]]
    assert report["config"]["web"]["port"] == gateway.web_port
    assert report["config"]["pasted"]["link"].endswith("#token=(left out)")
    for secret in (token, cookie["value"], *pasted.splitlines()):
        assert secret not in text


def test_gateway_that_is_killed_is_missed_within_two_seconds_and_comes_back(
    owner: Page, gateway: WebGateway
) -> None:
    gateway.kill()
    expect(owner.locator("#notice")).to_have_text(GONE, timeout=GONE_MS)
    gateway.start()
    expect(owner.locator("#notice")).to_have_text("", timeout=COMES_BACK_MS)
    expect(owner.locator("#verdict")).to_have_text("all well", timeout=10_000)
    expect(cell(owner, 1, "state")).to_have_text("simulated")
    expect(owner.locator("#log li").first).to_contain_text("gateway started bikes=2")


def token_of(gateway: WebGateway, *options: str) -> str:
    """Return the token of the link that `alleycat-gateway web` prints."""
    ended = alleycat_gateway("web", *options, "--config", str(gateway.config_file))
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split("#token=")[1].split()[0]


@contextmanager
def opened(browser: Browser, gateway: WebGateway, place: str = "") -> Iterator[Page]:
    """Yield the page at `place` in a browser of its own, which keeps no cookie."""
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        page.goto(f"{gateway.url}gateway{place}")
        yield page


def test_wrong_token_is_refused_in_plain_words(browser: Browser, gateway: WebGateway) -> None:
    gateway.further += NAMED
    gateway.start()
    with opened(browser, gateway, "#token=wrong") as page:
        expect(page.get_by_role("alert")).to_have_text(WRONG_TOKEN)
        expect(page.locator("#verdict")).to_have_count(0)
    with opened(browser, gateway) as page:
        expect(page.get_by_role("alert")).to_have_text("")
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text(WRONG_TOKEN)
        page.get_by_label("Token").fill(token_of(gateway))
        page.keyboard.press("Enter")
        expect(page.locator("#name")).to_have_text("gateway-1")


def test_replaced_token_locks_out_the_open_page_and_the_old_link(
    browser: Browser, gateway: WebGateway
) -> None:
    gateway.further += NAMED
    gateway.start()
    old = token_of(gateway)
    with opened(browser, gateway, f"#token={old}") as page:
        expect(page.locator("#name")).to_have_text("gateway-1")
        new = token_of(gateway, "--rotate")
        expect(page.get_by_label("Token")).to_be_visible(timeout=5_000)
        expect(
            page.get_by_text("Open the link that sudo alleycat-gateway web prints")
        ).to_be_visible()
        page.goto(f"{gateway.url}gateway#token={old}")
        expect(page.get_by_role("alert")).to_have_text(WRONG_TOKEN)
        page.goto(f"{gateway.url}gateway#token={new}")
        expect(page.locator("#name")).to_have_text("gateway-1")
        assert page.url == f"{gateway.url}gateway"


def test_axe_finds_nothing_while_all_is_well_and_in_an_outage(
    owner: Page, broker: Mosquitto
) -> None:
    owner.get_by_role("button", name="Run the check").click()
    expect(owner.locator("#findings li").first).to_be_visible(timeout=CHECK_MS)
    assert_accessible(owner)
    broker.stop()
    expect(owner.locator("#concerns li")).to_have_count(1, timeout=10_000)
    assert_accessible(owner)


def assert_accessible(page: Page) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert findings(page) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
