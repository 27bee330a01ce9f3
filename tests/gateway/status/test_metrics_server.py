"""One page over HTTP, for this machine alone; whatever is asked, the loop goes on."""

import asyncio
from collections.abc import AsyncIterator
from http.client import HTTPConnection

import pytest

from gateway.status.metrics_server import HOST, open_metrics_server
from gateway.status.snapshot import GatewayStatus
from tests.support.mosquitto import free_port
from tests.support.statuses import gateway_status

GET = b"GET /metrics HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port = free_port()
    async with open_metrics_server(port, gateway_status):
        yield port


async def ask(port: int, request: bytes) -> str:
    """All that comes back."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer.decode()


def status_code(answer: str) -> int:
    return int(answer.split()[1])


async def test_prometheus_gets_its_page(port: int) -> None:
    def scrape() -> tuple[int, str | None, str]:
        connection = HTTPConnection(HOST, port, timeout=5)
        connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
        response = connection.getresponse()
        found = response.status, response.getheader("Content-Type"), response.read().decode()
        connection.close()
        return found

    code, content_type, page = await asyncio.to_thread(scrape)
    assert (code, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "\nalleycat_gateway_messages_produced_total 10800.0\n" in page


async def test_each_time_it_is_as_things_are_then() -> None:
    statuses = [gateway_status(produced=1), gateway_status(produced=2)]

    def status() -> GatewayStatus:
        return statuses.pop(0)

    port = free_port()
    async with open_metrics_server(port, status):
        for expected in ("1.0", "2.0"):
            assert f"_produced_total {expected}\n" in await ask(port, GET % port)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /metrics?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
        (b"HEAD /metrics HTTP/1.1\r\nhost: localhost:80\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /metrics/../etc HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example:9785\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHOST: evil.example\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 403),
        (b"\r\n\r\n", 404),
        (b"\xff\xfe \x00\r\n\r\n", 404),
    ],
)
async def test_what_is_asked_gets_its_answer(port: int, request_: bytes, code: int) -> None:
    answer = await ask(port, request_)
    assert status_code(answer) == code
    assert ("alleycat_gateway_info" in answer) == (code == 200 and not request_.startswith(b"HEAD"))


async def test_the_length_is_that_of_the_page(port: int) -> None:
    head, _, page = (await ask(port, GET % port)).partition("\r\n\r\n")
    assert f"Content-Length: {len(page.encode())}" in head


async def test_an_endless_request_is_cut_off(port: int) -> None:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            while True:
                writer.write(b"X-Much: more\r\n" * 1000)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()
        assert not reader.at_eof() or not await reader.read()
    assert status_code(await ask(port, GET % port)) == 200


async def test_only_this_machine_can_reach_it(port: int) -> None:
    """Another address of this machine is not served."""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", port)


async def test_a_port_that_is_taken_is_an_error(port: int) -> None:
    with pytest.raises(OSError, match="in use"):
        async with open_metrics_server(port, gateway_status):
            pass
