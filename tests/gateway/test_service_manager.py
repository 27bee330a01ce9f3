"""What systemd hears, at a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.service_manager import ServiceManager


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        yield systemd


def address(systemd: socket.socket) -> str:
    name: str | bytes = systemd.getsockname()
    return name if isinstance(name, str) else name.decode().replace("\0", "@", 1)


def test_it_hears_assignments_a_line_each(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
    service.tell(READY=1, STATUS="racing\nin two lines · 54 %")
    assert systemd.recv(1000).decode() == "READY=1\nSTATUS=racing in two lines · 54 %"
    service.close()


def test_it_may_listen_in_the_abstract_namespace() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("")  # any free abstract name
        systemd.settimeout(5)
        service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
        service.tell(READY=1)
        assert systemd.recv(1000) == b"READY=1"
        service.close()


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nobody/listens/here"}])
def test_without_one_telling_does_nothing(environment: dict[str, str]) -> None:
    service = ServiceManager(environment)
    service.tell(READY=1)
    service.close()


def test_one_that_does_not_read_holds_nobody_up(systemd: socket.socket) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": address(systemd)})
    for _ in range(1000):
        service.tell(STATUS="x" * 1000)
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
def test_it_may_watch_this_process(environment: dict[str, str], watchdog_s: float | None) -> None:
    service = ServiceManager(environment)
    assert service.watchdog_s == watchdog_s
    service.close()
