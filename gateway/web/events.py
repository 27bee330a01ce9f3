"""The stream of events that each open page reads, and the messages as they go out."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from importlib.metadata import version
from time import time

from aiohttp import web

from gateway.web.connections import endless
from gateway.web.hub import Hub, Page, PageReader, StreamOver, event

#: How long a reader may take to receive what was written, in seconds, before it is disconnected.
WRITE_TIMEOUT_S = 5.0
CONTENT_TYPES: dict[Page, str] = {
    "rider": "text/event-stream",
    "gateway": "text/event-stream",
    "tail": "application/x-ndjson",
}
PAGES: tuple[Page, ...] = ("rider", "gateway")


def routes(hub: Hub, admits: Callable[[web.Request], bool]) -> list[web.RouteDef]:
    """Return the routes of the streams, each of which ends once `admits` refuses its request."""
    hello = {"version": version("alleycat-gateway"), "started_at": round(time() * 1000)}
    hello_event = event("hello", json.dumps(hello).encode())

    def send(request: web.Request, page: Page, first: bytes) -> Awaitable[web.StreamResponse]:
        return _send(request, hub.reader(page), CONTENT_TYPES[page], first, admits)

    @endless
    async def events(request: web.Request) -> web.StreamResponse:
        page = next((one for one in PAGES if one == request.query.get("page")), None)
        if page is None:
            raise web.HTTPBadRequest(text=f"expected page={' or page='.join(PAGES)}\n")
        return await send(request, page, hello_event)

    @endless
    async def tail(request: web.Request) -> web.StreamResponse:
        return await send(request, "tail", b"")

    return [web.get("/events", events), web.get("/tail", tail)]


def stream_headers(content_type: str) -> dict[str, str]:
    """Return the headers of a stream, which nothing may keep or hold back."""
    return {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",  # nginx would hold events back
    }


async def _send(
    request: web.Request,
    reading: AbstractContextManager[PageReader],
    content_type: str,
    first: bytes,
    admits: Callable[[web.Request], bool],
) -> web.StreamResponse:
    """Send events until the page goes, is too slow, needs another token, or the gateway stops."""
    headers = stream_headers(content_type)
    if request.method == "HEAD":
        return web.Response(headers=headers)
    response = web.StreamResponse(headers=headers)
    with suppress(ConnectionError, TimeoutError, StreamOver), reading as reader:
        await response.prepare(request)  # from here on, the page misses nothing
        data = first
        while admits(request):
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await response.write(data)
            data = await reader.take()
    if request.transport is not None:
        request.transport.abort()
    return response
