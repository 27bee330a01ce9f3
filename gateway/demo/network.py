"""The network between the gateways and the broker: a TCP relay whose cable can be pulled."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.demo import LOOPBACK

CHUNK_BYTES = 65_536


class Network:
    """Relays connections to `port` to the broker's port. Made by `open_network`."""

    def __init__(self, port: int, broker_port: int) -> None:
        self.port = port
        self._broker_port = broker_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None] | None] = set()

    @property
    def is_up(self) -> bool:
        return self._server is not None

    async def cut(self) -> None:
        """Reset every connection and refuse new ones, until `restore`."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for writer in self._writers:
            writer.transport.abort()
        while self._relays:
            await asyncio.sleep(0)

    async def restore(self) -> None:
        """Accept connections, on the same port as ever."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._relay, LOOPBACK, self.port, reuse_port=True
            )

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as long as both of its ends are open."""
        task = asyncio.current_task()
        self._relays.add(task)
        writers = {writer}
        try:
            broker_reader, broker_writer = await asyncio.open_connection(
                LOOPBACK, self._broker_port
            )
            writers.add(broker_writer)
        finally:
            pass


@asynccontextmanager
async def open_network(broker_port: int) -> AsyncIterator[Network]:
    """A network that is up. Leaving it is a cut."""
    with socket.socket() as placeholder:
        # Never listens: it keeps the port ours while the network is cut.
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        placeholder.bind((LOOPBACK, 0))
        network = Network(placeholder.getsockname()[1], broker_port)
        await network.restore()
        try:
            yield network
        finally:
            await network.cut()
