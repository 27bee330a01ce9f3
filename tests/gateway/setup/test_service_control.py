"""The service is controlled through systemctl: here a script in its place, which keeps a log."""

import os
from pathlib import Path

import pytest

from gateway.setup import service_control

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


@pytest.mark.slow
def test_service_that_does_not_answer_is_waited_for_and_then_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service_control, "WELL_WITHIN_S", 2)
    waits: list[float] = []
    assert "no gateway" in service_control.wait_until_well(waits.append).lower()
    assert waits == [1.0, 1.0]
