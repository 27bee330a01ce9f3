"""Commands in advice can be pasted: with the config, and with sudo where it is needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config.command_line import SERVICE_CONFIG, command_line, needs_sudo


def test_command_for_the_service_needs_no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.config.command_line.IS_ROOT_ITSELF", False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert command_line("check", SERVICE_CONFIG) == "sudo alleycat-gateway check"


def test_command_for_an_own_config_names_it_and_needs_no_sudo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gateway.config.command_line.IS_ROOT_ITSELF", False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    file = tmp_path / "gateway.toml"
    assert command_line("run", file) == f"alleycat-gateway run --config {file}"
    spaced = tmp_path / "my gateway.toml"
    assert command_line("run", spaced) == f"alleycat-gateway run --config '{spaced}'"


def test_command_is_repeated_with_sudo_after_sudo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gateway.config.command_line.IS_ROOT_ITSELF", False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command_line("run", tmp_path / "x.toml").startswith("sudo alleycat-gateway run --config")


def test_root_itself_needs_no_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gateway.config.command_line.IS_ROOT_ITSELF", True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command_line("check", SERVICE_CONFIG) == "alleycat-gateway check"
    assert not needs_sudo(tmp_path / "x.toml")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize(("environment", "sudo"), [({}, ""), ({"SUDO_UID": "1000"}, "sudo ")])
def test_sudo_is_repeated_by_who_it_was_that_ran_it(environment: dict[str, str], sudo: str) -> None:
    program = (
        "from gateway.config.command_line import *; import os, shlex; os.setuid(65534)\n"
        "print(command_line('check', SERVICE_CONFIG))"
    )
    inherited = {name: value for name, value in os.environ.items() if name != "SUDO_UID"}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**inherited, **environment},
    )
    assert ended.stdout == f"{sudo}alleycat-gateway check\n"
