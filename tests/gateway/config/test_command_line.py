"""Commands in advice can be pasted: with the config, and with sudo where it is needed."""

import os
from pathlib import Path

import pytest

from gateway.config.command_line import SERVICE_CONFIG, command_line


def test_command_for_the_service_needs_no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert command_line("check", SERVICE_CONFIG) == "sudo alleycat-gateway check"


def test_command_for_an_own_config_names_it_and_needs_no_sudo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    file = tmp_path / "gateway.toml"
    assert command_line("run", file) == f"alleycat-gateway run --config {file}"
    spaced = tmp_path / "my gateway.toml"
    assert command_line("run", spaced) == f"alleycat-gateway run --config '{spaced}'"


def test_command_is_repeated_with_sudo_for_root(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command_line("run", tmp_path / "x.toml").startswith("sudo alleycat-gateway run --config")
