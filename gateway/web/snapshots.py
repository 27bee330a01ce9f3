"""The status and the metrics for programs. A flood of requests asks the race only once."""

import asyncio
from functools import cached_property

from aiohttp import web

from gateway.status.metrics import metrics_text
from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus
from gateway.timing.units import NS_PER_S
from gateway.web.feed import SNAPSHOT_MIN_NS
from gateway.web.race_side import RaceSide

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NO_STORE = {"Cache-Control": "no-store"}


class StatusForPrograms:
    """The status at one moment, and what programs receive of it."""

    def __init__(self, status: GatewayStatus) -> None:
        self._status = status

    @cached_property
    def json(self) -> bytes:
        return status_to_json(self._status)

    @cached_property
    def metrics(self) -> bytes:
        return metrics_text(self._status)


class Snapshots:
    """The snapshots that many requests share; each is at most 250 ms old."""

    def __init__(self, race: RaceSide) -> None:
        self._race = race
        self._latest: asyncio.Task[StatusForPrograms] | None = None

    async def latest(self) -> StatusForPrograms:
        """Return the snapshot. A request that gives up does not cancel it for the others."""
        if self._latest is None:
            self._latest = asyncio.create_task(self._make())
        return await asyncio.shield(self._latest)

    async def _make(self) -> StatusForPrograms:
        try:
            return StatusForPrograms(await self._race.ask(self._look()))
        finally:
            asyncio.get_running_loop().call_later(SNAPSHOT_MIN_NS / NS_PER_S, self._forget)

    async def _look(self) -> GatewayStatus:
        return self._race.observer.status()

    def _forget(self) -> None:
        self._latest = None


def status_routes(snapshots: Snapshots) -> list[web.RouteDef]:
    """Return the route of the status as JSON, the same as that of the command."""

    async def status(_: web.Request) -> web.Response:
        body = (await snapshots.latest()).json
        return web.Response(body=body, content_type="application/json", headers=NO_STORE)

    return [web.get("/status.json", status)]


def metrics_routes(snapshots: Snapshots) -> list[web.RouteDef]:
    """Return the route of the metrics for Prometheus."""

    async def metrics(_: web.Request) -> web.Response:
        body = (await snapshots.latest()).metrics
        return web.Response(body=body, headers={"Content-Type": METRICS_TYPE, **NO_STORE})

    return [web.get("/metrics", metrics)]
