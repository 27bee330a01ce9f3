"""The socket of `ride`: who may use it, and what hostile clients get and cost."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.riding.requests import (
    FILE_NAME,
    REQUEST,
    REQUEST_MAX_BYTES,
    ChooseRider,
    JoinRace,
    ask_ride,
)
from gateway.riding.server import CLIENTS_MAX, serve_ride
from tests.support.ride_bench import RideBench
from tests.support.virtual_clock import work_in_threads


@pytest.fixture(autouse=True)
def no_runtime_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[RideBench]:
    bench = await RideBench(tmp_path, [80.0] * 100).start()
    # The clients that block must not block the server.
    work_in_threads()
    async with serve_ride(tmp_path, bench.virtual.gateway.desk, pytest.fail):
        yield bench
    await bench.stop()


async def ask(directory: Path, line: bytes) -> Any:
    reader, writer = await asyncio.open_unix_connection(directory / FILE_NAME)
    writer.write(line + b"\n")
    answer = await reader.readline()
    writer.close()
    return json.loads(answer)


async def test_choice_over_the_socket_is_answered_when_it_is_on_disk(
    tmp_path: Path, bench: RideBench
) -> None:
    answer = await asyncio.to_thread(ask_ride, tmp_path / FILE_NAME, ChooseRider("bike-1", 9))
    assert (answer.result, answer.racer_id, answer.class_id) == ("accepted", 9, 3)
    saved = json.loads((tmp_path / "riders.json").read_bytes())
    assert saved == {"bike-1": {"racer_id": 9, "class_id": 3}}


@pytest.mark.parametrize("racer_id", [-1, 2**53, 10**400])
async def test_rider_who_cannot_be_is_refused(
    tmp_path: Path, bench: RideBench, racer_id: int
) -> None:
    answer = await ask(tmp_path, b'{"action":"choose","bike_id":"bike-1","racer_id":%d}' % racer_id)
    assert answer["result"] == "refused"
    assert answer["text"].startswith(f"the config allows no racer {racer_id} on bike-1; expected")


async def test_unknown_bike_of_a_long_name_is_refused_in_short(
    tmp_path: Path, bench: RideBench
) -> None:
    answer = await ask(tmp_path, b'{"action":"leave","bike_id":"%s"}' % (b"b" * 900))
    assert answer["text"] == f"unknown bike '{'b' * 128}'; expected one of: bike-1"


async def test_refused_request_is_answered_with_its_reason(
    tmp_path: Path, bench: RideBench
) -> None:
    answer = await asyncio.to_thread(ask_ride, tmp_path / FILE_NAME, JoinRace("bike-9"))
    assert answer.is_refused
    assert answer.text == "unknown bike 'bike-9'; expected one of: bike-1"


INVALID = [
    b"",
    b"nonsense",
    b"{}",
    b"[]",
    b"null",
    b'{"action":"win","bike_id":"bike-1"}',
    b'{"action":"join"}',
    b'{"action":"join","bike_id":7}',
    b'{"action":"choose","bike_id":"bike-1"}',
    b'{"action":"choose","bike_id":"bike-1","racer_id":8.5}',
    b'{"action":"choose","bike_id":"bike-1","racer_id":1e999}',
    b'{"action":"choose","bike_id":"bike-1","racer_id":null}',
    b'{"action":"choose","bike_id":"bike-1","racer_id":8,"class_id":"x"}',
    b"[" * 900,
    b"\xff\xfe",
    b"\x00" * 100,
]


@pytest.mark.parametrize("line", INVALID)
async def test_invalid_request_is_refused_and_changes_nothing(
    tmp_path: Path, bench: RideBench, line: bytes
) -> None:
    answer = await ask(tmp_path, line)
    assert answer["result"] == "refused"
    assert answer["text"] == "invalid request: the gateway may be of another version"
    assert not (tmp_path / "riders.json").exists()
    assert (await ask(tmp_path, b'{"action":"leave","bike_id":"bike-1"}'))["result"] == "already"


@given(st.binary(max_size=200))
def test_bytes_are_a_request_or_invalid(line: bytes) -> None:
    with suppress(ValidationError):
        assert isinstance(REQUEST.validate_json(line).bike_id, str)


async def test_request_that_is_too_long_gets_no_answer(tmp_path: Path, bench: RideBench) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / FILE_NAME)
    answer = b""
    with suppress(ConnectionError):
        writer.write(b" " * (2 * REQUEST_MAX_BYTES) + b"\n")
        answer = await reader.readline()
    assert answer == b""
    writer.close()


async def test_clients_that_send_nothing_do_not_keep_the_gateway_from_its_seconds(
    tmp_path: Path, bench: RideBench
) -> None:
    idle = [
        await asyncio.open_unix_connection(tmp_path / FILE_NAME) for _ in range(CLIENTS_MAX + 5)
    ]
    await bench.run_for(20.5)
    assert [one[2] for one in bench.ridden()] == list(range(1, 21))
    for _, writer in idle:
        writer.close()
    answer: dict[str, Any] = {}
    while not answer:
        with suppress(ValueError, ConnectionError):  # while they are being disconnected
            answer = await ask(tmp_path, b'{"action":"join","bike_id":"bike-1"}')
    assert answer["result"] == "accepted"


async def test_choice_of_a_client_that_leaves_at_once_is_saved(
    tmp_path: Path, bench: RideBench
) -> None:
    _, writer = await asyncio.open_unix_connection(tmp_path / FILE_NAME)
    writer.write(b'{"action":"choose","bike_id":"bike-1","racer_id":8}\n')
    await writer.drain()
    writer.transport.abort()
    for _ in range(500):
        if (tmp_path / "riders.json").exists():
            break
        await asyncio.sleep(0.01)
    saved = json.loads((tmp_path / "riders.json").read_bytes())
    assert saved == {"bike-1": {"racer_id": 8, "class_id": 1}}


async def test_requests_at_the_same_time_are_all_answered(tmp_path: Path, bench: RideBench) -> None:
    answers = await asyncio.gather(
        *(
            ask(tmp_path, b'{"action":"choose","bike_id":"bike-1","racer_id":%d}' % racer)
            for racer in (8, 9, 1, 8, 9)
        )
    )
    assert {one["result"] for one in answers} <= {"accepted", "already"}
    saved = json.loads((tmp_path / "riders.json").read_bytes())
    chosen = saved.get("bike-1", {"racer_id": 1})["racer_id"]
    [status] = bench.virtual.gateway.status.bikes
    assert chosen == status.racer_id


async def test_socket_is_for_root_and_the_group_of_the_service(
    tmp_path: Path, bench: RideBench
) -> None:
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o660


async def test_socket_that_cannot_be_made_is_noted_and_the_race_goes_on(tmp_path: Path) -> None:
    bench = RideBench(tmp_path, [])
    notes: list[str] = []
    async with serve_ride(tmp_path / "missing", bench.virtual.gateway.desk, notes.append):
        pass
    assert notes == [
        f"`ride` is not available at {tmp_path}/missing/{FILE_NAME}: No such file or directory"
    ]
