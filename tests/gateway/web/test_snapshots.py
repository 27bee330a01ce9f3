"""The status and the metrics, as programs ask for them."""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.status.snapshot import GatewayStatus
from gateway.web.feed import SNAPSHOT_MIN_NS
from gateway.web.race_side import RaceSide
from gateway.web.snapshots import Snapshots
from tests.support.mosquitto import free_port
from tests.support.statuses import gateway_status
from tests.support.virtual_clock import VirtualClock
from tests.support.web_pages import SilentObserver, ask_raw, serving


@dataclass
class CountingObserver(SilentObserver):
    """Counts how often the race is asked."""

    asked: int = 0

    def status(self) -> GatewayStatus:
        self.asked += 1
        return gateway_status(produced=self.asked)


async def test_flood_of_requests_is_one_question_to_the_race() -> None:
    observer = CountingObserver()
    snapshots = Snapshots(RaceSide(asyncio.get_running_loop(), observer, VirtualClock()))
    found = await asyncio.gather(*(snapshots.latest() for _ in range(100)))
    assert len(set(map(id, found))) == observer.asked == 1


async def test_later_request_gets_a_new_snapshot() -> None:
    observer = CountingObserver()
    snapshots = Snapshots(RaceSide(asyncio.get_running_loop(), observer, VirtualClock()))
    first = await snapshots.latest()
    assert await snapshots.latest() is first
    loop = asyncio.get_running_loop()
    later = asyncio.Event()
    loop.call_later(SNAPSHOT_MIN_NS / 1e9 + 0.02, later.set)
    await later.wait()
    assert b'"produced":2,' in (await snapshots.latest()).json


async def test_request_that_gives_up_does_not_spoil_the_snapshot_of_others() -> None:
    observer = CountingObserver()
    snapshots = Snapshots(RaceSide(asyncio.get_running_loop(), observer, VirtualClock()))
    impatient = asyncio.create_task(snapshots.latest())
    await asyncio.sleep(0)
    impatient.cancel()
    assert b'"produced":1,' in (await snapshots.latest()).json


def listening_ports() -> set[int]:
    """Of this process, over TCP; the format is of proc_net(5)."""
    ours = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the directory itself is open no more
            ours.add(os.readlink(f"/proc/self/fd/{fd}"))
    rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].partition(":")[2], 16)
        for row in rows
        if row[3] == "0A" and f"socket:[{row[9]}]" in ours
    }


async def test_metrics_are_on_the_port_of_the_pages_and_on_their_own(tmp_path: Path) -> None:
    own = free_port()
    async with serving(tmp_path, metrics={"port": own}) as pages:
        await pages.virtual.run_for(1)
        for port in (own, pages.port):
            async with pages.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"] == (
                    "text/plain; version=0.0.4; charset=utf-8"
                )
                assert 'alleycat_gateway_info{thing_name="gateway-1"' in await answer.text()
        assert listening_ports() == {own, pages.port}
        async with pages.session.get(f"http://127.0.0.1:{own}/status.json") as answer:
            assert answer.status == 404


async def test_metrics_need_no_pages(tmp_path: Path) -> None:
    own = free_port()
    async with serving(tmp_path, metrics={"port": own}, port=None) as pages:
        assert listening_ports() == {own}
        async with pages.session.get(f"http://127.0.0.1:{own}/metrics") as answer:
            assert answer.status == 200


async def test_metrics_port_in_use_is_a_note_in_the_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with serving(tmp_path, metrics={"port": port}, port=None) as pages:
            (note,) = pages.virtual.gateway.status.notes
    assert note == f"metrics.port {port}: Address already in use; expected a free port"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /metrics?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\n", 200),
        (b"GET /metrics HTTP/1.0\r\n", 200),
        (b"HEAD /metrics HTTP/1.1\r\nhost: localhost:80\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", 404),
        (b"GET /metrics/../etc HTTP/1.1\r\nHost: localhost\r\n", 404),
        (b"PUT /metrics HTTP/1.1\r\nHost: localhost\r\n", 405),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example:9785\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost.evil.example\r\n", 421),
        (b"GET /metrics HTTP/1.1\r\nHost: [::1\r\n", 421),
        (b"\xff\xfe \x00\r\n", 400),
    ],
)
async def test_metrics_request_gets_its_status_code(
    tmp_path: Path, request_: bytes, code: int
) -> None:
    own = free_port()
    async with serving(tmp_path, metrics={"port": own}, port=None):
        answer = await ask_raw(own, request_ + b"Connection: close\r\n\r\n")
    assert int(answer.split()[1]) == code
    assert ("alleycat_gateway_info" in answer) == (code == 200 and not request_.startswith(b"HEAD"))


async def test_metrics_are_not_at_another_address_of_this_machine(tmp_path: Path) -> None:
    own = free_port()
    async with serving(tmp_path, metrics={"port": own}, port=None):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.2", own)
