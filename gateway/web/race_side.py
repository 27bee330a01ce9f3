"""RaceSide: the parts of a gateway that pages may ask, in the race's loop, from another thread."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway.calibrating.leases import CalibrationLeases
from gateway.riding.desk import RideDesk
from gateway.status.observer import StatusSource
from gateway.timing.clock import GatewayClock
from gateway.web.feed import RaceFeed

Answer = TypeVar("Answer")


async def run_in(loop: asyncio.AbstractEventLoop, request: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine in the loop of another thread, to its end; return its result."""
    answer = asyncio.run_coroutine_threadsafe(request, loop)
    return await asyncio.shield(asyncio.wrap_future(answer))


def _no_messages(feed: RaceFeed) -> None:
    """Do nothing: a gateway that is not set up produces no messages."""


@dataclass(frozen=True, slots=True)
class RaceSide:
    """The parts of a gateway, which may only be used in its loop: through `ask`.

    `subscribe` lets a feed receive each message; `sockets` is the directory of the gateway's
    sockets. A gateway that is not set up has no `desk`, no `leases` and no `sockets`.
    """

    loop: asyncio.AbstractEventLoop
    observer: StatusSource
    clock: GatewayClock
    subscribe: Callable[[RaceFeed], None] = _no_messages
    desk: RideDesk | None = None
    leases: CalibrationLeases | None = None
    sockets: Path | None = None

    async def ask(self, request: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine in the race's loop, from the web server's; return its result.

        It runs to its end also if the page that asks gives up.
        """
        return await run_in(self.loop, request)
