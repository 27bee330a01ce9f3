"""Root sees with the service's eyes, and which state_dir a command means (see test_buffer.py)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.exits import CommandError
from gateway.cli.service import MORE_GROUPS, SERVICE_CONFIG, USER, state_dir_of

UNIT = Path(__file__).parents[3] / "systemd" / "alleycat-gateway.service"
ASK = (
    "import os, grp; from gateway.cli.service import become_service\n"
    "become_service({user!r})\n"
    "print(os.geteuid(), [grp.getgrgid(one).gr_name for one in os.getgroups()])"
)


def become(user: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", ASK.format(user=user)], capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give it up")
def test_root_becomes_the_service_with_its_groups() -> None:
    assert become("nobody") == "65534 ['dialout', 'nogroup']"


def test_missing_service_user_leaves_the_user_as_it_is() -> None:
    assert become("nobody-of-that-name").startswith(f"{os.geteuid()} ")


@pytest.mark.skipif(not UNIT.exists(), reason="no unit is shipped here")
def test_service_user_groups_and_config_are_those_of_the_unit() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert f"User={USER}" in lines
    assert f"SupplementaryGroups={' '.join(MORE_GROUPS)}" in lines
    assert any(line.endswith(f"run --config {SERVICE_CONFIG}") for line in lines)


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLEYCAT_STATE_DIR", raising=False)


def test_state_dir_of_a_config_is_relative_to_it(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('state_dir = "state"\n', encoding="utf-8")
    assert state_dir_of(config) == tmp_path / "state"


def test_state_dir_defaults_to_var_lib(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text("", encoding="utf-8")
    assert state_dir_of(config) == state_dir_of(None) == Path("/var/lib/alleycat-gateway")


def test_state_dir_of_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLEYCAT_STATE_DIR", str(tmp_path))
    assert state_dir_of(None) == tmp_path


def test_unreadable_config_asks_for_sudo(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.touch(mode=0o000)
    me = os.geteuid()
    os.seteuid(65534 if me == 0 else me)
    try:
        with pytest.raises(
            CommandError, match=r"permission denied: .*gateway\.toml; run this command with sudo"
        ):
            state_dir_of(config)
    finally:
        os.seteuid(me)
