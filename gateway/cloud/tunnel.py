"""Tunnel: a way to the endpoint that awscrt cannot go by itself.

awscrt chooses addresses of both families, and waits forever for a proxy that is silent. To
awscrt, the tunnel is an HTTP proxy on this computer; TLS goes through it from end to end.
"""

import asyncio
import threading
from contextlib import suppress

from gateway.cloud.way import Family, Stream, is_direct, open_way
from gateway.config.cloud import CloudConfig

#: The longest time to open a way, in seconds.
OPEN_S = 15.0
#: The longest time to close a tunnel, in seconds; after that, its thread is left to itself.
CLOSE_S = 1.0
_CHUNK_BYTES = 65_536


def open_tunnel(cloud: CloudConfig, family: Family) -> "Tunnel | None":
    """Return a tunnel; None if the way needs none."""
    return None if is_direct(cloud, family) else Tunnel(cloud, family)


class Tunnel:
    """A listener on the loopback interface, on a thread of its own, until `close`.

    Whatever is asked of it, it only leads to the endpoint of the config.
    """

    def __init__(self, cloud: CloudConfig, family: Family) -> None:
        self._cloud = cloud
        self._family: Family = family
        self._port = 0
        self._is_open = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._relays: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="tunnel", daemon=True)
        self._thread.start()
        self._is_open.wait()

    @property
    def port(self) -> int:
        return self._port

    def close(self) -> None:
        """End all connections. It may be called again."""
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self._port = server.sockets[0].getsockname()[1]
        finally:
            self._is_open.set()
        async with server:
            await self._closed.wait()
            for relay in self._relays:
                relay.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = self._loop.create_task(self._relay((reader, writer)))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        relay.add_done_callback(lambda _: writer.transport.abort())

    async def _relay(self, client: Stream) -> None:
        reader, writer = client
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(OPEN_S):
                await reader.readuntil(b"\r\n\r\n")
                way = await open_way(self._cloud, self._family)
            try:
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_copy(reader, way[1]))
                    tasks.create_task(_copy(way[0], writer))
            except* (OSError, EOFError):
                pass
            finally:
                way[1].transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, which ends the other direction as well: raises EOFError or OSError."""
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    raise EOFError
