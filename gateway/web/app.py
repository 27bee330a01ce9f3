"""The web applications, built from the parts that each page needs."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from gateway.calibrating.messages import FILE_NAME
from gateway.web import calibrating, enter, events, pages, riding, security, snapshots
from gateway.web.calibrating import PageCalibrations
from gateway.web.connections import Connections
from gateway.web.hub import Hub
from gateway.web.owner import bug_report, checker
from gateway.web.race_side import RaceSide
from gateway.web.security import Guard

#: The pages by their path. Their URLs are relative, so that a proxy may serve them below a path.
PAGES = {
    "/": "rider.html",
    "/gateway": "gateway.html",
    "/calibrate/{bike}": "calibrate.html",
}
#: Limit of a request's body, in bytes.
BODY_MAX_BYTES = 16 * 1024


def pages_app(
    hub: Hub, race: RaceSide, guard: Guard, connections: Connections, file: Path
) -> web.Application:
    """Return the application of the pages, which runs in the web server's loop.

    `file`: the config, which a check reads again.
    """
    shared = snapshots.Snapshots(race)
    app = guarded_app(guard, connections)
    app.on_shutdown.append(_calling(hub.end))
    app.add_routes(pages.routes(PAGES))
    app.add_routes(enter.routes(guard.token))
    app.add_routes(events.routes(hub, guard.admits))
    app.add_routes(snapshots.status_routes(shared))
    app.add_routes(snapshots.metrics_routes(shared))
    checking = checker.Checker(checker.check_command(file), hub.take_check)
    app.on_shutdown.append(checker.ending(checking))
    app.add_routes(checker.routes(checking))
    app.add_routes(bug_report.routes(checking, shared, hub, file, guard.token))
    if race.desk is not None:
        app.add_routes(riding.routes(race, race.desk))
    if race.sockets is not None:
        calibrations = PageCalibrations(race.sockets / FILE_NAME)
        app.on_shutdown.append(calibrations.end)
        app.add_routes(calibrating.routes(calibrations, guard.admits))
    return app


def metrics_app(race: RaceSide, guard: Guard, connections: Connections) -> web.Application:
    """Return the application of the metrics alone."""
    app = guarded_app(guard, connections)
    app.add_routes(snapshots.metrics_routes(snapshots.Snapshots(race)))
    return app


def guarded_app(guard: Guard, connections: Connections) -> web.Application:
    """Return an application without routes, in which every request is judged."""
    middlewares = [connections.middleware, security.guarding(guard)]
    app = web.Application(middlewares=middlewares, client_max_size=BODY_MAX_BYTES)
    app.on_response_prepare.append(security.add_headers)
    return app


def _calling(act: Callable[[], None]) -> Callable[[web.Application], Awaitable[None]]:
    async def call(_: web.Application) -> None:
        act()

    return call
