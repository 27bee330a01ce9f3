"""What the daemon answers to requests to release quarantined messages."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.buffer.quarantine import FILE_NAME, IDS_MAX
from gateway.buffer.quarantine_server import serve_quarantine
from gateway.buffer.store import StoreError
from gateway.cli.quarantine import ask_to_release
from tests.support.buffers import BufferBench, seconds
from tests.support.telemetry import message
from tests.support.virtual_clock import work_in_threads


@pytest.fixture(autouse=True)
def no_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[BufferBench]:
    """A served buffer with seconds 1 to 3 in quarantine, whose ids are the same."""
    bench = BufferBench(tmp_path / "buffer")
    await bench.start()
    for second in (1, 2, 3):
        bench.buffer.append(message(second))
    for entry in await bench.take_all():
        bench.buffer.quarantine(entry, "refused")
    await bench.clock.run_for(1)
    async with serve_quarantine(tmp_path, bench.buffer, pytest.fail):
        yield bench
    await bench.stop()


async def ask(directory: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(directory / FILE_NAME)
    writer.write(line + b"\n")
    answer = await reader.readline()
    writer.close()
    return json.loads(answer)


async def test_requeue_over_the_socket_sends_again(tmp_path: Path, bench: BufferBench) -> None:
    path = tmp_path / FILE_NAME
    work_in_threads()
    assert await asyncio.to_thread(ask_to_release, path, "requeue", [1, 3, 99]) == 2
    assert seconds(await bench.take_all()) == [1, 3]
    assert bench.buffer.status.quarantined == 1


async def test_drop_over_the_socket_deletes(tmp_path: Path, bench: BufferBench) -> None:
    work_in_threads()
    assert await asyncio.to_thread(ask_to_release, tmp_path / FILE_NAME, "drop", [1, 2]) == 2
    assert await bench.take_all() == []
    assert bench.buffer.status.quarantined == 1


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"{}",
        b'{"action":"send","ids":[1]}',
        b'{"action":"drop"}',
        b'{"action":"drop","ids":["x"]}',
        b'{"action":"drop","ids":[1e999]}',
        b"[" * 1000,
        b"\xff\xfe",
    ],
)
async def test_invalid_request_is_refused(tmp_path: Path, bench: BufferBench, line: bytes) -> None:
    answer = await ask(tmp_path, line)
    assert answer == {
        "released": 0,
        "error": "invalid request: the gateway may be of another version",
    }
    assert bench.buffer.status.quarantined == 3


@pytest.mark.parametrize("id_", [-1, 2**63, 10**400])
async def test_ids_that_no_message_can_have_are_skipped_or_refused(
    tmp_path: Path, bench: BufferBench, id_: int
) -> None:
    answer = await ask(tmp_path, b'{"action":"drop","ids":[%d]}' % id_)
    assert answer["released"] == 0
    assert bench.buffer.status.quarantined == 3
    assert (await ask(tmp_path, b'{"action":"drop","ids":[1]}'))["released"] == 1


async def test_request_for_too_many_messages_is_refused(tmp_path: Path, bench: BufferBench) -> None:
    ids = ",".join(map(str, range(IDS_MAX + 1)))
    answer = await ask(tmp_path, b'{"action":"drop","ids":[%s]}' % ids.encode())
    assert answer["error"] == f"{IDS_MAX + 1} messages in one request; limit {IDS_MAX}"


async def test_disk_that_fails_is_the_answer(tmp_path: Path, bench: BufferBench) -> None:
    bench.failure = StoreError("disk full")
    answer = await ask(tmp_path, b'{"action":"requeue","ids":[1]}')
    assert answer == {"released": 0, "error": "disk full"}


async def test_socket_is_for_root_and_the_group_of_the_service(
    tmp_path: Path, bench: BufferBench
) -> None:
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o660


async def test_socket_that_cannot_be_made_is_noted_and_the_race_goes_on(tmp_path: Path) -> None:
    bench = BufferBench(tmp_path / "buffer")
    notes: list[str] = []
    async with serve_quarantine(tmp_path / "missing", bench.buffer, notes.append):
        pass
    assert notes == [
        f"`buffer requeue` and `buffer drop` are not available at {tmp_path}/missing/{FILE_NAME}: "
        "No such file or directory"
    ]
