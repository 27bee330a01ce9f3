"""Root sees with the service's eyes; for others nothing changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.service import MORE_GROUPS, SERVICE_CONFIG, USER

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


def test_where_there_is_no_such_user_nothing_changes() -> None:
    assert become("nobody-of-that-name").startswith(f"{os.geteuid()} ")


@pytest.mark.skipif(not UNIT.exists(), reason="no unit is shipped here")
def test_they_are_the_units() -> None:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    assert f"User={USER}" in lines
    assert f"SupplementaryGroups={' '.join(MORE_GROUPS)}" in lines
    assert any(line.endswith(f"run --config {SERVICE_CONFIG}") for line in lines)
