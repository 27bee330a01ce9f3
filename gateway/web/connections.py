"""Connections: accepts them, and bounds how many there are, and how long each may do nothing."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from time import monotonic

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

#: Limits the connections at once, and those of one address, so that it cannot take all of them.
CONNECTIONS_MAX = 200
PER_ADDRESS_MAX = 100
#: The same for the streams among them: a page that has to wait for its stream still gets its files.
STREAMS_MAX = 160
STREAMS_PER_ADDRESS_MAX = 80
#: How long a connection may neither wait for an answer nor receive one, in seconds.
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
        #: Since when each connection has done nothing, and how many bytes it then had to receive.
        self._idle: dict[asyncio.Transport, tuple[float, int]] = {}
        self._busy: set[asyncio.Transport] = set()
        #: The address that each stream is sent to.
        self._streams: list[str] = []

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
        """Limit the time of each request, and the streams; `endless` ones limit their own time."""
        is_endless = getattr(request.match_info.handler, "is_endless", False)
        is_stream = getattr(request.match_info.handler, "is_stream", False)
        counted = self._sending(request.remote or "") if is_stream else nullcontext()
        with self._answering(request.transport), counted:
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
            self._idle.pop(transport, None)

    @contextmanager
    def _sending(self, address: str) -> Iterator[None]:
        """Count a stream. Raises HTTPServiceUnavailable if there are as many as there may be."""
        streams = self._streams
        if len(streams) >= STREAMS_MAX or streams.count(address) >= STREAMS_PER_ADDRESS_MAX:
            raise web.HTTPServiceUnavailable(text="too many pages are open\n")
        streams.append(address)
        try:
            yield
        finally:
            streams.remove(address)

    async def _look(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.end_idle_ones(server, monotonic())

    def end_idle_ones(self, server: web.Server, now_s: float) -> None:
        """End the connections that have done nothing for too long at this monotonic time.

        One that receives an answer slowly does something.
        """
        transports = {one.transport for one in server.connections if one.transport is not None}
        before, self._idle = self._idle, {}
        for transport in transports - self._busy:
            unsent_bytes = transport.get_write_buffer_size()
            since_s, unsent_before = before.get(transport, (now_s, unsent_bytes))
            if unsent_bytes < unsent_before:
                since_s = now_s
            self._idle[transport] = since_s, unsent_bytes
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
    """Mark a handler that bounds its own time."""
    handler.is_endless = True  # type: ignore[attr-defined]
    return handler


def stream(handler: Handler) -> Handler:
    """Mark a handler that sends a stream, of which there may be a limited number."""
    handler.is_stream = True  # type: ignore[attr-defined]
    return endless(handler)
