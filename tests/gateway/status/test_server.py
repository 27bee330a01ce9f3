"""What the daemon serves of itself; what it cannot serve is a note, and no more."""

import asyncio
import os
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.status.client import ask_status
from gateway.status.report import status_from_json
from gateway.status.server import METRICS_HOST, open_metrics_server, serve_status
from gateway.status.snapshot import GatewayStatus
from tests.support.gateways import VirtualGateway, config
from tests.support.mosquitto import free_port
from tests.support.statuses import gateway_status

RACE_START_MS = 5_400_763 * 300_000


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    runtime = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(runtime))
    return runtime


def gateway(state_dir: Path, port: int | None) -> VirtualGateway:
    settings = config(state_dir, [{}], metrics={"port": port})
    return VirtualGateway(settings, RACE_START_MS)


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        text: str = page.read().decode()
        return text


def listening_ports() -> set[int]:
    """Of this process, over TCP; the format is of proc_net(5)."""
    ours = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the directory itself is open no more
            ours.add(os.readlink(f"/proc/self/fd/{fd}"))
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].partition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in ours
    }


async def test_serve_status_offers_socket_and_metrics_of_one_gateway(
    tmp_path: Path, runtime: Path
) -> None:
    virtual = gateway(tmp_path, port := free_port())
    async with serve_status(virtual.settings, virtual.gateway.observer):
        line = await asyncio.to_thread(ask_status, runtime / "status.sock")
        page = await asyncio.to_thread(fetch, port)
        assert listening_ports() == {port}
    assert status_from_json(line).thing_name == "gateway-1"
    assert 'alleycat_gateway_info{thing_name="gateway-1"' in page
    assert not os.listdir(runtime)


async def test_metrics_server_is_off_without_a_port(tmp_path: Path, runtime: Path) -> None:
    del runtime
    virtual = gateway(tmp_path, None)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        assert not listening_ports()


async def test_taken_metrics_port_is_a_note_in_the_status(tmp_path: Path, runtime: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        virtual = gateway(tmp_path, port)
        async with serve_status(virtual.settings, virtual.gateway.observer):
            line = await asyncio.to_thread(ask_status, runtime / "status.sock")
    (note,) = status_from_json(line).notes
    assert note.startswith(f"metrics.port {port}: ")
    assert "in use" in note
    assert note.endswith("expected a free port")


async def test_missing_runtime_directory_is_a_note_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing"))
    virtual = gateway(tmp_path, None)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        pass
    (note,) = virtual.gateway.status.notes
    assert (
        note
        == f"cannot serve the status at {tmp_path}/missing/status.sock: No such file or directory"
    )


async def test_socket_path_that_is_too_long_is_a_note_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    long = tmp_path / ("x" * 120)
    long.mkdir()
    virtual = gateway(long, None)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        pass
    (note,) = virtual.gateway.status.notes
    assert "too long" in note


GET = b"GET /metrics HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port = free_port()
    async with open_metrics_server(port, gateway_status):
        yield port


async def ask(port: int, request: bytes) -> str:
    """All that comes back."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(METRICS_HOST, port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer.decode()


def status_code(answer: str) -> int:
    return int(answer.split()[1])


async def test_metrics_page_is_served_to_prometheus(port: int) -> None:
    def scrape() -> tuple[int, str | None, str]:
        connection = HTTPConnection(METRICS_HOST, port, timeout=5)
        connection.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text"})
        response = connection.getresponse()
        found = response.status, response.getheader("Content-Type"), response.read().decode()
        connection.close()
        return found

    code, content_type, page = await asyncio.to_thread(scrape)
    assert (code, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "\nalleycat_gateway_messages_produced_total 10800.0\n" in page


async def test_metrics_page_is_current_at_each_request() -> None:
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
async def test_metrics_request_gets_its_status_code(port: int, request_: bytes, code: int) -> None:
    answer = await ask(port, request_)
    assert status_code(answer) == code
    assert ("alleycat_gateway_info" in answer) == (code == 200 and not request_.startswith(b"HEAD"))


async def test_content_length_is_that_of_the_metrics_page(port: int) -> None:
    head, _, page = (await ask(port, GET % port)).partition("\r\n\r\n")
    assert f"Content-Length: {len(page.encode())}" in head


async def test_endless_metrics_request_is_cut_off(port: int) -> None:
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(METRICS_HOST, port)
        try:
            while True:
                writer.write(b"X-Much: more\r\n" * 1000)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()
        assert not reader.at_eof() or not await reader.read()
    assert status_code(await ask(port, GET % port)) == 200


async def test_metrics_server_refuses_another_address_of_this_machine(port: int) -> None:
    """Another address of this machine is not served."""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", port)


async def test_taken_metrics_port_is_an_error(port: int) -> None:
    with pytest.raises(OSError, match="in use"):
        async with open_metrics_server(port, gateway_status):
            pass
