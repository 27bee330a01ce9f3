"""Firefox, driven by its own WebDriver BiDi (w3.org/TR/webdriver-bidi), which needs no driver."""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

from tests.browser.tab import TIMEOUT_S, Tab
from tests.support.children import killed_at_end

FIREFOX = "/usr/bin/firefox-esr"

#: Runs a coroutine in a loop, and returns its result.
Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass
class FirefoxTab(Tab):
    """The one tab of a Firefox."""

    socket: ClientWebSocketResponse
    run_in_loop: Run
    context: str = ""
    _last_id: int = 0

    def ask(self, method: str, **params: Any) -> Any:
        """Send a command; return its result. Raises ValueError for an error."""
        self._last_id += 1
        answer = self.run_in_loop(
            self._answer({"id": self._last_id, "method": method, "params": params})
        )
        if answer["type"] == "error":
            raise ValueError(f"{method}: {answer['message']}")
        return answer["result"]

    async def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        await self.socket.send_json(command)
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                answer: dict[str, Any] = json.loads(await self.socket.receive_str())
                if answer.get("id") == command["id"]:
                    return answer
                self._note(answer)

    def open(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def run(self, expression: str) -> str:
        found = self.ask(
            "script.evaluate",
            expression=expression,
            target={"context": self.context},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise ValueError(found["exceptionDetails"]["text"])
        return str(found["result"].get("value", ""))

    def _note(self, message: dict[str, Any]) -> None:
        entry = message.get("params", {})
        if message.get("method") == "log.entryAdded" and entry["level"] == "error":
            self.complaints.append(entry["text"])


@contextmanager
def firefox_tab(directory: Path) -> Iterator[FirefoxTab]:
    """Start Firefox with its profile in an empty directory, and yield its tab."""
    process = subprocess.Popen(
        [
            *(FIREFOX, "--headless", "--no-remote", "--profile", str(directory)),
            *("--remote-debugging-port", "0"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    with killed_at_end(process), _loop_in_a_thread() as run_in_loop:
        session, socket = run_in_loop(_connected(_endpoint(process)))
        tab = FirefoxTab(socket, run_in_loop)
        try:
            tab.ask("session.new", capabilities={})
            tab.ask("session.subscribe", events=["log.entryAdded"])
            tab.context = tab.ask("browsingContext.getTree")["contexts"][0]["context"]
            yield tab
            tab.ask("browser.close")
        finally:
            run_in_loop(session.close())


@contextmanager
def _loop_in_a_thread() -> Iterator[Run]:
    """Yield what runs a coroutine in a thread: that of the tests has the loop of Playwright."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _connected(url: str) -> tuple[ClientSession, ClientWebSocketResponse]:
    session = ClientSession()
    return session, await session.ws_connect(f"{url}/session")


def _endpoint(process: subprocess.Popen[bytes]) -> str:
    """Return the address that Firefox prints."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1].decode()
    raise RuntimeError("Firefox has ended without an address for WebDriver BiDi")
