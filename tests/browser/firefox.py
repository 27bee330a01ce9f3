"""Firefox, driven by its own WebDriver BiDi (w3.org/TR/webdriver-bidi), which needs no driver."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

FIREFOX = "/usr/bin/firefox-esr"
#: How long Firefox may take for a step, in seconds, and how often a page is asked, in seconds.
TIMEOUT_S = 60
ASK_EVERY_S = 0.1


@dataclass
class Tab:
    """The one tab of a Firefox. `complaints`: errors of its scripts, and of its console."""

    socket: ClientWebSocketResponse
    context: str = ""
    complaints: list[str] = field(default_factory=list)
    _last_id: int = 0

    async def ask(self, method: str, **params: Any) -> Any:
        """Send a command; return its result. Raises ValueError for an error."""
        self._last_id += 1
        await self.socket.send_json({"id": self._last_id, "method": method, "params": params})
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                answer = json.loads(await self.socket.receive_str())
                if answer.get("id") == self._last_id:
                    break
                self._note(answer)
        if answer["type"] == "error":
            raise ValueError(f"{method}: {answer['message']}")
        return answer["result"]

    async def open(self, url: str) -> None:
        await self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def text(self, selector: str) -> str:
        """Return the text of the first element; empty if there is none."""
        return await self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    async def run(self, expression: str) -> str:
        """Return the text that an expression of JavaScript results in."""
        found = await self.ask(
            "script.evaluate",
            expression=expression,
            target={"context": self.context},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise ValueError(found["exceptionDetails"]["text"])
        return str(found["result"].get("value", ""))

    async def wait_for(self, selector: str, pattern: str) -> str:
        """Wait until the text of an element matches; return it."""
        late_s = monotonic() + TIMEOUT_S
        while True:
            text = await self.text(selector)
            if re.search(pattern, text):
                return text
            assert monotonic() < late_s, f"{selector}: expected {pattern!r}, found {text!r}"
            await asyncio.sleep(ASK_EVERY_S)

    def _note(self, message: dict[str, Any]) -> None:
        entry = message.get("params", {})
        if message.get("method") == "log.entryAdded" and entry["level"] == "error":
            self.complaints.append(entry["text"])


@asynccontextmanager
async def firefox_tab(directory: Path) -> AsyncIterator[Tab]:
    """Start Firefox with its profile in an empty directory, and yield its tab."""
    process = await asyncio.create_subprocess_exec(
        *(FIREFOX, "--headless", "--no-remote", "--profile", str(directory)),
        *("--remote-debugging-port", "0"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        url = await _endpoint(process)
        async with ClientSession() as session, session.ws_connect(f"{url}/session") as socket:
            tab = Tab(socket)
            await tab.ask("session.new", capabilities={})
            await tab.ask("session.subscribe", events=["log.entryAdded"])
            tree = await tab.ask("browsingContext.getTree")
            tab.context = tree["contexts"][0]["context"]
            yield tab
    finally:
        process.terminate()
        await process.wait()


async def _endpoint(process: asyncio.subprocess.Process) -> str:
    """Return the address that Firefox prints."""
    assert process.stderr is not None
    async with asyncio.timeout(TIMEOUT_S):
        while line := await process.stderr.readline():
            if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
                return found[1].decode()
    raise RuntimeError("Firefox has ended without an address for WebDriver BiDi")
