"""The stream of events that each open page reads, and the status for programs."""

import asyncio
import json
from contextlib import suppress
from importlib.metadata import version
from time import time

from aiohttp import web

from gateway.status.report import status_to_json
from gateway.web.hub import Hub, Page, StreamOverError, event
from gateway.web.race_side import RaceSide

#: How long a page may take to receive what was written, in seconds, before it is disconnected.
WRITE_TIMEOUT_S = 5.0
PAGES: tuple[Page, ...] = ("rider", "gateway")


def routes(hub: Hub, race: RaceSide) -> list[web.RouteDef]:
    """Return the routes of the stream and of the status."""
    hello = {"version": version("alleycat-gateway"), "started_at": round(time() * 1000)}
    first = event("hello", json.dumps(hello).encode())

    async def events(request: web.Request) -> web.StreamResponse:
        page = next((one for one in PAGES if one == request.query.get("page")), None)
        if page is None:
            raise web.HTTPBadRequest(text=f"expected page={' or page='.join(PAGES)}\n")
        if request.method == "HEAD":
            return web.Response()
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would hold events back
            }
        )
        await response.prepare(request)
        await response.write(first)
        with suppress(ConnectionError, TimeoutError, StreamOverError), hub.reader(page) as reader:
            while True:
                data = await reader.take()
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await response.write(data)
        if request.transport is not None:
            request.transport.abort()
        return response

    async def status(request: web.Request) -> web.Response:

        async def look() -> bytes:
            return status_to_json(race.observer.status())

        return web.Response(body=await race.ask(look()), content_type="application/json")

    return [web.get("/events", events), web.get("/status.json", status)]
