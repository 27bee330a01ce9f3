"""How many connections there are, and how long one may do nothing."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from unittest.mock import patch

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.web import connections as connections_module
from gateway.web.connections import (
    CONNECTIONS_MAX,
    IDLE_MAX_S,
    PER_ADDRESS_MAX,
    STREAMS_MAX,
    Connections,
)
from gateway.web.server import bind
from tests.support.web_pages import next_event, serving

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
#: More than the kernel holds between a server and a client.
LARGE_BYTES = 64 << 20
READ_BYTES = 64 << 10
#: The stream of a rider's page.
RIDER = "/events?page=rider"


@dataclass(frozen=True, slots=True)
class Alone:
    """A server with one handler, and its connections."""

    connections: Connections
    server: web.Server
    port: int


async def connect(port: int, address: str = "127.0.0.1") -> Streams:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))


async def answer(streams: Streams, path: str = "/status.json") -> bytes:
    """Return the first line of the answer; empty if the connection is closed."""
    reader, writer = streams
    try:
        writer.write(b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
        async with asyncio.timeout(10):
            return await reader.readline()
    except ConnectionError:
        return b""


@pytest.mark.timeout(120)
async def test_eighty_pages_of_one_address_are_served_and_leave_room_for_others(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as pages:
        opened = [await connect(pages.port) for _ in range(80)]
        found = await asyncio.gather(*(answer(one, RIDER) for one in opened))
        assert found == [b"HTTP/1.1 200 OK\r\n"] * 80
        one_more = await connect(pages.port)
        assert await answer(one_more, RIDER) == b"HTTP/1.1 503 Service Unavailable\r\n"
        file = await connect(pages.port)
        assert await answer(file, "/static/rider.js") == b"HTTP/1.1 200 OK\r\n"
        other = await connect(pages.port, "127.0.0.2")
        assert await answer(other, RIDER) == b"HTTP/1.1 200 OK\r\n"
        opened[0][1].close()
        while await answer(again := await connect(pages.port), RIDER) != found[0]:
            again[1].close()
        for _, writer in [*opened, one_more, file, other, again]:
            writer.close()


@pytest.mark.timeout(120)
async def test_streams_of_all_addresses_together_leave_room_for_files(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        addresses = [f"127.0.0.{number % 10 + 1}" for number in range(STREAMS_MAX)]
        opened = [await connect(pages.port, address) for address in addresses]
        found = await asyncio.gather(*(answer(one, RIDER) for one in opened))
        assert found == [b"HTTP/1.1 200 OK\r\n"] * STREAMS_MAX
        one_more = await connect(pages.port, "127.0.0.99")
        assert await answer(one_more, RIDER) == b"HTTP/1.1 503 Service Unavailable\r\n"
        assert await answer(one_more) != b""
        for _, writer in [*opened, one_more]:
            writer.close()


async def test_address_has_a_limit(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        opened = [await connect(pages.port) for _ in range(PER_ADDRESS_MAX)]
        assert await answer(opened[-1]) == b"HTTP/1.1 200 OK\r\n"
        one_more = await connect(pages.port)
        assert await answer(one_more) == b""
        other = await connect(pages.port, "127.0.0.2")
        assert await answer(other) == b"HTTP/1.1 200 OK\r\n"
        for _, writer in [*opened, one_more, other]:
            writer.close()


async def test_all_addresses_together_have_a_limit(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        addresses = [f"127.0.0.{number % 10 + 1}" for number in range(CONNECTIONS_MAX)]
        opened = [await connect(pages.port, address) for address in addresses]
        assert await answer(opened[-1]) == b"HTTP/1.1 200 OK\r\n"
        one_more = await connect(pages.port, "127.0.0.99")
        assert await answer(one_more) == b""
        opened[0][1].close()
        await opened[0][1].wait_closed()
        async with asyncio.timeout(10):
            while True:
                streams = await connect(pages.port, "127.0.0.99")
                if await answer(streams):
                    break
                await asyncio.sleep(0)
        for _, writer in [*opened, one_more, streams]:
            writer.close()


async def test_connection_that_is_reset_before_it_is_accepted_ends_no_other() -> None:
    async def served(_: web.Request) -> web.Response:
        return web.Response(text="served")

    app = web.Application()
    app.router.add_get("/", served)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as scanner:
            scanner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        opened = await connect(port)
        serving = asyncio.create_task(Connections().serve(runner.server, bound))
        assert await answer(opened, "/") == b"HTTP/1.1 200 OK\r\n"
        assert not serving.done()
        serving.cancel()
        await asyncio.wait([serving])
        await runner.cleanup()
        opened[1].close()


@asynccontextmanager
async def serving_alone(path: str, handler: Handler) -> AsyncIterator[Alone]:
    """Serve one handler; idle connections are only ended when the test asks for it."""
    connections = Connections()
    app = web.Application(middlewares=[connections.middleware])
    app.router.add_get(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    with bind("127.0.0.1", 0) as bound, patch.object(connections_module, "LOOK_EVERY_S", 3600):
        serving = asyncio.create_task(connections.serve(runner.server, bound))
        yield Alone(connections, runner.server, bound.getsockname()[1])
        serving.cancel()
        await asyncio.wait([serving])
        await runner.cleanup()


async def test_connection_that_asks_nothing_is_ended_and_one_that_waits_is_not() -> None:
    waiting = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await waiting.wait()
        return web.Response(text="done")

    async with serving_alone("/wait", wait) as alone:
        silent, asking = await connect(alone.port), await connect(alone.port)
        asked = asyncio.create_task(answer(asking, "/wait"))
        while len(alone.server.connections) < 2:  # noqa: ASYNC110 – the server has no event for it
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        alone.connections.end_idle_ones(alone.server, monotonic())
        alone.connections.end_idle_ones(alone.server, monotonic() + IDLE_MAX_S)
        assert await silent[0].read() == b""
        waiting.set()
        assert await asked == b"HTTP/1.1 200 OK\r\n"
        for _, writer in (silent, asking):
            writer.close()


async def test_slow_download_ends_once_nothing_of_it_is_received() -> None:
    async def download(_: web.Request) -> web.Response:
        return web.Response(body=bytes(LARGE_BYTES))

    async with serving_alone("/large", download) as alone:
        slow = await connect(alone.port)
        assert await answer(slow, "/large") == b"HTTP/1.1 200 OK\r\n"
        (connection,) = alone.server.connections
        transport = connection.transport
        assert transport is not None
        now_s = monotonic()
        for _ in range(4):
            unsent_bytes = transport.get_write_buffer_size()
            alone.connections.end_idle_ones(alone.server, now_s)
            while transport.get_write_buffer_size() == unsent_bytes:
                await slow[0].read(READ_BYTES)
            now_s += IDLE_MAX_S
        alone.connections.end_idle_ones(alone.server, now_s)
        assert not transport.is_closing()
        alone.connections.end_idle_ones(alone.server, now_s + IDLE_MAX_S)
        assert transport.is_closing()
        slow[1].close()


async def test_page_that_does_not_read_delays_no_other(tmp_path: Path) -> None:
    async with serving(tmp_path) as pages:
        deaf = await connect(pages.port)
        deaf[1].write(b"GET /events?page=rider HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deaf[1].transport.pause_reading()  # type: ignore[attr-defined]
        async with pages.stream() as stream:
            for _ in range(10):
                await pages.virtual.run_for(1)
                assert await next_event(stream)
        deaf[1].close()
