"""Versions of the installed software for a bug report, and conflicts with our packages."""

import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gateway.terminal.finding import Finding, warning
from gateway.timing.clock_sync import BOARD_MODEL

NAME = "installation"
UNKNOWN = "not found"
#: Our import packages. Their names are common: other distributions may use them as well.
_IMPORT_PACKAGES = ("gateway", "drivers")
_PACKAGES = ("alleycat-gateway", "awscrt", "awsiotsdk", "bleak", "dbus-fast", "pyserial")
#: It has the same version as bluetoothd, which is not in the PATH.
_BLUEZ = "bluetoothctl"
#: Seconds to wait for the output of a program.
ANSWER_S = 5.0


def versions(root: Path = Path("/")) -> dict[str, str]:
    """Return name → version, in the order of display."""
    own, *others = _PACKAGES
    return {
        own: _package(own),
        "Python": platform.python_version(),
        "system": _system(),
        "kernel": f"{platform.release()} {platform.machine()}",
        "board": _board(root),
        "BlueZ": _bluez(),
        **{name: _package(name) for name in others},
    }


def check_packages(distributions: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Find distributions that install files under the names of our import packages.

    `distributions`: those of each import package, as `packages_distributions` returns them.
    """
    own = _PACKAGES[0]
    others = {
        package: sorted(set(distributions.get(package, ())) - {own}) for package in _IMPORT_PACKAGES
    }
    return [
        warning(
            NAME,
            f"the Python package {package!r} is also installed by {', '.join(names)}; the "
            "packages overwrite each other's files",
            f"uninstall {' and '.join(names)}, then reinstall {own}",
        )
        for package, names in others.items()
        if names
    ]


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return UNKNOWN


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _board(root: Path) -> str:
    try:
        model = (root / BOARD_MODEL).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    return model.rstrip("\0")


def _bluez() -> str:
    program = shutil.which(_BLUEZ)
    if program is None:
        return UNKNOWN
    try:
        output = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, text=True, timeout=ANSWER_S, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN
    found = re.search(r"\d+(\.\d+)+", output)
    return found[0] if found else UNKNOWN
