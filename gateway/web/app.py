"""The web application, built from the parts that each page needs."""

from aiohttp import web

from gateway.web import events, pages
from gateway.web.hub import Hub
from gateway.web.race_side import RaceSide

#: The pages by their path. Their URLs are relative, so that a proxy may serve them below a path.
PAGES = {
    "/": "rider.html",
    "/gateway": "gateway.html",
}


def make_app(hub: Hub, race: RaceSide) -> web.Application:
    """Return the application, which runs in the web server's loop."""

    async def end_streams(_: web.Application) -> None:
        hub.end()

    app = web.Application()
    app.on_shutdown.append(end_streams)
    app.add_routes(pages.routes(PAGES))
    app.add_routes(events.routes(hub, race))
    return app
