"""A client of daemons that are rude, hang or are gone; tests/contracts has those that behave."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.bike.link import LinkState
from gateway.calibrating.messages import (
    TELL_MAX_BYTES,
    Done,
    Ended,
    Here,
    Open,
    Ping,
    Refused,
    Undo,
    ask_from_line,
    tell_to_line,
)
from gateway.calibrating.remote import SILENCE_S, DaemonSession
from gateway.calibrating.state import CalibrationError, CalibrationState, LinkStatus, Origin
from gateway.sampling.calibration import AS_SAID
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.calibrations import record

Part = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

STATE = CalibrationState("bike-1", "fake seed 1", AS_SAID, Origin.BIKE)
WELCOME = [tell_to_line(one) for one in (STATE, LinkStatus(LinkState.CONNECTED), Done())]


@asynccontextmanager
async def daemon(part: Part, *, is_welcoming: bool = True) -> AsyncIterator[Path]:
    """One that plays `part` with its one client, after it was opened."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert ask_from_line(await reader.readline()) == Open("bike-1", live=True)
        writer.writelines(WELCOME if is_welcoming else [])
        await part(reader, writer)
        writer.close()

    with TemporaryDirectory(prefix="alleycat-") as directory:
        path = Path(directory) / "calibration.sock"
        server = await asyncio.start_unix_server(play, path)
        try:
            yield path
        finally:
            server.close()


def says(*lines: bytes) -> Part:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(lines)
        await reader.read()  # until the client goes

    return say


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def end_of_news(path: Path, silence_s: float = SILENCE_S) -> str:
    session = DaemonSession(path, "bike-1", silence_s=silence_s)
    async with session, asyncio.timeout(20):
        with pytest.raises(CalibrationError) as end:
            await _hear_all(session)
        with pytest.raises(CalibrationError) as later:
            await session.undo()
    assert str(later.value) == str(end.value), "said again to who asks for more"
    return str(end.value)


async def _hear_all(session: DaemonSession) -> None:
    async for news in session.news():
        assert isinstance(news, LinkStatus)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"junk\n", "this is not a gateway of the same version: Invalid JSON"),
        (b'{"tell":"news of tomorrow"}\n', "this is not a gateway of the same version: Input tag"),
        (b"x" * (3 * TELL_MAX_BYTES), "this is not a gateway of the same version: "),
        (tell_to_line(Ended("bike-1 has left")), "bike-1 has left"),
    ],
    ids=["junk", "unknown", "too long", "ended"],
)
async def test_daemon_session_says_what_ended_it(line: bytes, why: str) -> None:
    async with daemon(says(line)) as path:
        assert why in await end_of_news(path)


async def test_daemon_session_ends_when_the_gateway_hangs_up() -> None:
    async with daemon(hang_up) as path:
        assert "the gateway closed the connection: it is stopping" in await end_of_news(path)


async def test_daemon_session_ends_when_the_gateway_hangs() -> None:
    async with daemon(says()) as path:
        end = await end_of_news(path, silence_s=0.1)
        assert "the gateway sent nothing for 0.1 s: it may be hanging" in end


async def test_daemon_session_gives_up_an_ask_that_is_not_answered() -> None:
    async with (
        daemon(says()) as path,
        DaemonSession(path, "bike-1", answer_timeout_s=0.1) as session,
    ):
        with pytest.raises(
            CalibrationError, match=r"no answer within 0\.1 s: the gateway.s disk may be hanging"
        ):
            await session.reset()


async def test_daemon_session_answers_pings() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def ping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(tell_to_line(Ping(7)))
        heard.set_result(ask_from_line(await reader.readline()))

    async with daemon(ping) as path, DaemonSession(path, "bike-1"), asyncio.timeout(20):
        assert await heard == Here(7)


async def test_a_calibration_with_too_many_points_is_not_sent() -> None:
    points = (CapturedPoint(at / 20, at, 1.0, 20) for at in range(2000))
    async with daemon(says()) as path, DaemonSession(path, "bike-1") as session:
        with pytest.raises(CalibrationError, match=r"too long: .* bytes; expected at most 65536"):
            await session.save(record(points=tuple(points)))


async def test_refused_ask_is_an_error_and_the_session_goes_on() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (Refused("not today"), Done()):
            assert ask_from_line(await reader.readline()) == Undo()
            writer.write(tell_to_line(answer))
        await reader.read()

    async with daemon(refuse) as path, DaemonSession(path, "bike-1") as session:
        with pytest.raises(CalibrationError, match="not today"):
            await session.undo()
        await session.undo()


async def test_refused_open_leaves_no_task_and_no_socket() -> None:
    fds = len(os.listdir("/proc/self/fd"))
    async with daemon(says(tell_to_line(Refused("occupied"))), is_welcoming=False) as path:
        with pytest.raises(CalibrationError, match="occupied"):
            await DaemonSession(path, "bike-1").__aenter__()
        tasks = asyncio.all_tasks()
        await asyncio.sleep(0.05)
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) == fds
    assert len(tasks) <= 2, "this test, and the daemon's end"


async def test_daemon_session_without_a_socket_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="No such file"):
        await DaemonSession(tmp_path / "calibration.sock", "bike-1").__aenter__()


async def test_daemon_session_with_a_killed_gateway_is_an_error() -> None:
    with TemporaryDirectory(prefix="alleycat-") as directory:
        path = Path(directory) / "calibration.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(os.fspath(path))
        with pytest.raises(CalibrationError, match="no process is listening; the gateway"):
            await DaemonSession(path, "bike-1").__aenter__()
