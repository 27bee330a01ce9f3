"""What the daemon serves of itself; what it cannot serve is a note, and no more."""

import asyncio
import os
import socket
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.status.report import status_from_json
from gateway.status.server import serve_status
from gateway.status.socket import ask_status
from tests.support.gateways import VirtualGateway, config
from tests.support.mosquitto import free_port

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


async def test_status_and_metrics_of_the_same_gateway(tmp_path: Path, runtime: Path) -> None:
    virtual = gateway(tmp_path, port := free_port())
    async with serve_status(virtual.settings, virtual.gateway.observer):
        line = await asyncio.to_thread(ask_status, runtime / "status.sock")
        page = await asyncio.to_thread(fetch, port)
        assert listening_ports() == {port}
    assert status_from_json(line).thing_name == "gateway-1"
    assert 'alleycat_gateway_info{thing_name="gateway-1"' in page
    assert not os.listdir(runtime)


async def test_without_a_port_there_is_no_server(tmp_path: Path, runtime: Path) -> None:
    del runtime
    virtual = gateway(tmp_path, None)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        assert not listening_ports()


async def test_a_port_that_is_taken_is_a_note(tmp_path: Path, runtime: Path) -> None:
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
    assert note.endswith("expected a port that is free")


async def test_a_place_without_room_for_a_socket_is_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing"))
    virtual = gateway(tmp_path, None)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        pass
    (note,) = virtual.gateway.status.notes
    assert note == f"no status at {tmp_path}/missing/status.sock: No such file or directory"


async def test_a_path_that_is_too_long_is_a_note(
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
