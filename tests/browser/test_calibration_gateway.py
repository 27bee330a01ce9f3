"""A calibration on a page of a real gateway: its effect on the race, and what may interrupt it."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.calibration_record import CapturedPoint
from gateway.sampling.calibration_store import CalibrationStore
from tests.browser.accessibility import findings
from tests.browser.conftest import CHROMIUM, WebGateway
from tests.support.calibrations import record
from tests.support.dialogue import Dialogue
from tests.support.subscriber import Subscriber

#: The knob's travel as a share of the pot's, so that a hand needs seconds for it: 0 … 100 % on the
#: knob are 60 … 860 of the bike's numbers.
TRAVEL = 0.2
RIG = """[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Ada"
class_id = 1
driver = "fake"
options = {{ wire = "lines", ride_s = 600, knob_file = "{knob}", pot = {{ raw_max = 4060 }} }}
"""
#: A calibration by which the knob's upper end is 50 %.
OLD = record(points=(CapturedPoint(0, 60, 1.5, 24), CapturedPoint(100, 1660, 1.5, 24)))
#: A gateway that is gone is shown within two seconds; Playwright sees it a little later. In ms.
GONE_MS = 2_500
COMES_BACK_MS = 20_000
CAPTURED_MS = 20_000
#: A dialogue that its page has left ends within this time, in seconds: the network may need five to
#: notice it.
LEFT_S = 20.0
TAKEN = "bike-1 is being calibrated in another session; end that session first"


class Rig:
    """A bike that a gateway races on, the hand on its knob, and its calibration page."""

    def __init__(self, gateway: WebGateway, directory: Path, subscriber: Subscriber) -> None:
        self._knob = directory / "knob"
        self.gateway = gateway
        self.url = f"{gateway.url}calibrate/bike-1"
        self.store = CalibrationStore(directory / "state")
        self.subscriber = subscriber
        gateway.bikes = [RIG.format(knob=self._knob)]
        self.turn(0)

    @property
    def files(self) -> dict[str, bytes]:
        """The bytes of the calibration and of its backups, by the name of the file."""
        directory = self.store.directory
        return {one.name: one.read_bytes() for one in directory.glob("*")}

    def turn(self, percent: float) -> None:
        self._knob.write_text(f"{percent * TRAVEL:g}", encoding="ascii")

    def begin(self, page: Page) -> None:
        page.goto(self.url)
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#big")).to_have_text("0 %", timeout=CAPTURED_MS)

    def capture(self, page: Page) -> None:
        """Capture all points."""
        expect(page.locator("#doing")).to_contain_text("has not moved", timeout=CAPTURED_MS)
        tap(page, "Capture now")
        for percent in (25, 50, 75, 100):
            expect(page.locator("#big")).to_have_text(f"{percent} %", timeout=CAPTURED_MS)
            self.turn(percent)
        expect(page.get_by_role("button", name="Accept")).to_be_visible(timeout=CAPTURED_MS)

    def try_out(self, page: Page) -> None:
        """Capture all points and accept them."""
        self.begin(page)
        self.capture(page)
        tap(page, "Accept")
        expect(page.locator("#lead")).to_have_text("On trial")

    def expect_resistance(self, percent: float) -> None:
        """Expect it in the next telemetry: in the first second that begins after now."""
        known = len(self.subscriber.messages)
        messages = self.subscriber.wait_for(lambda messages: len(messages) >= known + 2)
        assert messages[known + 1].resistance == pytest.approx(percent, abs=2)
        assert messages[known + 1].resistance_source is ResistanceSource.CALIBRATED


@pytest.fixture
def rig(gateway: WebGateway, tmp_path: Path, subscriber: Subscriber) -> Rig:
    """Return a rig that is calibrated, with its knob at the lower end."""
    rig = Rig(gateway, tmp_path, subscriber)
    rig.store.save(OLD)
    gateway.start()
    gateway.wait_for_log("cloud connected")
    gateway.wait_for_log("bike connected")
    return rig


def tap(page: Page, name: str) -> None:
    """Tap a button as a person does, who needs a moment to see it."""
    page.wait_for_timeout(500)
    page.get_by_role("button", name=name).click()


def test_calibration_by_taps_is_in_the_next_telemetry(rig: Rig, page: Page) -> None:
    before = rig.files
    rig.begin(page)
    rig.capture(page)
    rig.expect_resistance(50)
    tap(page, "Accept")
    expect(page.locator("#lead")).to_have_text("On trial")
    rig.expect_resistance(100)
    expect(page.locator("#big")).to_have_text("100 %")
    assert rig.files == before
    tap(page, "Save")
    expect(page.locator("#outcome")).to_have_text("Saved, and in use now.")
    rig.expect_resistance(100)
    saved = rig.store.load("bike-1")
    assert saved is not None
    assert [point.percent for point in saved.points] == [0, 25, 50, 75, 100]
    seconds = [one.race_id // 10 * 10 + one.second for one in rig.subscriber.messages]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))


def test_old_curve_is_compared_with_the_new_and_can_be_restored(rig: Rig, page: Page) -> None:
    before = rig.files["bike-1.json"]
    rig.begin(page)
    rig.capture(page)
    expect(page.locator("#curve polyline")).to_have_count(2)
    expect(page.locator("#legend")).to_have_text("dashed: the calibration of 2026-11-21")
    expect(page.locator("#changes li").last).to_contain_text(
        re.compile(r"was (49\.\d|50\.\d)\s%, will be (99\.\d|100\.0)\s%")
    )
    tap(page, "Accept")
    expect(page.locator("#lead")).to_have_text("On trial")
    tap(page, "Back to the review")
    expect(page.locator("#question")).to_contain_text("Use this curve?", ignore_case=True)
    rig.expect_resistance(50)
    tap(page, "Accept")
    expect(page.locator("#lead")).to_have_text("On trial")
    tap(page, "Save")
    expect(page.locator("#outcome")).to_have_text("Saved, and in use now.")
    tap(page, "Restore the calibration of")
    tap(page, "Tap again to restore it")
    expect(page.locator("#outcome")).to_contain_text("is restored and in use now")
    assert rig.files["bike-1.json"] == before
    rig.expect_resistance(50)


def test_discarded_trial_leaves_nothing(rig: Rig, page: Page) -> None:
    before = rig.files
    rig.try_out(page)
    rig.expect_resistance(100)
    tap(page, "Discard")
    expect(page.locator("#outcome")).to_have_text("Discarded: nothing was changed.")
    rig.expect_resistance(50)
    assert rig.files == before


@contextmanager
def other_browser(browser: Browser, profile: Path) -> Iterator[BrowserContext]:
    """Yield another browser process, which has this profile and may be killed."""
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=["--no-sandbox"]
    )
    yield context
    with suppress(Exception):  # the browser may have been killed
        context.close()


def pids_of(profile: Path) -> list[int]:
    """Return the processes of the browser that has this profile."""
    part = f"--user-data-dir={profile}".encode()
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if part in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
    return found


def kill_browser(_: Rig, page: Page, profile: Path) -> None:
    for pid in pids_of(profile):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def close_tab(_: Rig, page: Page, profile: Path) -> None:
    page.close()


@pytest.mark.parametrize("leave", [close_tab, kill_browser])
def test_page_that_is_left_leaves_nothing(
    rig: Rig, browser: Browser, tmp_path: Path, leave: Callable[[Rig, Page, Path], None]
) -> None:
    before = rig.files
    profile = tmp_path / "profile"
    with other_browser(browser, profile) as context:
        page = context.new_page()
        rig.try_out(page)
        rig.expect_resistance(100)
        leave(rig, page, profile)
        rig.gateway.wait_for_log("calibration ended", timeout_s=LEFT_S)
    rig.expect_resistance(50)
    assert rig.files == before


@contextmanager
def pulled_cable(port: int) -> Iterator[None]:
    """Swallow all packets of a port meanwhile, as a network does that a phone has left."""
    rules = [
        ["INPUT", "-i", "lo", "-p", "tcp", way, f"{port}", "-j", "DROP"]
        for way in ("--dport", "--sport")
    ]
    for rule in rules:
        subprocess.run(["iptables", "--wait", "--insert", *rule], check=True)
    try:
        yield
    finally:
        for rule in rules:
            subprocess.run(["iptables", "--wait", "--delete", *rule], check=True)


def no_iptables() -> str:
    """Return why packets cannot be swallowed here; empty if they can."""
    try:
        listed = subprocess.run(
            ["iptables", "--wait", "--list", "INPUT"], check=False, capture_output=True
        )
    except OSError as error:
        return f"iptables: {error}"
    return listed.stderr.decode().strip() if listed.returncode else ""


needs_iptables = pytest.mark.skipif(no_iptables() != "", reason=no_iptables())


@needs_iptables
@pytest.mark.parametrize("is_on_trial", [False, True], ids=["review", "trial"])
def test_network_that_is_lost_leaves_nothing(rig: Rig, page: Page, is_on_trial: bool) -> None:
    before = rig.files
    rig.begin(page)
    rig.capture(page)
    if is_on_trial:
        tap(page, "Accept")
        expect(page.locator("#lead")).to_have_text("On trial")
    with pulled_cable(rig.gateway.web_port):
        expect(page.locator("#problem")).to_contain_text("does not answer", timeout=GONE_MS)
        rig.gateway.wait_for_log("calibration ended", timeout_s=LEFT_S)
    expect(page.locator("#outcome")).to_contain_text("closed or offline", timeout=COMES_BACK_MS)
    expect(page.locator("#problem")).to_be_empty()
    rig.expect_resistance(50)
    assert rig.files == before


def test_page_that_is_reloaded_continues(rig: Rig, page: Page) -> None:
    rig.begin(page)
    tap(page, "Skip")
    expect(page.locator("#big")).to_have_text("25 %")
    page.reload()
    expect(page.locator("#big")).to_have_text("25 %")
    expect(page.locator("#rows")).to_contain_text("skipped")
    assert "calibration ended" not in rig.gateway.log


@needs_iptables
def test_page_that_is_away_for_a_moment_continues(rig: Rig, page: Page) -> None:
    rig.begin(page)
    tap(page, "Skip")
    expect(page.locator("#big")).to_have_text("25 %")
    with pulled_cable(rig.gateway.web_port):
        expect(page.locator("#problem")).to_contain_text("does not answer", timeout=GONE_MS)
    expect(page.locator("#problem")).to_be_empty(timeout=COMES_BACK_MS)
    expect(page.locator("#big")).to_have_text("25 %")
    tap(page, "Skip")
    expect(page.locator("#big")).to_have_text("50 %")
    assert "calibration ended" not in rig.gateway.log


def test_second_tab_and_terminal_are_refused_with_the_reason(
    rig: Rig, page: Page, browser: Browser
) -> None:
    rig.begin(page)
    with browser.new_context() as context:
        other = context.new_page()
        other.goto(rig.url)
        other.get_by_role("button", name="Start").click()
        expect(other.locator("#problem")).to_have_text(TAKEN)
        assert findings(other) == []
    with Dialogue("calibrate", "bike-1", "--config", str(rig.gateway.config_file)) as person:
        assert person.exit_code() == 1
        assert TAKEN in " ".join(person.text.split())
    expect(page.locator("#big")).to_have_text("0 %")
    expect(page.locator("#problem")).to_be_empty()


def test_page_is_refused_while_a_terminal_calibrates(rig: Rig, page: Page) -> None:
    with Dialogue("calibrate", "bike-1", "--config", str(rig.gateway.config_file)) as person:
        person.wait_for("1 of 5")
        page.goto(rig.url)
        page.get_by_role("button", name="Start").click()
        expect(page.locator("#problem")).to_have_text(TAKEN)
        person.press("q")
        assert person.exit_code() == 1
    rig.begin(page)
    expect(page.locator("#problem")).to_be_empty()


def test_gateway_that_is_gone_before_a_calibration_is_shown_and_comes_back(
    rig: Rig, page: Page
) -> None:
    page.goto(rig.url)
    expect(page.locator("#in-use")).to_have_text("In use: the calibration of 2026-11-21")
    rig.gateway.kill()
    expect(page.locator("#problem")).to_contain_text("does not answer", timeout=GONE_MS)
    rig.gateway.start()
    expect(page.locator("#problem")).to_be_empty(timeout=COMES_BACK_MS)
    rig.begin(page)


def test_gateway_that_is_killed_is_gone_at_once_and_can_calibrate_when_it_is_back(
    rig: Rig, page: Page
) -> None:
    before = rig.files
    rig.try_out(page)
    rig.gateway.kill()
    expect(page.locator("#problem")).to_contain_text("does not answer", timeout=GONE_MS)
    rig.gateway.start()
    expect(page.locator("#outcome")).to_contain_text("has ended", timeout=COMES_BACK_MS)
    expect(page.locator("#problem")).to_be_empty()
    expect(page.locator("#in-use")).to_have_text("In use: the calibration of 2026-11-21")
    assert rig.files == before
    rig.expect_resistance(50)
    tap(page, "Start")
    expect(page.locator("#big")).to_have_text("0 %", timeout=CAPTURED_MS)


def test_gateway_that_is_stopped_is_not_taken_for_a_page_that_left(rig: Rig, page: Page) -> None:
    before = rig.files
    rig.begin(page)
    rig.gateway.terminate()
    expect(page.locator("#outcome")).to_contain_text("was stopped")
    rig.gateway.start()
    assert rig.files == before
    tap(page, "Start")
    expect(page.locator("#big")).to_have_text("0 %", timeout=CAPTURED_MS)
    expect(page.locator("#problem")).to_be_empty()


def press_until(page: Page, key: str, name: str) -> None:
    """Press a key until the control with this name has the focus."""
    for _ in range(12):
        if page.evaluate("document.activeElement.innerText").startswith(name):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {name}")


def choose(page: Page, name: str) -> None:
    """Go to a button by Tab once it is there, and press Enter once the page accepts it."""
    expect(page.get_by_role("button", name=name)).to_be_enabled()
    press_until(page, "Tab", name)
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")


def test_calibration_by_keyboard_alone(rig: Rig, page: Page) -> None:
    page.goto(rig.url)
    choose(page, "Start")
    expect(page.locator("#doing")).to_contain_text("has not moved", timeout=CAPTURED_MS)
    choose(page, "Capture now")
    for percent in (25, 50, 75):
        expect(page.locator("#big")).to_have_text(f"{percent} %", timeout=CAPTURED_MS)
        choose(page, "Skip")
    expect(page.locator("#big")).to_have_text("100 %")
    rig.turn(100)
    expect(page.locator("#question")).to_be_visible(timeout=CAPTURED_MS)
    assert findings(page) == []
    choose(page, "Accept")
    expect(page.locator("#lead")).to_have_text("On trial")
    choose(page, "Save")
    expect(page.locator("#outcome")).to_have_text("Saved, and in use now.")
    choose(page, "Restore the calibration of")
    page.wait_for_timeout(500)
    page.keyboard.press("Enter")
    expect(page.locator("#outcome")).to_contain_text("is restored and in use now")
    assert rig.store.load("bike-1") == OLD
