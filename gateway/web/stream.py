"""Streams of events, each of which an open page reads until it goes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from aiohttp import web

#: How long a reader may take to receive what was written, in seconds, before it is disconnected.
WRITE_TIMEOUT_S = 5.0
EVENT_STREAM = "text/event-stream"


async def send_stream(
    request: web.Request,
    events: AsyncGenerator[bytes, None],
    admits: Callable[[web.Request], bool],
    content_type: str = EVENT_STREAM,
) -> web.StreamResponse:
    """Send events until they end, or the page goes, is too slow, or needs another token.

    The headers follow the first event: a client that has received them misses nothing from then on.
    """
    headers = {
        "Content-Type": content_type,
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",  # nginx would hold events back
    }
    if request.method == "HEAD":
        return web.Response(headers=headers)
    response = web.StreamResponse(headers=headers)
    with suppress(ConnectionError, TimeoutError):
        async with aclosing(events):
            async for data in events:
                if not admits(request):
                    break
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    if not response.prepared:
                        await response.prepare(request)
                    await response.write(data)
            else:
                return response
    if request.transport is not None:
        request.transport.abort()
    return response
