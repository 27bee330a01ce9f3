"""The stream of events that each open page reads, and the messages as they go out."""

import json
from collections.abc import Callable
from importlib.metadata import version

from aiohttp import web

from gateway.web.connections import stream
from gateway.web.hub import Hub, Page, event
from gateway.web.stream import send_stream

PAGES: tuple[Page, ...] = ("rider", "gateway")


def routes(hub: Hub, admits: Callable[[web.Request], bool]) -> list[web.RouteDef]:
    """Return the routes of the streams, each of which ends once `admits` refuses its request."""
    hello = event("hello", json.dumps({"version": version("alleycat-gateway")}).encode())

    @stream
    async def events(request: web.Request) -> web.StreamResponse:
        page = next((one for one in PAGES if one == request.query.get("page")), None)
        if page is None:
            raise web.HTTPBadRequest(text=f"expected page={' or page='.join(PAGES)}\n")
        return await send_stream(request, hub.follow(page, hello), admits)

    @stream
    async def tail(request: web.Request) -> web.StreamResponse:
        return await send_stream(request, hub.follow("tail"), admits, "application/x-ndjson")

    return [web.get("/events", events), web.get("/tail", tail)]
