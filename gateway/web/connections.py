"""Connections: accepts them, and bounds how many there are, and how long each may do nothing."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

#: Limits the connections at once, and those of one address, so that it cannot take all of them.
CONNECTIONS_MAX = 160
PER_ADDRESS_MAX = 80
#: How long a connection may be without a request that is being answered, in seconds.
IDLE_MAX_S = 10.0
#: Time between two looks at idle connections, in seconds.
LOOK_EVERY_S = 1.0
#: How long reading a request's body and making its answer may take, in seconds.
ANSWER_MAX_S = 10.0
#: Pause after an error of the system, such as too many open files, in seconds.
PAUSE_S = 0.5


def request_log() -> logging.Logger:
    """Return the logger of failed requests: it logs bugs, but not what strangers send.

    The text of a malformed request may contain a cookie or the token.
    """
    log = logging.getLogger("gateway.web.requests")
    log.filters = [_is_bug]
    return log


def _is_bug(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


class Connections:
    """The connections of one server: `serve` accepts them, and ends them if they do nothing."""

    def __init__(self) -> None:
        #: When each connection last had a request that was being answered.
        self._idle_since_s: dict[asyncio.Transport, float] = {}
        self._busy: set[asyncio.Transport] = set()

    async def serve(self, server: web.Server, bound: socket.socket) -> None:
        """Accept connections forever."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look(server))
            while True:
                try:
                    connection, peer = await loop.sock_accept(bound)
                except OSError:
                    await asyncio.sleep(PAUSE_S)
                    continue
                if not _has_room(server, peer[0]):
                    connection.close()
                    continue
                with suppress(OSError):
                    await loop.connect_accepted_socket(server, connection)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Limit the time of each request; one marked as `endless` limits its own."""
        is_endless = getattr(request.match_info.handler, "is_endless", False)
        with self._answering(request.transport):
            try:
                async with asyncio.timeout(None if is_endless else ANSWER_MAX_S):
                    return await handler(request)
            except TimeoutError:
                raise web.HTTPServiceUnavailable(text="the gateway is busy\n") from None

    @contextmanager
    def _answering(self, transport: asyncio.Transport | None) -> Iterator[None]:
        if transport is None:
            yield
            return
        self._busy.add(transport)
        try:
            yield
        finally:
            self._busy.remove(transport)
            self._idle_since_s[transport] = monotonic()

    async def _look(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.end_idle_ones(server, monotonic())

    def end_idle_ones(self, server: web.Server, now_s: float) -> None:
        """End the connections that have done nothing for too long at this monotonic time."""
        transports = {one.transport for one in server.connections if one.transport is not None}
        idle = transports - self._busy
        self._idle_since_s = {one: self._idle_since_s.get(one, now_s) for one in idle}
        for transport, since_s in self._idle_since_s.items():
            if now_s - since_s >= IDLE_MAX_S:
                transport.abort()


def _has_room(server: web.Server, address: str) -> bool:
    addresses = [
        # A connection that its peer reset before it was accepted has no name.
        (one.transport.get_extra_info("peername") or ("",))[0]
        for one in server.connections
        if one.transport is not None
    ]
    return len(addresses) < CONNECTIONS_MAX and addresses.count(address) < PER_ADDRESS_MAX


def endless(handler: Handler) -> Handler:
    """Mark a handler that bounds its own time, such as one that sends a stream."""
    handler.is_endless = True  # type: ignore[attr-defined]
    return handler
