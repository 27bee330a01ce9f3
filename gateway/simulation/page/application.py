"""The web application of the page: the page, its stream of events, and the network's switch."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web

from gateway.simulation.page.stage import Stage, hello
from gateway.web import pages
from gateway.web.app import guarded_app
from gateway.web.connections import Connections, endless
from gateway.web.events import WRITE_TIMEOUT_S, stream_headers
from gateway.web.security import Guard, names_of

PAGES = {"/demo": "demo.html"}

#: Restores the network, or cuts it; returns whether there is one.
Switch = Callable[[bool], Awaitable[bool]]


def make_app(stage: Stage, switch: Switch, connections: Connections) -> web.Application:
    """Return the application, which runs in the web server's loop."""

    async def end_streams(_: web.Application) -> None:
        stage.end()

    # Only this computer reaches it, so there is no token.
    app = guarded_app(Guard(names_of(()), None), connections)
    app.on_shutdown.append(end_streams)
    app.add_routes(pages.routes(PAGES))
    app.add_routes(_routes(stage, switch))
    return app


def _routes(stage: Stage, switch: Switch) -> list[web.RouteDef]:

    async def home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("demo")

    @endless
    async def events(request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response()
        response = web.StreamResponse(headers=stream_headers("text/event-stream"))
        await response.prepare(request)
        with suppress(ConnectionError, TimeoutError), stage.spectator() as spectator:
            data = hello()
            while data:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await response.write(data)
                data = await spectator.take()
        return response

    async def network(request: web.Request) -> web.Response:
        match await _json(request):
            case {"is_up": bool(is_up)} if await switch(is_up):
                return web.Response(status=204)
        raise web.HTTPBadRequest(text='expected {"is_up": true} or false, and a network to cut\n')

    return [
        web.get("/", home),
        web.get("/events", events),
        web.post("/network", network),
    ]


async def _json(request: web.Request) -> object:
    try:
        found: object = await request.json()
    except (ValueError, RecursionError):
        return None
    return found
