"""Connections to a server. However rude they are, only they have trouble from it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

#: Hears a visitor out; then the connection ends.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ConnectionLimit:
    """A callback for asyncio's servers. More than `most` at once are sent away unheard."""

    def __init__(self, serve: Serve, most: int) -> None:
        self.most = most
        self._serve = serve
        self._open: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= self.most:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            # Gone, too slow, or too much asked.
            with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                await self._serve(reader, writer)
        finally:
            del self._open[task]
            writer.transport.abort()

    async def end(self) -> None:
        """Cut all off. None is left for the loop's end, which would log it as a failure."""
        connections = dict(self._open)
        for writer in connections.values():
            writer.transport.abort()
        if connections:
            await asyncio.wait(connections)


class BriefConnections(ConnectionLimit):
    """Of those who ask one thing and go. `timeout_s`: for asking, and for taking the answer."""

    def __init__(self, serve: Serve, most: int, timeout_s: float) -> None:
        """`serve` writes the answer; the rest is done for it."""

        async def briefly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with asyncio.timeout(timeout_s):
                await serve(reader, writer)
                writer.close()
                await writer.wait_closed()

        super().__init__(briefly, most)
