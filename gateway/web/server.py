"""WebServer: the web server's thread, with an event loop of its own.

aiohttp is imported only here, once a server starts: a gateway without pages does not load it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from threading import Thread
from typing import TYPE_CHECKING

import structlog

from gateway.bike.bikes import cancel
from gateway.config.schema import Config
from gateway.web.feed import FeedItem, RaceFeed
from gateway.web.handover import Handover
from gateway.web.hub import Hub
from gateway.web.race_side import RaceSide

if TYPE_CHECKING:
    from aiohttp import web

#: How long open connections may take to end, in seconds.
CLOSE_S = 0.5
#: How long the thread may take to end, in seconds; then the process ends without it.
END_S = 2.0
BACKLOG = 64
#: Limit of what the kernel holds for a page that does not read, in bytes.
SEND_BUFFER_BYTES = 64 * 1024

log = structlog.get_logger()


class WebServer:
    """A thread that serves one application at a socket, from `start` to `stop`.

    `make` is called in the thread's loop, and returns the application.
    """

    def __init__(self, bound: socket.socket, make: "Callable[[], web.Application]") -> None:
        self._bound = bound
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """End all connections, and wait for the thread. A race is not delayed by it."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        await asyncio.to_thread(self._thread.join, END_S)

    def _run(self) -> None:
        with closing(self._loop), closing(self._bound):
            try:
                self._loop.run_until_complete(self._serve())
            # A race goes on, whatever happens in this thread.
            except Exception as error:
                log.exception("the web server has failed", exc_info=error)

    async def _serve(self) -> None:
        from aiohttp import web  # noqa: PLC0415 – its memory is for gateways with pages

        # A log of requests would grow with them. A page that goes leaves its stream at once.
        runner = web.AppRunner(
            self._make(), access_log=None, handler_cancellation=True, shutdown_timeout=CLOSE_S
        )
        await runner.setup()
        try:
            await web.SockSite(runner, self._bound, backlog=BACKLOG).start()
            await self._stopping.wait()
        finally:
            await runner.cleanup()


@asynccontextmanager
async def serve_web(config: Config, race: RaceSide) -> AsyncIterator[None]:
    """Serve the pages while the gateway runs, if the config has a port for them.

    If they cannot be served, the status contains a note about it and the race goes on.
    """
    place = config.web
    if place.port is None:
        yield
        return
    try:
        bound = bind(place.listen, place.port)
    except OSError as error:
        reason = error.strerror or error
        race.observer.note(f"web.port {place.port}: {reason}; expected a free port")
        yield
        return
    async with _pages_at(bound, race):
        yield


@asynccontextmanager
async def _pages_at(bound: socket.socket, race: RaceSide) -> AsyncIterator[None]:
    handover: Handover[FeedItem] = Handover()
    bikes = () if race.leases is None else race.leases.bikes
    feed = RaceFeed(race.observer, bikes, race.clock, handover.give)
    race.subscribe(feed.on_telemetry)

    def watch(is_watched: bool) -> None:
        race.loop.call_soon_threadsafe(feed.watch, is_watched)

    def make() -> "web.Application":
        from gateway.web.app import make_app  # noqa: PLC0415 – imports aiohttp

        hub = Hub(watch)
        handover.open(asyncio.get_running_loop(), hub.take)
        return make_app(hub, race)

    server = WebServer(bound, make)
    server.start()
    feeding = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        await cancel([feeding])
        await server.stop()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        bound.bind((host, port))
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
