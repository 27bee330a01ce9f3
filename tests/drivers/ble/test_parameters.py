"""hcitool is asked for what a bike wants, and its refusal is told with what to do."""

from pathlib import Path

import pytest

from drivers.ble.parameters import update_parameters
from drivers.clock import MachineClock
from drivers.testing import FastClock

ADDRESS = "C0:FF:EE:00:00:01"
LINKS = (
    "Connections:\\n"
    "\\t< LE 11:22:33:44:55:66 handle 63 state 1 lm\\n"
    f"\\t< LE {ADDRESS} handle 64 state 1 lm CENTRAL"
)


@pytest.fixture
def hcitool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that lists two links and notes what else it is asked."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return install(
        tmp_path, f'case $1 in con) printf "{LINKS}\\n";; *) echo "$@" >> {tmp_path}/asked;; esac'
    )


def install(directory: Path, script: str) -> Path:
    tool = directory / "hcitool"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    return tool


async def test_hcitool_updates_the_link_of_the_bike_and_no_other(hcitool: Path) -> None:
    await update_parameters(ADDRESS.lower(), MachineClock())
    assert (hcitool.parent / "asked").read_text() == (
        "lecup --handle 64 --min 16 --max 60 --latency 0 --timeout 400\n"
    )


async def test_update_of_a_missing_link_is_an_error(hcitool: Path) -> None:
    with pytest.raises(OSError, match="no link to C0:00:00:00:00:00"):
        await update_parameters("C0:00:00:00:00:00", MachineClock())


async def test_missing_capability_of_hcitool_is_told_with_its_remedy(hcitool: Path) -> None:
    refusing = 'echo "Could not change connection params: Operation not permitted(1)"; exit 1'
    install(hcitool.parent, f'case $1 in con) printf "{LINKS}\\n";; *) {refusing};; esac')
    with pytest.raises(OSError, match=r"not permitted.*setcap cap_net_admin"):
        await update_parameters(ADDRESS, MachineClock())


async def test_missing_hcitool_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="hcitool"):
        await update_parameters(ADDRESS, MachineClock())


async def test_hcitool_that_hangs_is_an_error(hcitool: Path) -> None:
    install(hcitool.parent, "exec sleep 60")
    with pytest.raises(OSError, match="did not answer"):
        await update_parameters(ADDRESS, FastClock(20))
