"""The network between the gateways and the broker: a TCP relay that can be cut."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from gateway.simulation.extra import LOOPBACK

CHUNK_BYTES = 65_536


class Network:
    """A relay from `port` on loopback to the broker. Created by `open_network`."""

    def __init__(self, port: int, broker_port: int) -> None:
        self.port = port
        self._broker_port = broker_port
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        return self._server is not None

    async def cut(self) -> None:
        """Close every connection, lose what is in transit, and refuse new ones until `restore`."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def restore(self) -> None:
        """Accept connections again, on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, LOOPBACK, self.port, reuse_port=True
            )

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()  # accepted just before the cut
            return
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # If the broker does not accept the connection, the client's connection is closed.
        with _aborted_at_the_end(writer), suppress(OSError):
            from_broker, to_broker = await asyncio.open_connection(LOOPBACK, self._broker_port)
            with _aborted_at_the_end(to_broker):
                await asyncio.gather(_pump(reader, to_broker), _pump(from_broker, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy data until one end closes; then close the other, which ends the opposite pump."""
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@contextmanager
def _aborted_at_the_end(writer: asyncio.StreamWriter) -> Iterator[None]:
    try:
        yield
    finally:
        writer.transport.abort()


@asynccontextmanager
async def open_network(broker_port: int) -> AsyncIterator[Network]:
    """Yield a network that is up; cut it on exit."""
    with socket.socket() as placeholder:
        # This socket never listens. It reserves the port while the network is cut.
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        placeholder.bind((LOOPBACK, 0))
        network = Network(placeholder.getsockname()[1], broker_port)
        await network.restore()
        try:
            yield network
        finally:
            await network.cut()
