"""The web server's thread: what it needs to start, and that it ends."""

import asyncio
import socket
import threading
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError, ClientSession, web

from gateway.status.snapshot import GatewayStatus
from gateway.timing.clock import SystemClock
from gateway.web.connections import Connections
from gateway.web.mdns.avahi import NOT_RUNNING
from gateway.web.race_side import RaceSide
from gateway.web.server import FEED_FAILED, LOOPBACK, Site, WebServer, bind, serve_web
from gateway.web.stream import WRITE_TIMEOUT_S
from gateway.web.token import TokenFile
from tests.support.bluez import DBusDaemon
from tests.support.gateways import VirtualGateway, config
from tests.support.mosquitto import free_port
from tests.support.web_pages import (
    FILE,
    RACE_START_MS,
    SilentObserver,
    ask_raw,
    event_named,
    serving,
)


def web_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "web"]


async def test_server_is_off_without_a_port(tmp_path: Path) -> None:
    virtual = VirtualGateway(settings := config(tmp_path, [{}]), RACE_START_MS)
    async with serve_web(settings, virtual.gateway.race_side, FILE):
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
        async with serve_web(settings, virtual.gateway.race_side, FILE):
            (note,) = virtual.gateway.status.notes
    assert note == f"web.port {port}: Address already in use; expected a free port"


def test_page_that_has_left_the_network_is_given_up_within_seconds() -> None:
    with bind(LOOPBACK, 0) as bound, socket.create_connection(bound.getsockname()):
        connection, _ = bound.accept()
        with connection:
            given_up_ms = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert given_up_ms == 1000 * WRITE_TIMEOUT_S


async def test_token_that_cannot_be_kept_is_a_note_and_nothing_is_served(tmp_path: Path) -> None:
    TokenFile(tmp_path).path.mkdir()
    settings = config(tmp_path, [{}], web={"port": free_port(), "names": ("gym.example",)})
    virtual = VirtualGateway(settings, 0)
    async with serve_web(settings, virtual.gateway.race_side, FILE):
        assert web_threads() == []
    (note,) = virtual.gateway.status.notes
    why = "there are no pages, because their token cannot be kept"
    assert note.startswith(f"{why}: {tmp_path}/web-token: it is a directory")


async def test_name_without_avahi_is_a_note_and_the_pages_are_served(
    tmp_path: Path, dbus_daemon: DBusDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: asyncio.Queue[str | None] = asyncio.Queue()

    class NotingObserver(SilentObserver):
        def note_name(self, text: str | None) -> None:
            noted.put_nowait(text)

    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", dbus_daemon.address)
    settings = config(tmp_path, [{}], web={"port": free_port(), "listen": "0.0.0.0", "mdns": True})
    race = RaceSide(asyncio.get_running_loop(), NotingObserver(), SystemClock())
    url = f"http://127.0.0.1:{settings.web.port}/static/gateway.css"
    own, other = "alleycat-gateway-1.local", "alleycat-gateway-2.local"
    async with serve_web(settings, race, FILE), ClientSession() as session:
        async with asyncio.timeout(20):
            assert await noted.get() == f"the name {own} does not lead to the pages: {NOT_RUNNING}"
        async with session.get(url, headers={"Host": f"{own}:{settings.web.port}"}) as answer:
            assert answer.status == 200
        async with session.get(url, headers={"Host": other}) as answer:
            assert answer.status == 421
    assert (await dbus_daemon.stats()).connections == 0


async def test_name_of_pages_that_cannot_be_served_is_not_published(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        web = {"port": other.getsockname()[1], "listen": "0.0.0.0", "mdns": True}
        virtual = VirtualGateway(settings := config(tmp_path, [{}], web=web), 0)
        async with serve_web(settings, virtual.gateway.race_side, FILE):
            assert web_threads() == []


async def test_gateway_that_is_not_set_up_has_pages_without_rides(tmp_path: Path) -> None:
    settings = config(tmp_path, [{}], web={"port": free_port()})
    race = RaceSide(asyncio.get_running_loop(), SilentObserver(), SystemClock())
    url = f"http://127.0.0.1:{settings.web.port}"
    async with serve_web(settings, race, FILE), ClientSession() as session:
        async with session.get(f"{url}/events?page=rider") as stream:
            assert (await event_named(stream, "status"))["gateway"]["thing_name"] == "gateway-1"
        async with session.post(f"{url}/ride", json={}, headers={"Origin": url}) as answer:
            assert answer.status == 404


async def test_page_that_was_connected_while_the_thread_began_is_served(tmp_path: Path) -> None:
    virtual = VirtualGateway(settings := config(tmp_path, [{}], web={"port": free_port()}), 0)
    async with serve_web(settings, virtual.gateway.race_side, FILE):
        assert settings.web.port is not None
        assert "200 OK" in await ask_raw(
            settings.web.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )


@pytest.mark.slow
async def test_page_that_does_not_read_is_disconnected(tmp_path: Path) -> None:
    async with serving(tmp_path, bikes=20) as pages:
        _, writer = await asyncio.open_connection("127.0.0.1", pages.port, limit=1024)
        writer.write(b"GET /events?page=rider HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(60):
            while not _is_dropped(pages.port, writer):
                await pages.virtual.run_for(5)
        writer.close()


def _is_dropped(port: int, writer: asyncio.StreamWriter) -> bool:
    """Return whether the server's end of a connection of this process is gone."""
    own = writer.get_extra_info("sockname")[1]
    ends = (line.split()[1:4] for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:])
    return not any(
        local.endswith(f":{port:04X}") and remote.endswith(f":{own:04X}") and state == "01"
        for local, remote, state in ends
    )


async def test_server_that_fails_is_a_note_and_the_race_goes_on(tmp_path: Path) -> None:
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin() -> None:
        raise RuntimeError("a bug")

    server = WebServer([], begin, lambda: loop.call_soon_threadsafe(failed.set))
    server.start()
    async with asyncio.timeout(20):
        await failed.wait()
    await server.stop()
    assert web_threads() == []


async def test_status_that_cannot_be_made_is_a_note(tmp_path: Path) -> None:
    noted = asyncio.Event()

    class BrokenObserver(SilentObserver):
        def note(self, text: str) -> None:
            assert text == FEED_FAILED
            noted.set()

        def status(self) -> GatewayStatus:
            raise RuntimeError("a bug")

    settings = config(tmp_path, [{}], web={"port": free_port()})
    race = RaceSide(asyncio.get_running_loop(), BrokenObserver(), SystemClock())
    url = f"http://127.0.0.1:{settings.web.port}"
    async with (
        serve_web(settings, race, FILE),
        ClientSession() as session,
        session.get(f"{url}/events?page=rider"),
        asyncio.timeout(20),
    ):
        await noted.wait()


async def test_site_that_ends_late_is_no_failure() -> None:
    """Its thread and its loop end all the same."""
    failures: list[bool] = []

    def make(connections: Connections) -> web.Application:
        async def hang(_: web.Application) -> None:
            await asyncio.Event().wait()

        app = web.Application()
        app.on_shutdown.append(hang)
        return app

    server = WebServer([Site(bind(LOOPBACK, 0), make)], lambda: None, lambda: failures.append(True))
    server.start()
    await asyncio.sleep(0.1)
    await server.stop()
    assert (web_threads(), failures) == ([], [])


async def test_malformed_request_is_refused_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as pages:
        answer = await ask_raw(
            pages.port, b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie alleycat=secret\r\n\r\n"
        )
    assert answer.startswith("HTTP/1.0 400")
    assert "secret" not in caplog.text
