"""The web server's thread: what it needs to start, and that it ends."""

import socket
import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError, ClientSession

from gateway.web.server import serve_web
from gateway.web.token import TokenFile
from tests.support.gateways import VirtualGateway, config
from tests.support.mosquitto import free_port
from tests.support.web_pages import RACE_START_MS, serving


def web_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "web"]


async def test_server_is_off_without_a_port(tmp_path: Path) -> None:
    virtual = VirtualGateway(settings := config(tmp_path, [{}]), RACE_START_MS)
    async with serve_web(settings, virtual.gateway.race_side):
        assert web_threads() == []


async def test_server_ends_with_the_gateway_though_a_page_is_open(tmp_path: Path) -> None:
    async with ClientSession() as session, AsyncExitStack() as stack:
        async with serving(tmp_path) as pages:
            assert len(web_threads()) == 1
            stream = await stack.enter_async_context(session.get(f"{pages.url}/events?page=rider"))
        assert web_threads() == []
        with pytest.raises(ClientPayloadError):
            await stream.content.read()


async def test_port_in_use_is_a_note_in_the_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        virtual = VirtualGateway(settings := config(tmp_path, [{}], web={"port": port}), 0)
        async with serve_web(settings, virtual.gateway.race_side):
            (note,) = virtual.gateway.status.notes
    assert note == f"web.port {port}: Address already in use; expected a free port"


async def test_token_that_cannot_be_kept_is_a_note_and_nothing_is_served(tmp_path: Path) -> None:
    TokenFile(tmp_path).path.mkdir()
    settings = config(tmp_path, [{}], web={"port": free_port(), "names": ("gym.example",)})
    virtual = VirtualGateway(settings, 0)
    async with serve_web(settings, virtual.gateway.race_side):
        assert web_threads() == []
    (note,) = virtual.gateway.status.notes
    assert note.startswith(f"web.port {settings.web.port}: {tmp_path}/web-token: it is a directory")
