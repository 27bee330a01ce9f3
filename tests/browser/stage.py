"""A stage for a page: its files, and a stream of events that a test writes. No gateway runs."""

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route

STATIC = Path(__file__).parents[2] / "gateway" / "web" / "static"
HOST = "http://stage.test"
#: The time on the page at the start, in seconds since the epoch.
START_S = 3600
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
#: Takes the place of EventSource.
STREAM = """
class StagedStream extends EventTarget {
  constructor() { super(); window.stagedStream = this; }
  close() {}
}
window.EventSource = StagedStream;
window.sendEvent = ([name, data]) =>
  window.stagedStream.dispatchEvent(new MessageEvent(name, { data }));
"""


class Stage:
    """A page with its files, which shows what `send` sends. Its clock only moves in `wait`."""

    def __init__(self, page: Page, html: str) -> None:
        self.page = page
        self.html = html
        #: The answers to requests, by the last part of their path.
        self.answers: dict[str, object] = {}
        #: The bodies of all requests.
        self.requests: list[Any] = []
        page.route(f"{HOST}/**", self._serve)
        page.add_init_script(STREAM)
        page.clock.install(time=START_S)
        page.clock.pause_at(START_S + 1)

    def open(self, place: str = "") -> None:
        self.page.goto(f"{HOST}/{place}")

    def send(self, name: str, data: bytes | object) -> None:
        text = data.decode() if isinstance(data, bytes) else json.dumps(data)
        self.page.evaluate("event => window.sendEvent(event)", [name, text])

    def wait(self, seconds: float) -> None:
        self.page.clock.run_for(round(seconds * 1000))

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(HOST).partition("?")[0]
        name = path.rpartition("/")[2]
        if name in self.answers:
            self.requests.append(route.request.post_data_json)
            route.fulfill(json=self.answers[name])
            return
        file = STATIC / (name if path.startswith("/static/") else self.html)
        if not file.is_file():
            route.fulfill(status=404)
            return
        route.fulfill(content_type=TYPES[file.suffix], body=file.read_text("utf-8"))
