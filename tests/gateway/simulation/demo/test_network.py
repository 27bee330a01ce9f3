"""Network: carries bytes both ways, and is cut as thoroughly as a cable."""

import asyncio
import hashlib
import random
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from gateway.simulation.demo.network import Network, open_network
from gateway.simulation.extra import LOOPBACK


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    """To a broker that says what it hears."""
    connections: set[asyncio.Task[None] | None] = set()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        with suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, LOOPBACK, 0) as broker:
        port = broker.sockets[0].getsockname()[1]
        async with open_network(port) as network:
            yield network
        await asyncio.gather(*(task for task in connections if task))


@asynccontextmanager
async def connection(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def is_relaying(network: Network) -> bool:
    async with connection(network.port) as (reader, writer):
        writer.write(b"?")
        return await reader.readexactly(1) == b"?"


async def test_network_carries_bytes_whole_and_in_order_both_ways(network: Network) -> None:
    sent = random.Random(1).randbytes(3_000_000)
    async with connection(network.port) as (reader, writer):
        writer.write(sent)
        received = await reader.readexactly(len(sent))
    assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()


async def test_network_closes_the_brokers_end_when_the_client_closes() -> None:
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def broker_side(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    async with (
        await asyncio.start_server(broker_side, LOOPBACK, 0) as broker,
        open_network(broker.sockets[0].getsockname()[1]) as network,
    ):
        async with connection(network.port) as (_, writer):
            writer.write(b"goodbye")
        async with asyncio.timeout(20):
            assert await heard == b"goodbye"


async def test_network_closes_the_clients_end_when_the_broker_closes() -> None:
    async def broker_side(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"goodbye")
        writer.close()

    async with (
        await asyncio.start_server(broker_side, LOOPBACK, 0) as broker,
        open_network(broker.sockets[0].getsockname()[1]) as network,
        connection(network.port) as (reader, _),
    ):
        async with asyncio.timeout(20):
            assert await reader.read() == b"goodbye"


async def test_network_cut_closes_every_connection(network: Network) -> None:
    async with AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(connection(network.port)) for _ in range(3)]
        for reader, writer in ends:
            writer.write(b"?")
            assert await reader.readexactly(1) == b"?"
        await network.cut()
        assert not network.is_up
        for reader, _ in ends:
            assert await reader.read() == b""


async def test_network_that_is_cut_refuses_connections_until_restored(network: Network) -> None:
    await network.cut()
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(LOOPBACK, network.port)
    await network.restore()
    assert network.is_up
    assert await is_relaying(network)


async def test_network_can_be_cut_or_restored_twice(network: Network) -> None:
    await network.restore()
    assert await is_relaying(network)
    await network.cut()
    await network.cut()
    await network.restore()
    assert await is_relaying(network)


async def test_network_that_is_cut_keeps_its_port(network: Network) -> None:
    await network.cut()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((LOOPBACK, network.port))


async def test_network_without_a_broker_closes_a_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind((LOOPBACK, 0))  # bound, not listening
        async with (
            open_network(nobody.getsockname()[1]) as network,
            connection(network.port) as (reader, _),
        ):
            assert await reader.read() == b""


async def test_network_closes_its_port_at_the_end(network: Network) -> None:
    async with open_network(network.port) as outer:
        assert await is_relaying(outer)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, outer.port)
