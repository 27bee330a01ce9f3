"""What a bug report needs, on this computer and on a Pi."""

import stat
import sys
from pathlib import Path

import pytest

from gateway.doctor.versions import NAME, UNKNOWN, check_packages, versions
from gateway.terminal.finding import State
from gateway.timing.clock_sync import BOARD_MODEL


def test_versions_have_all_that_a_bug_report_needs() -> None:
    said = versions()
    assert list(said)[:6] == ["alleycat-gateway", "Python", "system", "kernel", "board", "BlueZ"]
    assert said["Python"] == sys.version.split()[0]
    assert all(said[name] != UNKNOWN for name in ("alleycat-gateway", "awscrt", "bleak"))


def test_board_is_the_model_of_the_pi(tmp_path: Path) -> None:
    model = tmp_path / BOARD_MODEL
    model.parent.mkdir(parents=True)
    model.write_bytes(b"Raspberry Pi 4 Model B Rev 1.5\0")
    assert versions(tmp_path)["board"] == "Raspberry Pi 4 Model B Rev 1.5"
    assert versions(tmp_path / "elsewhere")["board"] == "unknown"


@pytest.mark.parametrize(
    ("prints", "version"), [("bluetoothctl: 5.66", "5.66"), ("", UNKNOWN), (None, UNKNOWN)]
)
def test_bluez_version_comes_from_bluetoothctl(
    prints: str | None, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if prints is not None:
        program = tmp_path / "bluetoothctl"
        program.write_text(f'#!/bin/sh\necho "{prints}"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert versions()["BlueZ"] == version


def test_own_packages_alone_are_well() -> None:
    own = {"gateway": ["alleycat-gateway"], "drivers": ["alleycat-gateway"] * 2, "rich": ["rich"]}
    assert check_packages(own) == []
    assert check_packages({}) == [], "an editable installation does not list its packages"


def test_another_distribution_with_a_package_drivers_is_a_warning() -> None:
    (finding,) = check_packages({"drivers": ["alleycat-gateway", "drivers"]})
    assert (finding.name, finding.state) == (NAME, State.WARNING)
    assert "'drivers' is also installed by drivers" in finding.what
    assert finding.remedy == "uninstall drivers, then reinstall alleycat-gateway"
