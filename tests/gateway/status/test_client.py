"""A real unix socket: one line to each who connects, and nothing that a client does matters."""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.status.client import NoStatusError, ask_status
from gateway.status.server import CLIENTS_MAX, open_status_socket

LINE = b'{"format":1}\n'


@pytest.fixture
def path() -> Iterator[Path]:
    """Short: a socket's path has 107 characters at the most."""
    with TemporaryDirectory(prefix="alleycat-") as directory:
        yield Path(directory) / "status.sock"


def answer() -> bytes:
    return LINE


async def ask(path: Path, timeout_s: float = 5) -> bytes:
    return await asyncio.to_thread(ask_status, path, timeout_s)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def read(path: Path) -> str:
    return path.read_text()


def listening(path: Path, backlog: int = 8) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(backlog)
    return listener


async def test_status_socket_answers_with_the_line_of_that_moment(path: Path) -> None:
    lines = iter((b"1\n", b"2\n"))
    async with open_status_socket(path, lambda: next(lines)):
        assert [await ask(path), await ask(path)] == [b"1\n", b"2\n"]


async def test_status_socket_is_open_to_everybody_whatever_the_umask(path: Path) -> None:
    old = os.umask(0o077)
    try:
        async with open_status_socket(path, answer):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o666
    finally:
        os.umask(old)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_another_user_of_the_machine_may_ask_for_the_status(path: Path) -> None:
    os.chmod(path.parent, 0o755)
    asking = (
        "import socket, sys\n"
        "with socket.socket(socket.AF_UNIX) as s:\n"
        "    s.connect(sys.argv[1])\n"
        "    sys.stdout.write(s.recv(99).decode())\n"
    )
    async with open_status_socket(path, answer):
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/env", "python3", "-c", asking, path,
            user="nobody", stdout=asyncio.subprocess.PIPE, cwd="/",
        )  # fmt: skip
        said, _ = await process.communicate()
    assert said == LINE


async def test_status_socket_is_removed_at_the_end(path: Path) -> None:
    async with open_status_socket(path, answer):
        assert os.listdir(path.parent) == [path.name]
    assert not os.listdir(path.parent)


async def test_status_socket_of_a_killed_daemon_is_replaced(path: Path) -> None:
    listening(path).close()
    async with open_status_socket(path, answer):
        assert await ask(path) == LINE


async def test_a_file_that_is_no_socket_is_set_aside(path: Path) -> None:
    write(path, "precious")
    async with open_status_socket(path, answer):
        assert await ask(path) == LINE
    assert read(path.with_name(f"{path.name}.damaged-1")) == "precious"


async def test_client_that_never_reads_keeps_no_other_waiting(path: Path) -> None:
    async with open_status_socket(path, lambda: bytes(1_000_000) + b"\n"):
        silent = [socket.socket(socket.AF_UNIX) for _ in range(CLIENTS_MAX // 2)]
        for one in silent:
            one.connect(str(path))
        assert len(await ask(path)) == 1_000_001
        for one in silent:
            one.close()


async def test_a_crowd_of_clients_does_not_keep_the_loop_from_turning(path: Path) -> None:
    """As many come at every turn as find room; a few of them are answered, and the loop goes on."""
    answered_by_turn = [0]

    def count_and_answer() -> bytes:
        answered_by_turn[-1] += 1
        return LINE

    with ExitStack() as crowd:

        def fill_the_backlog() -> None:
            with suppress(BlockingIOError):
                while True:
                    client = crowd.enter_context(socket.socket(socket.AF_UNIX))
                    client.setblocking(False)
                    client.connect(str(path))

        async with open_status_socket(path, count_and_answer):
            while sum(answered_by_turn) < 4 * CLIENTS_MAX:
                fill_the_backlog()
                await asyncio.sleep(0)
                answered_by_turn.append(0)
            while answered_by_turn[-20:] != [0] * 20:  # those who were let in are let go
                await asyncio.sleep(0)
                answered_by_turn.append(0)
    assert max(answered_by_turn) <= CLIENTS_MAX


def test_missing_or_dead_status_socket_is_an_error(path: Path) -> None:
    with pytest.raises(NoStatusError, match="No such file"):
        ask_status(path)
    listening(path).close()
    with pytest.raises(NoStatusError, match="no process is listening; the gateway"):
        ask_status(path)


def test_full_backlog_of_the_status_socket_is_an_error(path: Path) -> None:
    with listening(path, backlog=0), socket.socket(socket.AF_UNIX) as first:
        first.connect(str(path))
        with pytest.raises(NoStatusError, match="too many clients are connected; try again"):
            ask_status(path)


def test_daemon_that_hangs_is_reported_after_the_timeout(path: Path) -> None:
    with (
        listening(path),
        pytest.raises(
            NoStatusError, match=r"no answer within 0.1 s; the gateway has hung: restart it"
        ),
    ):
        ask_status(path, timeout_s=0.1)


async def test_daemon_that_ends_in_mid_answer_is_reported(path: Path) -> None:
    with listening(path) as listener:
        asking = asyncio.create_task(ask(path))
        connection, _ = await asyncio.to_thread(listener.accept)
        connection.send(LINE[:5])
        connection.close()
        with pytest.raises(NoStatusError, match="busy or stopping"):
            await asking
