"""WebServer: the web server's thread, with an event loop of its own.

aiohttp is imported only here, once a server starts: a gateway without pages does not load it.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import structlog

from gateway.bike.bikes import cancel
from gateway.config.schema import Config, WebConfig
from gateway.host.log import listening
from gateway.web.feed import FeedItem, RaceFeed
from gateway.web.handover import Handover
from gateway.web.hub import Hub
from gateway.web.mdns.local_name import local_name
from gateway.web.race_side import RaceSide
from gateway.web.token import TokenFile

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.web.connections import Connections

#: How long open connections may take to end, in seconds.
CLOSE_S = 0.5
#: How long the thread may take to end, in seconds; then the process ends without it.
END_S = 2.0
BACKLOG = 64
LOOPBACK = "127.0.0.1"
#: Limit of what the kernel holds for a page that does not read, in bytes.
SEND_BUFFER_BYTES = 64 * 1024
#: How long a computer may take to acknowledge what was sent, in ms, before its connection is given
#: up: nothing else ends the connection of a telephone that has left the network.
ACKNOWLEDGE_MAX_MS = 5_000

FEED_FAILED = "the pages receive no status because of a bug in the gateway; the log has the reason"
FAILED = "the web server has failed, so there are no pages or metrics; the log has the reason"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Site:
    """A bound socket, and what makes its application in the server's loop.

    `publish`, if any, runs there while the site is served, and publishes its name.
    """

    bound: socket.socket
    make: "Callable[[Connections], web.Application]"
    publish: Callable[[], Coroutine[Any, Any, None]] | None = None


class WebServer:
    """A thread that serves applications at their sockets, from `start` to `stop`.

    `begin` is called in the thread's loop before anything else, and `on_failure` in the thread if
    the server ends by itself.
    """

    def __init__(
        self, sites: Sequence[Site], begin: Callable[[], None], on_failure: Callable[[], object]
    ) -> None:
        self._sites = sites
        self._begin = begin
        self._on_failure = on_failure
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """End all connections, and wait for the thread. A race is not delayed by it."""
        with suppress(RuntimeError):  # it has failed, so its loop is closed
            self._loop.call_soon_threadsafe(self._stopping.set)
        await asyncio.to_thread(self._thread.join, END_S)

    def _run(self) -> None:
        with closing(self._loop):
            try:
                self._loop.run_until_complete(self._serve())
            # A race goes on, whatever happens in this thread.
            except Exception as error:
                log.exception("web server failed", exc_info=error)
                self._on_failure()

    async def _serve(self) -> None:
        self._begin()
        sites = [asyncio.create_task(_serve_site(site)) for site in self._sites]
        publishers = [site.publish for site in self._sites if site.publish is not None]
        publishing = [asyncio.create_task(publish()) for publish in publishers]
        stopping: asyncio.Task[Any] = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *sites], return_when=asyncio.FIRST_COMPLETED)
        await cancel([stopping, *publishing, *sites])
        if late := [site for site in sites if not site.done()]:
            log.warning("web server ended without waiting for its pages")
            await cancel(late)
        for ended in (site for site in sites if site.done() and not site.cancelled()):
            ended.result()


async def _serve_site(site: Site) -> None:
    """Serve one site until this is cancelled."""
    from aiohttp import web  # noqa: PLC0415 – its memory is for gateways with pages

    from gateway.web.connections import IDLE_MAX_S, Connections, request_log  # noqa: PLC0415

    connections = Connections()
    with closing(site.bound):
        # A log of requests would grow with them. A page that goes leaves its stream at once.
        runner = web.AppRunner(
            site.make(connections),
            access_log=None,
            logger=request_log(),
            handler_cancellation=True,
            keepalive_timeout=IDLE_MAX_S,
            shutdown_timeout=CLOSE_S,
        )
        await runner.setup()
        assert runner.server is not None
        try:
            await connections.serve(runner.server, site.bound)
        finally:
            await runner.cleanup()


@asynccontextmanager
async def serve_web(config: Config, race: RaceSide, file: Path) -> AsyncIterator[None]:
    """Serve pages and metrics while the gateway runs, as far as the config has ports for them.

    `file`: that of the config.
    If either cannot be served, the status contains a note about it and the race goes on.
    """
    handover: Handover[FeedItem] = Handover()
    bikes = () if race.leases is None else race.leases.bikes
    feed = RaceFeed(race.observer, bikes, race.clock, handover.give)
    hub = Hub(lambda *watched: race.loop.call_soon_threadsafe(feed.watch, *watched))
    sites = [*_pages(config, race, hub, file), *_metrics(config, race)]
    if not sites:
        yield
        return
    race.subscribe(feed)
    server = WebServer(
        sites,
        lambda: handover.open(asyncio.get_running_loop(), hub.take),
        lambda: race.loop.call_soon_threadsafe(race.observer.note, FAILED),
    )
    server.start()
    feeding = asyncio.create_task(feed.run())
    feeding.add_done_callback(partial(_feed_ended, race))
    try:
        with listening(handover.give):
            yield
    finally:
        await cancel([feeding])
        await server.stop()


def _feed_ended(race: RaceSide, feeding: asyncio.Task[None]) -> None:
    """Report an error that has ended the feed: the pages would wait without a reason."""
    if not feeding.cancelled() and (error := feeding.exception()) is not None:
        log.exception("feed of the pages failed", exc_info=error)
        race.observer.note(FEED_FAILED)


def _pages(config: Config, race: RaceSide, hub: Hub, file: Path) -> Iterator[Site]:
    place, name = config.web, local_name(config)
    if place.port is None:
        return
    token = None
    if place.is_reached_from_outside:
        token = TokenFile(config.state_dir)
        try:
            token.create()
        except OSError as error:
            reason = f"{token.path}: {error.strerror}"
            race.observer.note(f"there are no pages, because their token cannot be kept: {reason}")
            return
    try:
        bound = bind(place.listen, place.port)
    except OSError as error:
        race.observer.note(_problem(f"web.port {place.port}", error))
        return

    def make(connections: "Connections") -> "web.Application":
        from gateway.web.app import pages_app  # noqa: PLC0415 – imports aiohttp
        from gateway.web.security import Guard, names_of  # noqa: PLC0415

        names = place.names if name is None else (*place.names, name)
        return pages_app(hub, race, Guard(names_of(names), token), connections, file)

    yield Site(bound, make, None if name is None else _publishing(name, place, race))


def _publishing(
    name: str, place: WebConfig, race: RaceSide
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return what publishes the name of the pages, and notes in the status why it cannot."""

    def on_problem(problem: str | None) -> None:
        race.loop.call_soon_threadsafe(race.observer.note_name, problem)

    async def publish() -> None:
        from gateway.web.mdns.publishing import NamePublisher  # noqa: PLC0415 – imports dbus_fast

        assert place.port is not None
        await NamePublisher(name, place.listen, place.port, on_problem).run()

    return publish


def _metrics(config: Config, race: RaceSide) -> Iterator[Site]:
    port = config.metrics.port
    if port is None:
        return
    try:
        bound = bind(LOOPBACK, port)
    except OSError as error:
        race.observer.note(_problem(f"metrics.port {port}", error))
        return

    def make(connections: "Connections") -> "web.Application":
        from gateway.web.app import metrics_app  # noqa: PLC0415 – imports aiohttp
        from gateway.web.security import Guard, names_of  # noqa: PLC0415

        return metrics_app(race, Guard(names_of(()), None), connections)

    yield Site(bound, make)


def _problem(key: str, error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return f"{key}: {error.strerror}; expected a free port"
    return f"{key}: {error.strerror or error}"


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address. Raises OSError.

    A page that connects at once waits until the thread accepts it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, ACKNOWLEDGE_MAX_MS)
        bound.bind((host, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound
