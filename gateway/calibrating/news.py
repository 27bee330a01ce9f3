"""What a session hears of its bike, on its way to whoever listens."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from drivers import Reading
from gateway.calibrating.session import CalibrationError, Link

#: Readings that wait for a slow listener; the oldest go first.
WAITING_MAX = 256


class CalibrationNews:
    """Told by a session; ended with it."""

    def __init__(self, link: Callable[[], Link]) -> None:
        """`link` gives how the link is now."""
        self._link = link
        self._listeners: list[_Listener] = []
        self._ended: str | None = None

    def tell(self, news: Reading | Link) -> None:
        for listener in self._listeners:
            listener.tell(news)

    def end(self, why: str) -> None:
        """Listeners hear what waits for them, and then why."""
        self._ended = why
        for listener in self._listeners:
            listener.wake.set()

    async def listen(self) -> AsyncGenerator[Reading | Link, None]:
        """CalibrationSession.news."""
        listener = _Listener(self._link())
        self._listeners.append(listener)
        try:
            while True:
                while listener.waiting:
                    yield listener.waiting.popleft()
                if self._ended is not None:
                    raise CalibrationError(self._ended)
                listener.wake.clear()
                await listener.wake.wait()
        finally:
            self._listeners.remove(listener)


class _Listener:
    def __init__(self, link: Link) -> None:
        self.waiting: deque[Reading | Link] = deque([link])
        self.wake = asyncio.Event()

    def tell(self, news: Reading | Link) -> None:
        if len(self.waiting) >= WAITING_MAX:
            readings = (at for at, one in enumerate(self.waiting) if isinstance(one, Reading))
            del self.waiting[next(readings, 0)]
        self.waiting.append(news)
        self.wake.set()
