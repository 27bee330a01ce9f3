"""Connections that ask one thing and go. However rude they are, only they have trouble from it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

#: Writes the answer; the rest is done for it.
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ShortVisits:
    """A callback for asyncio's servers. More than `most` at once are sent away unheard.

    `timeout_s`: for asking, and for taking the whole answer.
    """

    def __init__(self, serve: Serve, most: int, timeout_s: float) -> None:
        self._serve = serve
        self._most = most
        self._timeout_s = timeout_s
        self._visitors: set[asyncio.StreamWriter] = set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._visitors) >= self._most:
            writer.transport.abort()
            return
        self._visitors.add(writer)
        try:
            # Gone, too slow, or too much asked.
            with suppress(OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                async with asyncio.timeout(self._timeout_s):
                    await self._serve(reader, writer)
                    writer.close()
                    await writer.wait_closed()
        finally:
            self._visitors.discard(writer)
            writer.transport.abort()

    def end(self) -> None:
        for writer in self._visitors:
            writer.transport.abort()
