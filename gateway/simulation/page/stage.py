"""Stage: what spectators see of a race, in the web server's loop.

Nothing waits for a spectator: one who reads slowly misses scenes, not the state.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from gateway.simulation.page.frame import account_of, frame_of
from gateway.simulation.page.patch import difference
from gateway.simulation.page.ticker import News, Ticker
from gateway.simulation.scene import Scene, Summary

Json = dict[str, Any]

#: A spectator gets an event at least this often, in seconds: after 2 s of silence, the page
#: considers the race gone.
BEAT_EVERY_S = 1.0
#: What a spectator who arrives late reads of the news.
NEWS_KEPT = 8


class Stage:
    """The race at this moment: the last scene, the news, and in the end the account."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self.account: Json | None = None
        self.is_over = False
        self._ticker = Ticker()
        self._scene: Scene | None = None
        #: The frame of the last scene; None until a spectator needs it.
        self._frame: Json | None = None
        self._spectators: set[Spectator] = set()

    @property
    def frame(self) -> Json:
        if self._frame is None:
            self._frame = {} if self._scene is None else frame_of(self._scene)
        return self._frame

    def take(self, item: Scene | Summary) -> None:
        """Show a scene, or the account at the end."""
        if isinstance(item, Scene):
            self._scene, self._frame = item, None
            self.news += self._ticker.news(item)
        else:
            self.account = account_of(item)
        self._wake()

    def end(self) -> None:
        """End all streams: the server stops."""
        self.is_over = True
        self._wake()

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Yield the events of a page that opens, from the whole scene to the account."""
        with self.spectator() as spectator:
            yield _hello()
            while data := await spectator.take():
                yield data

    @contextmanager
    def spectator(self) -> Iterator["Spectator"]:
        one = Spectator(self)
        self._spectators.add(one)
        try:
            yield one
        finally:
            self._spectators.remove(one)

    def _wake(self) -> None:
        for one in self._spectators:
            one.has_news.set()


class Spectator:
    """One open page, and what it has of the race."""

    def __init__(self, stage: Stage) -> None:
        self.has_news = asyncio.Event()
        self.has_news.set()
        self._stage = stage
        self._frame: Json = {}
        self._news_read = max(0, len(stage.news) - NEWS_KEPT)
        self._is_done = False

    async def take(self) -> bytes:
        """Wait for events or for the next beat, and return them; nothing after the end."""
        if self._is_done:
            return b""
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_EVERY_S):
                await self.has_news.wait()
        self.has_news.clear()
        self._is_done = self._stage.is_over or self._stage.account is not None
        return b"".join(self._events()) or _event("beat", {})

    def _events(self) -> Iterator[bytes]:
        stage = self._stage
        if change := difference(self._frame, stage.frame):
            self._frame = stage.frame
            yield _event("scene", change)
        if unread := stage.news[self._news_read :]:
            self._news_read = len(stage.news)
            yield _event("news", [asdict(one) for one in unread])
        if stage.account is not None:
            yield _event("account", stage.account)
        elif stage.is_over:
            yield _event("broken_off", {})


def _hello() -> bytes:
    """Return the first event of a stream, after which the whole scene follows."""
    return _event("hello", {"version": version("alleycat-gateway")})


def _event(name: str, data: Json | list[Json]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
