"""Which state_dir a command means. The rest is in test_buffer.py, through the command."""

import os
from pathlib import Path

import pytest

from gateway.cli.exits import CommandError
from gateway.cli.state_dir import state_dir_of


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLEYCAT_STATE_DIR", raising=False)


def test_that_of_the_config_relative_to_it(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('state_dir = "state"\n', encoding="utf-8")
    assert state_dir_of(config) == tmp_path / "state"


def test_the_default(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("", encoding="utf-8")
    assert state_dir_of(config) == state_dir_of(None) == Path("/var/lib/alleycat-gateway")


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLEYCAT_STATE_DIR", str(tmp_path))
    assert state_dir_of(None) == tmp_path


def test_a_config_that_is_not_yours_to_read(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.touch(mode=0o000)
    me = os.geteuid()
    os.seteuid(65534 if me == 0 else me)
    try:
        with pytest.raises(CommandError, match=r"gateway\.toml may not be read by you: put sudo"):
            state_dir_of(config)
    finally:
        os.seteuid(me)
