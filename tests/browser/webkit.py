"""WebKit, the engine of Safari, driven by its own WebDriver (w3.org/TR/webdriver2).

It is Debian's WebKitGTK on a screen in memory, since it needs one. Unlike Safari, it focuses a
button that is tapped.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.browser.tab import ASK_EVERY_S, TIMEOUT_S, Tab
from tests.support.children import killed_at_end
from tests.support.mosquitto import free_port

DRIVER = "/usr/bin/WebKitWebDriver"
SCREEN = "/usr/bin/Xvfb"

#: Records what goes wrong from now on: errors of scripts, and violations of the page's own CSP.
_RECORD = """
window.complaints = [];
const record = ({ message, reason, violatedDirective }) =>
  window.complaints.push(`${message ?? reason ?? violatedDirective}`);
for (const kind of ["error", "unhandledrejection", "securitypolicyviolation"])
  addEventListener(kind, record);
"""


@dataclass
class WebKitTab(Tab):
    """The one tab of a browser. `session`: the driver's address for it.

    Its complaints are those after a page has loaded.
    """

    session: str

    def open(self, url: str) -> None:
        self.note()
        _ask(f"{self.session}/url", {"url": url})
        self._execute(_RECORD)

    def run(self, expression: str) -> str:
        return str(self._execute(f"return ({expression});") or "")

    def note(self) -> None:
        """Add the complaints of the page that is open."""
        self.complaints += self._execute("return window.complaints ?? [];")

    def _execute(self, script: str) -> Any:
        return _ask(f"{self.session}/execute/sync", {"script": script, "args": []})


@contextmanager
def webkit_tab(home: Path) -> Iterator[WebKitTab]:
    """Start a browser that keeps its files in an empty directory, and yield its tab."""
    port = free_port()
    with _screen() as display:
        variables = {"DISPLAY": display, "HOME": str(home), "LIBGL_ALWAYS_SOFTWARE": "1"}
        driver = subprocess.Popen(
            [DRIVER, f"--port={port}"],
            env=os.environ | variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with killed_at_end(driver):
            session = _new_session(f"http://127.0.0.1:{port}")
            try:
                tab = WebKitTab(session)
                yield tab
                tab.note()
            finally:
                _ask(session, method="DELETE")


@contextmanager
def _screen() -> Iterator[str]:
    """Yield the name of a screen in memory. The server chooses a free number, and prints it."""
    server = subprocess.Popen(
        [SCREEN, "-displayfd", "1", "-screen", "0", "1024x900x24", "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with killed_at_end(server):
        assert server.stdout is not None
        yield f":{server.stdout.readline().strip()}"


def _new_session(driver: str) -> str:
    """Return the address of a new session, as soon as the driver listens."""
    (browser,) = Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
    options = {"binary": str(browser), "args": ["--automation"]}
    wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
    late_s = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return f"{driver}/session/{_ask(f'{driver}/session', wanted)['sessionId']}"
        except URLError:
            assert time.monotonic() < late_s, "WebKit's driver does not listen"
            time.sleep(ASK_EVERY_S)


def _ask(url: str, parameters: object = None, method: str = "POST") -> Any:
    """Send a command; return its value. Raises ValueError for an error."""
    body = json.dumps(parameters or {}).encode()
    request = Request(url, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read())["value"]
    except HTTPError as error:
        raise ValueError(f"{url}: {error.read().decode()}") from error
