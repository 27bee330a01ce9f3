"""What systemd hears, at a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.host.systemd import ServiceManager
from tests.support.hostile import HOSTILE, forbidden_in


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        yield systemd


def address(systemd: socket.socket) -> str:
    name: str | bytes = systemd.getsockname()
    return name if isinstance(name, str) else name.decode().replace("\0", "@", 1)


def test_systemd_is_told_one_assignment_a_line(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
    service.tell(READY=1, STATUS="racing\nin two lines · 54 %")
    assert systemd.recv(1000).decode() == "READY=1\nSTATUS=racing in two lines · 54 %"
    service.close()


def test_systemd_hears_no_control_characters(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
    service.tell(STATUS=f"\ud800{HOSTILE}")
    assert not forbidden_in(systemd.recv(10_000).decode())
    service.close()


def test_systemd_is_told_at_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("")  # any free abstract name
        systemd.settimeout(20)
        service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
        service.tell(READY=1)
        assert systemd.recv(1000) == b"READY=1"
        service.close()


def test_systemd_is_told_nothing_without_a_notify_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    service = ServiceManager({})
    sent: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(service, "_socket", Recorder(sent, service._socket))
        service.tell(READY=1)
        service.close()
    assert sent == []


class Recorder:
    def __init__(self, sent: list[object], real: socket.socket) -> None:
        self._sent = sent
        self.close = real.close

    def sendto(self, *what: object) -> None:
        self._sent.append(what)


def test_systemd_that_listens_late_is_told_what_follows(tmp_path: Path) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    service.tell(STATUS="early")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        service.tell(READY=1)
        assert systemd.recv(1000) == b"READY=1"
    service.close()


def test_systemd_that_does_not_read_blocks_nothing(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
    for _ in range(1000):
        service.tell(STATUS="x" * 1000)
    systemd.setblocking(False)
    heard = 0
    with suppress(BlockingIOError):
        while systemd.recv(2000):
            heard += 1
    assert 0 < heard < 1000, "what found no room was not waited for"
    service.tell(READY=1)
    assert systemd.recv(1000) == b"READY=1"
    service.close()


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_watchdog_interval_is_read_only_if_meant_for_this_process(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    service = ServiceManager(environment)
    assert service.watchdog_s == watchdog_s
    service.close()
