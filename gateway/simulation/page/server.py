"""The page's server: a thread of its own on loopback, which no racer waits for."""

import asyncio
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from gateway.host.errors import GatewayError
from gateway.simulation.page.stage import Stage
from gateway.simulation.scene import Scene, Summary
from gateway.web.handover import Handover
from gateway.web.race_side import run_in
from gateway.web.server import LOOPBACK, Site, WebServer, bind

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.web.connections import Connections


class PageError(GatewayError):
    """There can be no page. The message gives the reason and what to do."""


class SwitchedNetwork(Protocol):
    """A network that can be cut and restored, in the loop of the race."""

    def switch(self, is_up: bool) -> Coroutine[Any, Any, None]: ...


class RacePage:
    """The page of one race, from its address to the account, as the race's loop uses it."""

    def __init__(self) -> None:
        self._bound = bind(LOOPBACK, 0)
        self.url = f"http://{LOOPBACK}:{self._bound.getsockname()[1]}/demo"
        self._handover: Handover[Scene | Summary] = Handover()
        self._network: SwitchedNetwork | None = None
        self._race_loop: asyncio.AbstractEventLoop | None = None

    def offer(self, network: SwitchedNetwork) -> None:
        """Let spectators switch a network."""
        self._race_loop = asyncio.get_running_loop()
        self._network = network

    def show(self, scene: Scene) -> None:
        self._handover.give(scene)

    def end(self, summary: Summary) -> None:
        """Show the account, after which the page needs no server."""
        self._handover.give(summary)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Serve the page until the context ends."""
        stage = Stage()

        def make(connections: "Connections") -> "web.Application":
            from gateway.simulation.page.application import make_app  # noqa: PLC0415 – aiohttp

            return make_app(stage, self._switch, connections)

        server = WebServer(
            [Site(self._bound, make)],
            lambda: self._handover.open(asyncio.get_running_loop(), stage.take),
            lambda: None,  # the log has the reason, and the terminal shows the race
        )
        server.start()
        try:
            yield
        finally:
            await server.stop()

    async def _switch(self, is_up: bool) -> bool:
        """Switch the network from the server's loop; return whether there is one."""
        if self._network is None or self._race_loop is None:
            return False
        await run_in(self._race_loop, self._network.switch(is_up))
        return True


def open_page(*, in_browser: bool) -> RacePage:
    """Return the page of a race, which `shown` will serve. Raises PageError."""
    if find_spec("aiohttp") is None:
        raise PageError(
            "the page of a race needs aiohttp, which is not installed; install it with: "
            "pip install aiohttp"
        )
    page = RacePage()
    if in_browser:
        # A browser may take seconds to start, and one without a window takes this terminal.
        Thread(target=webbrowser.open, args=(page.url,), daemon=True).start()
    return page


async def shown(
    page: RacePage | None,
    show: Callable[[Scene], None],
    race: Callable[[Callable[[Scene], None]], Awaitable[Summary]],
) -> Summary:
    """Run `race` with a function that shows its scenes by `show` and on the page, if any."""
    if page is None:
        return await race(show)

    def show_both(scene: Scene) -> None:
        show(scene)
        page.show(scene)

    async with page.served():
        summary = await race(show_both)
        page.end(summary)
    return summary
