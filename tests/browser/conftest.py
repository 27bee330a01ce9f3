"""A real Chromium that looks at real gateways: `make browser-test`, which installs Playwright."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import CDLL
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.broker_fixtures import authority, broker, subscriber
from tests.support.gateway_process import START_TIMEOUT_S, GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto, free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["authority", "broker", "subscriber"]

# The other targets of make run without Playwright, and leave this folder out.
collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]

CHROMIUM = which("chromium-headless-shell") or which("google-chrome")
STATIC = Path(__file__).parents[2] / "gateway" / "web" / "static"
#: A phone on the handlebar.
PHONE = {"width": 390, "height": 844}
#: The widths of a small phone, a phone, a tablet and a screen in a room, in pixels.
WIDTHS = (320, PHONE["width"], 1024, 1920)


#: Of <linux/prctl.h> and <linux/capability.h>.
PR_CAPBSET_DROP, CAP_SYS_NICE = 24, 23


class WebGateway(GatewayProcess):
    """A daemon that serves its pages. Start it, then open `url`."""

    def __init__(self, directory: Path, authority: Authority, broker_port: int) -> None:
        super().__init__(directory, authority.issue("gateway-1"))
        self.cloud["port"] = broker_port
        self.web_port = free_port()
        self.further = f"[web]\nport = {self.web_port}\n"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    def start(self, *arguments: str) -> None:
        """Start the daemon; return when it races and serves its pages."""
        super().start(*arguments)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.web_port)):
                return
            assert time.monotonic() < deadline, f"the gateway serves no pages:\n{self.log}"
            time.sleep(0.02)


@pytest.fixture
def gateway(tmp_path: Path, authority: Authority, broker: Mosquitto) -> Iterator[WebGateway]:
    """Yield a gateway with two fake bikes with races of ten seconds. Start it."""
    gateway = WebGateway(tmp_path, authority, broker.port)
    yield gateway
    gateway.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see collect_ignore_glob

    # For root, Chromium would raise its priority, and the gateways would starve.
    CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_NICE)
    with sync_playwright() as playwright:
        # Root, as in a container, may not use the sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page on a phone. The test fails if a script fails, or the page breaks its own CSP."""
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if _is_bad(line) else None)
    yield page
    context.close()
    assert complaints == []


def _is_bad(line: Any) -> bool:
    """Return whether a line is an error other than a gateway that is away or refuses the token."""
    is_known = "net::ERR_" in line.text or "401 (Unauthorized)" in line.text
    return line.type == "error" and not is_known


@pytest.fixture
def run_module(page: Page) -> Callable[..., Any]:
    """Return a function that evaluates JavaScript with a module of the pages as `module`.

    For modules that only compute; no server runs. `argument` is passed as `given`.
    """
    page.route("http://modules.test/**", lambda route: route.fulfill(**_file(route.request.url)))
    page.goto("http://modules.test/")

    def run(name: str, script: str, argument: object = None) -> Any:
        return page.evaluate(
            f"async ({{given}}) => {{ const module = await import('./{name}'); return {script}; }}",
            {"given": argument},
        )

    return run


def _file(url: str) -> dict[str, Any]:
    name = url.rpartition("/")[2]
    if not name:
        return {"content_type": "text/html", "body": "<!doctype html><title>modules</title>"}
    return {"content_type": "text/javascript", "body": (STATIC / name).read_text("utf-8")}
