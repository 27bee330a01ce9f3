"""Sockets on this machine: where they are, and whether somebody listens."""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.host.connections import ConnectionLimit
from gateway.host.sockets import explained, is_served, open_unix_socket, socket_directory


@pytest.fixture
def path() -> Iterator[Path]:
    """Short: a socket's path has 107 characters at the most."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        yield Path(directory) / "any.sock"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readuntil(b"\n"))


def test_the_runtime_directory_comes_first() -> None:
    state = Path("/var/lib/x")
    assert socket_directory(state, {}) == state
    assert socket_directory(state, {"RUNTIME_DIRECTORY": "/run/x"}) == Path("/run/x")
    assert socket_directory(state, {"RUNTIME_DIRECTORY": "/run/a:/run/b"}) == Path("/run/a")


async def test_it_has_its_mode_whatever_the_umask_and_is_gone_at_the_end(path: Path) -> None:
    old = os.umask(0o077)
    try:
        async with open_unix_socket(path, 0o640, ConnectionLimit(echo, 4)):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    finally:
        os.umask(old)
    assert not os.listdir(path.parent)


async def test_a_line_longer_than_that_is_not_heard(path: Path) -> None:
    async with open_unix_socket(path, 0o600, ConnectionLimit(echo, 4), line_max_bytes=100):
        for line, answer in ((b"x" * 90 + b"\n", b"x" * 90 + b"\n"), (b"x" * 500 + b"\n", b"")):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(line)
            try:
                assert await reader.read() == answer
            except ConnectionResetError:
                assert not answer
            writer.close()


async def test_whether_somebody_listens(path: Path) -> None:
    assert not is_served(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(path))
    assert not is_served(path), "left by one that was killed"
    async with open_unix_socket(path, 0o600, ConnectionLimit(echo, 4)):
        assert is_served(path)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(), "nobody listens: the gateway was killed"),
        (BlockingIOError(), "too many ask at once; try again"),
        (PermissionError(), "may not be read by you"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
    ],
)
def test_errors_are_explained(error: OSError, why: str) -> None:
    assert explained(error) == why
