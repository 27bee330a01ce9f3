"""Sockets on this computer: where they are, and whether somebody listens."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs

from gateway.host.sockets import (
    BriefConnections,
    ConnectionLimit,
    Requests,
    Serve,
    explained,
    is_served,
    noted_unix_socket,
    open_unix_socket,
    socket_directory,
)


@pytest.fixture
def path() -> Iterator[Path]:
    """Short: a socket's path has 107 characters at the most."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        yield Path(directory) / "any.sock"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readuntil(b"\n"))


def test_socket_directory_is_the_runtime_directory_if_there_is_one() -> None:
    state = Path("/var/lib/x")
    assert socket_directory(state, {}) == state
    assert socket_directory(state, {"RUNTIME_DIRECTORY": "/run/x"}) == Path("/run/x")
    assert socket_directory(state, {"RUNTIME_DIRECTORY": "/run/a:/run/b"}) == Path("/run/a")


async def test_unix_socket_has_its_mode_under_any_umask_and_is_removed(path: Path) -> None:
    old = os.umask(0o077)
    try:
        async with open_unix_socket(path, 0o640, ConnectionLimit(echo, 4)):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    finally:
        os.umask(old)
    assert not os.listdir(path.parent)


def regular_file(path: Path) -> None:
    path.write_text("not a socket")


def full_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_nothing(path: Path) -> None:
    path.symlink_to("/nonexistent/file")


def link_to_a_socket(path: Path) -> None:
    elsewhere = path.with_name("elsewhere.sock")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.fspath(elsewhere))
    path.symlink_to(elsewhere)


def kind_of(path: Path) -> int:
    return stat.S_IFMT(path.lstat().st_mode)


@pytest.mark.parametrize(
    "occupy",
    [regular_file, full_directory, os.mkfifo, link_to_itself, link_to_nothing, link_to_a_socket],
)
async def test_place_of_a_unix_socket_that_is_taken_is_set_aside_and_logged(
    path: Path, occupy: Callable[[Path], None]
) -> None:
    occupy(path)
    kind = kind_of(path)
    with capture_logs() as logs:
        async with open_unix_socket(path, 0o600, ConnectionLimit(echo, 4)):
            assert is_served(path)
    aside = path.with_name("any.sock.damaged-1")
    assert kind_of(aside) == kind
    assert [log["set_aside_as"] for log in logs] == [str(aside)]


async def test_unix_socket_does_not_accept_a_line_beyond_its_maximum(path: Path) -> None:
    async with open_unix_socket(path, 0o600, ConnectionLimit(echo, 4), line_max_bytes=100):
        for line, answer in ((b"x" * 90 + b"\n", b"x" * 90 + b"\n"), (b"x" * 500 + b"\n", b"")):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(line)
            try:
                assert await reader.read() == answer
            except ConnectionResetError:
                assert not answer
            writer.close()


async def test_unix_socket_is_served_only_while_a_process_listens(path: Path) -> None:
    assert not is_served(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(path))
    assert not is_served(path), "left by one that was killed"
    async with open_unix_socket(path, 0o600, ConnectionLimit(echo, 4)):
        assert is_served(path)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (
            ConnectionRefusedError(),
            "no process is listening; the gateway has probably crashed or been killed: restart it",
        ),
        (BlockingIOError(), "too many clients are connected; try again"),
        (PermissionError(), "permission denied; run this command with sudo"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
    ],
)
def test_socket_errors_are_explained(error: OSError, why: str) -> None:
    assert explained(error) == why


MANY_BYTES = bytes(8 * 1024 * 1024)  # more than any socket holds
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def serving(serve: Serve, most: int = 4, timeout_s: float = 5) -> AsyncIterator[int]:
    connections = BriefConnections(serve, most, timeout_s)
    server = await asyncio.start_server(connections, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await connections.end()


async def connect(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


async def rest(visitor: Streams) -> bytes | None:
    """What comes until the end; None if it was cut off."""
    try:
        return await visitor[0].read()
    except ConnectionError:
        return None
    finally:
        visitor[1].close()


async def say_hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello\n")


async def echo_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readuntil(b"\n"))


async def say_much(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(MANY_BYTES)


async def test_brief_connection_is_closed_after_the_answer() -> None:
    async with serving(say_hello) as port:
        assert await rest(await connect(port)) == b"hello\n"


async def test_brief_connection_gives_a_long_answer_in_full() -> None:
    async with serving(say_much) as port:
        assert await rest(await connect(port)) == MANY_BYTES


async def test_brief_connection_ends_for_a_client_that_never_reads() -> None:
    connections = BriefConnections(say_much, most=1, timeout_s=0.2)
    is_over = asyncio.Event()

    async def task(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await connections(reader, writer)
        is_over.set()

    server = await asyncio.start_server(task, "127.0.0.1", 0)
    with socket.socket() as rude:
        rude.connect(server.sockets[0].getsockname())
        async with asyncio.timeout(20):
            assert await is_over.wait()
    server.close()


async def test_brief_connection_ends_for_a_client_that_never_asks() -> None:
    async with serving(echo_line, timeout_s=0.2) as port, asyncio.timeout(20):
        assert not await rest(await connect(port))


@pytest.mark.parametrize("request_", [b"", b"no end", b"x" * 200_000])
async def test_brief_connection_gives_no_answer_to_a_malformed_request(request_: bytes) -> None:
    async with serving(echo_line, timeout_s=1) as port, asyncio.timeout(20):
        visitor = await connect(port)
        visitor[1].write(request_)
        visitor[1].write_eof()
        assert not await rest(visitor)


async def test_brief_connections_beyond_the_maximum_are_closed() -> None:
    async with serving(echo_line, most=2) as port:
        first, second = await connect(port), await connect(port)
        third = await connect(port)
        assert not await rest(third)
        for visitor in (first, second):
            visitor[1].write(b"still here\n")
            assert await rest(visitor) == b"still here\n"
        again = await connect(port)
        again[1].write(b"room again\n")
        assert await rest(again) == b"room again\n"


async def test_request_that_takes_too_long_is_finished_without_an_answer() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(line: bytes) -> bytes:
        begun.set()
        await may_end.wait()
        ended.set()
        return line

    connections = Requests(slow, most=1, timeout_s=0.1)
    server = await asyncio.start_server(connections, "127.0.0.1", 0)
    visitor = await connect(server.sockets[0].getsockname()[1])
    visitor[1].write(b"work\n")
    async with asyncio.timeout(20):
        await begun.wait()
        assert not await rest(visitor)
        may_end.set()
        await ended.wait()
    server.close()


async def test_unix_socket_that_cannot_be_created_is_noted_and_the_block_runs(path: Path) -> None:
    notes: list[str] = []
    place = path / "below" / "any.sock"
    async with noted_unix_socket(place, 0o600, ConnectionLimit(echo, 1), "no way to", notes.append):
        assert notes == [f"no way to {place}: No such file or directory"]


async def test_brief_connections_end_without_waiting_for_clients() -> None:
    async with asyncio.timeout(20):
        async with serving(echo_line, timeout_s=3600) as port:
            waiting = await connect(port)
            await asyncio.sleep(0.05)
            others = asyncio.all_tasks()
        assert asyncio.all_tasks() < others, "no task is left to the loop's end"
        assert not await rest(waiting)
