"""`check`, run for the owner's page in a process of its own, which no race waits for."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from gateway.terminal.json_line import json_line

#: How long a check may take, in seconds. The limits of its parts are shorter.
CHECK_MAX_S = 90.0
FAILED = "the check has given no answer; run: sudo alleycat-gateway check"


def check_command(file: Path) -> list[str]:
    """Return the command that checks a config, and lets everything else run first."""
    python = [sys.executable, "-P", "-m", "gateway"]
    return ["nice", "-n", "10", *python, "check", "--json", "--config", str(file)]


class Checker:
    """Runs one check at a time. `show` receives the state of each as a line of JSON."""

    def __init__(self, command: Sequence[str], show: Callable[[bytes], None]) -> None:
        self._command = command
        self._show = show
        self._running: asyncio.Task[dict[str, Any]] | None = None

    async def report(self) -> dict[str, Any]:
        """Return the report of the check that runs; if none does, start one."""
        return await asyncio.shield(self.start())

    def start(self) -> asyncio.Task[dict[str, Any]]:
        """Start a check, unless one runs already."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._check())
        return self._running

    async def end(self) -> None:
        """End a check that runs, with its process."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _check(self) -> dict[str, Any]:
        self._show(json_line({"is_running": True, "report": None}))
        report = await self._answer()
        self._show(json_line({"is_running": False, "report": report}))
        return report

    async def _answer(self) -> dict[str, Any]:
        """Return what `check --json` prints, or one finding that there was no answer."""
        try:
            async with asyncio.timeout(CHECK_MAX_S):
                found: dict[str, Any] = json.loads(await _output(self._command))
        except (OSError, ValueError, TimeoutError):
            finding = {"name": "check", "state": "failed", "what": FAILED, "remedy": ""}
            return {"ok": False, "summary": "1 failed", "findings": [finding], "versions": {}}
        return found


async def _output(command: Sequence[str]) -> bytes:
    """Return the standard output of a command, which ends with this call at the latest."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return output


def routes(checker: Checker) -> list[web.RouteDef]:
    """Return the route that starts a check, whose result comes with the stream."""

    async def check(_: web.Request) -> web.Response:
        checker.start()
        return web.Response(status=202)

    return [web.post("/check", check)]


def ending(checker: Checker) -> Callable[[web.Application], Awaitable[None]]:
    """Return a function that ends a check with the application."""

    async def end(_: web.Application) -> None:
        await checker.end()

    return end
