"""The web application of the page: the page, its stream of events, and the network's switch."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.simulation.page.stage import Stage
from gateway.web import pages
from gateway.web.app import guarded_app
from gateway.web.connections import Connections, stream
from gateway.web.security import Guard, names_of
from gateway.web.stream import send_stream

PAGES = {"/demo": "demo.html"}

#: Restores the network, or cuts it; returns whether there is one.
Switch = Callable[[bool], Awaitable[bool]]


def make_app(stage: Stage, switch: Switch, connections: Connections) -> web.Application:
    """Return the application, which runs in the web server's loop."""

    async def end_streams(_: web.Application) -> None:
        stage.end()

    # Only this computer reaches it, so there is no token.
    guard = Guard(names_of(()), None)
    app = guarded_app(guard, connections)
    app.on_shutdown.append(end_streams)
    app.add_routes(pages.routes(PAGES))
    app.add_routes(_routes(stage, switch, guard))
    return app


def _routes(stage: Stage, switch: Switch, guard: Guard) -> list[web.RouteDef]:

    async def home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("demo")

    @stream
    async def events(request: web.Request) -> web.StreamResponse:
        return await send_stream(request, stage.follow(), guard.admits)

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
