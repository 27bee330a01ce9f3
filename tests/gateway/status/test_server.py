"""What the daemon serves of itself; what it cannot serve is a note, and no more."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.status.client import ask_status
from gateway.status.report import status_from_json
from gateway.status.server import serve_status
from tests.support.gateways import VirtualGateway, config

RACE_START_MS = 5_400_763 * 300_000


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    runtime = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(runtime))
    return runtime


def gateway(state_dir: Path) -> VirtualGateway:
    return VirtualGateway(config(state_dir, [{}]), RACE_START_MS)


async def test_status_is_served_until_the_gateway_stops(tmp_path: Path, runtime: Path) -> None:
    virtual = gateway(tmp_path)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        line = await asyncio.to_thread(ask_status, runtime / "status.sock")
    assert status_from_json(line).thing_name == "gateway-1"
    assert not os.listdir(runtime)


async def test_missing_runtime_directory_is_a_note_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing"))
    virtual = gateway(tmp_path)
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
    virtual = gateway(long)
    async with serve_status(virtual.settings, virtual.gateway.observer):
        pass
    (note,) = virtual.gateway.status.notes
    assert "too long" in note
