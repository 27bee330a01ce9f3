"""What the readers of `tail` receive from a gateway, and what they can do to it: nothing."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.host.sockets import ConnectionLimit, open_unix_socket
from gateway.tail.client import FILE_NAME
from gateway.tail.server import READERS_MAX, TailReaders, serve_tail
from tests.support.gateways import VirtualGateway, config
from tests.support.telemetry import message

PAYLOAD = message(1).to_json()
RACE_START_MS = 5_400_763 * 300_000

Reader = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Reader]]


@pytest.fixture(autouse=True)
def no_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@asynccontextmanager
async def racing(state_dir: Path, bikes: int = 1) -> AsyncIterator[VirtualGateway]:
    virtual = VirtualGateway(config(state_dir, [{}] * bikes), RACE_START_MS)
    gateway = virtual.gateway
    async with serve_tail(state_dir, gateway.tail, gateway.observer):
        await virtual.start()
        yield virtual
        await virtual.stop()


@pytest.fixture
async def connect(tmp_path: Path) -> AsyncIterator[Connect]:
    """Connects a reader, which the gateway then knows; all are closed at the end."""
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Reader:
        reader = await asyncio.open_unix_connection(tmp_path / FILE_NAME)
        writers.append(reader[1])
        for _ in range(3):
            await asyncio.sleep(0)
        return reader

    yield connect
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def events(reader: Reader, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        return [json.loads(await reader[0].readline()) for _ in range(count)]


async def is_cut_off(reader: Reader) -> bool:
    async with asyncio.timeout(20):
        try:
            return await reader[0].readline() == b""
        except ConnectionResetError:
            return True


async def test_reader_receives_each_message_produced_and_acknowledged(
    tmp_path: Path, connect: Connect
) -> None:
    async with racing(tmp_path) as virtual:
        virtual.uplink.connect()
        reader = await connect()
        await virtual.run_for(2)
        seen = await events(reader, 4)
    assert [event["state"] for event in seen] == ["produced", "acknowledged"] * 2
    payloads = [json.loads(payload) for payload in virtual.uplink.delivered]
    assert [event["message"] for event in seen[::2]] == payloads[:2]
    assert [event["message"] for event in seen[1::2]] == payloads[:2]


async def test_reader_sees_an_outage_and_its_end(tmp_path: Path, connect: Connect) -> None:
    async with racing(tmp_path) as virtual:
        reader = await connect()
        await virtual.run_for(3)
        assert {event["state"] for event in await events(reader, 3)} == {"produced"}
        virtual.uplink.connect()
        await virtual.run_for(0.5)
        acknowledged = await events(reader, 3)
    assert [event["state"] for event in acknowledged] == ["acknowledged"] * 3
    assert [event["message"]["second"] for event in acknowledged] == [1, 2, 3]


async def test_reader_that_does_not_read_is_told_how_much_it_missed(
    tmp_path: Path, connect: Connect
) -> None:
    readers, sent, received = TailReaders(), 5000, 0
    connections = ConnectionLimit(readers.serve, READERS_MAX)
    async with open_unix_socket(tmp_path / FILE_NAME, 0o600, connections):
        reader = await connect()
        for _ in range(sent):
            readers.on_acknowledged(PAYLOAD)
        while (event := (await events(reader, 1))[0])["state"] == "acknowledged":
            received += 1
            sent += 1
            readers.on_acknowledged(PAYLOAD)
    assert event["state"] == "skipped"
    assert 1000 < event["events"] < sent - received


async def test_readers_that_have_gone_make_room_for_others(
    tmp_path: Path, connect: Connect
) -> None:
    async with racing(tmp_path) as virtual:
        for _, writer in [await connect() for _ in range(READERS_MAX)]:
            writer.close()
        await virtual.run_for(1)
        reader = await connect()
        await virtual.run_for(1)
        assert len(await events(reader, 1)) == 1


async def test_client_that_sends_anything_is_disconnected(tmp_path: Path, connect: Connect) -> None:
    async with racing(tmp_path):
        reader, writer = await connect()
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await is_cut_off((reader, writer))


async def test_readers_beyond_the_limit_are_disconnected(tmp_path: Path, connect: Connect) -> None:
    async with racing(tmp_path) as virtual:
        readers = [await connect() for _ in range(READERS_MAX + 1)]
        await virtual.run_for(1)
        assert [len(await events(reader, 1)) for reader in readers[:-1]] == [1] * READERS_MAX
        assert await is_cut_off(readers[-1])


async def test_every_user_may_read_as_the_status(tmp_path: Path) -> None:
    async with racing(tmp_path):
        assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o666
    assert not (tmp_path / FILE_NAME).exists()


async def test_socket_that_cannot_be_created_is_a_note_in_the_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing"))
    async with racing(tmp_path) as virtual:
        (note,) = virtual.gateway.status.notes
    assert note == (
        f"tail is not available at {tmp_path}/missing/tail.sock: No such file or directory"
    )
