"""A stage for a page: its files, and a stream of events that a test writes. No gateway runs."""

import json
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Page, Route

STATIC = Path(__file__).parents[2] / "gateway" / "web" / "static"
#: The time on the page at the start, in seconds since the epoch.
START_S = 3600
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
#: Takes the place of EventSource, and records what the page posts at once: a server would hear of
#: it some time after the tap.
SCRIPT = """
const { fetch } = window;
window.posted = [];
window.fetch = (place, init) => {
  if (init?.body) window.posted.push(JSON.parse(init.body));
  return fetch(place, init);
};
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
        server = _server()
        server.stage = self
        self.host = f"http://127.0.0.1:{server.server_port}"
        page.add_init_script(SCRIPT)
        page.clock.install(time=START_S)
        page.clock.pause_at(START_S + 1)

    @property
    def posted(self) -> list[Any]:
        """What the page has posted since it was opened, answered or not."""
        found: list[Any] = self.page.evaluate("window.posted")
        return found

    def open(self, place: str = "") -> None:
        self.page.goto(f"{self.host}/{place}")

    def send(self, name: str, data: bytes | object) -> None:
        text = data.decode() if isinstance(data, bytes) else json.dumps(data)
        self.page.evaluate("event => window.sendEvent(event)", [name, text])

    def wait(self, seconds: float) -> None:
        self.page.clock.run_for(round(seconds * 1000))

    def hold(self, pattern: str) -> list[Route]:
        """Leave requests to a URL unanswered; return the list to which they will be appended."""
        held: list[Route] = []

        def keep(route: Route) -> None:
            held.append(route)

        self.page.route(pattern, keep)
        return held

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return the type and the content of the answer to a request; None if there is none."""
        name = path.rpartition("/")[2]
        if name in self.answers:
            return "application/json", json.dumps(self.answers[name]).encode()
        file = STATIC / (name if path.startswith("/static/") else self.html)
        return (TYPES[file.suffix], file.read_bytes()) if file.is_file() else None


class StageServer(ThreadingHTTPServer):
    """A server for the stage of the present test: quicker than Playwright's routes by far."""

    daemon_threads = True
    stage: Stage


class StageRequest(BaseHTTPRequestHandler):
    """A connection of the browser to the stage."""

    protocol_version = "HTTP/1.1"
    server: StageServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = self.server.stage.answer(path)
        content_type, content = found or ("text/plain", b"")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        is_file = path.startswith("/static/")
        self.send_header("Cache-Control", "max-age=3600" if is_file else "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 – its name there
        """Log nothing."""


@cache
def _server() -> StageServer:
    """Start the server of this process."""
    server = StageServer(("127.0.0.1", 0), StageRequest)
    Thread(target=server.serve_forever, daemon=True).start()
    return server
