"""The service is controlled through systemctl: here a script in its place, which keeps a log."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.bike.link import LinkState
from gateway.cloud.publisher import NOT_YET
from gateway.host import sockets
from gateway.setup import service_control
from gateway.status.server import serve_status
from gateway.status.snapshot import GatewayStatus
from tests.support.gateways import config
from tests.support.statuses import bike_status, gateway_status, lost_bike, offline

SYSTEMCTL = """#!/bin/sh
echo "$@" >> "{log}"
[ "$1" != restart ] || {{ echo "Job failed." >&2; exit 1; }}
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "bin" / "systemctl"
    script.parent.mkdir()
    script.write_text(SYSTEMCTL.format(log=tmp_path / "log"))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return tmp_path / "log"


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the directory of the service's sockets."""
    monkeypatch.setattr(sockets, "SERVICE_DIRECTORY", tmp_path)
    return tmp_path


@pytest.fixture
def waits() -> list[float]:
    return []


def test_service_is_controlled_by_root_under_systemd_alone(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert service_control.can_control(tmp_path)
    assert not service_control.can_control(tmp_path / "not booted")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not service_control.can_control(tmp_path)
    assert log.read_text() == "cat alleycat-gateway\n"


def test_failed_start_is_reported_with_the_words_of_systemctl(log: Path) -> None:
    assert service_control.apply("reload-or-restart") is None
    assert service_control.apply("restart") == "Job failed."
    assert log.read_text() == "reload-or-restart alleycat-gateway\nrestart alleycat-gateway\n"


class Statuses:
    """A StatusSource: the statuses one after the other, the last one forever."""

    def __init__(self, *statuses: GatewayStatus) -> None:
        self._left = list(statuses)

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def note_name(self, text: str | None) -> None:
        raise AssertionError(text)

    def status(self) -> GatewayStatus:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


async def test_service_is_waited_for_until_cloud_and_bikes_have_a_reason_or_a_connection(
    service: Path, waits: list[float]
) -> None:
    connecting = bike_status(state=LinkState.CONNECTING)
    asleep = lost_bike(reason="not found")
    statuses = Statuses(
        gateway_status(is_set_up=False),
        gateway_status(cloud=offline(NOT_YET)),
        gateway_status(connecting),
        gateway_status(asleep, cloud=offline("connection refused")),
        gateway_status(),
    )
    async with serve_status(config(service, [{}]), statuses):
        status = await asyncio.to_thread(service_control.first_status, waits.append)
    assert status is not None
    assert (status.cloud.state, status.bikes) == ("connection refused", (asleep,))
    assert len(waits) == 4


async def test_service_that_waits_for_a_connection_is_not_waited_for_for_long(
    service: Path, waits: list[float]
) -> None:
    async with serve_status(
        config(service, [{}]), Statuses(gateway_status(cloud=offline(NOT_YET)))
    ):
        status = await asyncio.to_thread(service_control.first_status, waits.append)
    assert status is not None
    assert sum(waits) == service_control.ANSWER_WITHIN_S


def test_service_that_does_not_answer_is_waited_for(service: Path, waits: list[float]) -> None:
    assert service_control.first_status(waits.append) is None
    assert sum(waits) == service_control.ANSWER_WITHIN_S
