"""Handover: a queue from the race's thread to the web server's. The race never waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

Item = TypeVar("Item")

#: Limits the items that wait. The web server takes all of them at once, unless it hangs: then the
#: oldest are dropped.
WAITING_MAX = 2000


class Handover(Generic[Item]):
    """A queue whose items `take` receives in the loop that `open` names, in order.

    `give` may be called in any thread. It does nothing before `open` and after the end of the loop.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque(maxlen=WAITING_MAX)
        self._is_announced = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._take: Callable[[Item], None] | None = None

    def open(self, loop: asyncio.AbstractEventLoop, take: Callable[[Item], None]) -> None:
        self._take = take
        self._loop = loop

    def give(self, item: Item) -> None:
        """Add an item. A deque's methods are atomic, so no lock is needed."""
        if self._loop is None:
            return
        self._items.append(item)
        if not self._is_announced:
            self._is_announced = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._take_all)

    def _take_all(self) -> None:
        self._is_announced = False  # first, so that an item given meanwhile is announced again
        assert self._take is not None
        while self._items:
            self._take(self._items.popleft())
