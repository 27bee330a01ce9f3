"""Choosing a rider, joining a race and leaving it from a page: as over the socket of `ride`."""

import asyncio

from aiohttp import web

from gateway.riding.desk import RideDesk
from gateway.riding.requests import ANSWER, ANSWER_TIMEOUT_S, RideAnswer
from gateway.riding.server import answer_request
from gateway.web.connections import endless
from gateway.web.race_side import RaceSide

#: The shortest time between two requests, in seconds: each may wait for the disk.
PAUSE_S = 0.1


def routes(race: RaceSide, desk: RideDesk) -> list[web.RouteDef]:
    """Return the route of requests, of which one at a time reaches the race."""
    asking = asyncio.Lock()

    async def answered(body: bytes) -> RideAnswer:
        try:
            return await race.ask(answer_request(desk, body))
        finally:
            await asyncio.sleep(PAUSE_S)
            asking.release()

    @endless
    async def ride(request: web.Request) -> web.Response:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            body = await request.read()
            await asking.acquire()
            # A page that gives up does not let the next request overtake its own.
            answer = await asyncio.shield(asyncio.create_task(answered(body)))
        return web.Response(body=ANSWER.dump_json(answer), content_type="application/json")

    return [web.post("/ride", ride)]
