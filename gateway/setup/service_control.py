"""The installed service: started with the new config, until it answers."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

UNIT = "alleycat-gateway"
#: Exists while systemd is the init process: sd_booted(3).
BOOTED = Path("/run/systemd/system")
#: Seconds for a start and a connection to the cloud.
WELL_WITHIN_S = 15
#: Seconds between two questions to the gateway.
EVERY_S = 1.0


def can_control(booted: Path = BOOTED) -> bool:
    """Return whether this is root on a computer with the service under systemd."""
    if os.geteuid() != 0 or not booted.is_dir() or shutil.which("systemctl") is None:
        return False
    return _run("systemctl", "cat", UNIT).returncode == 0


def apply(verb: str) -> str | None:
    """Run `systemctl VERB` on the service; return why it failed, None if it did not."""
    ended = _run("systemctl", verb, UNIT)
    return ended.stderr.strip() or None if ended.returncode else None


def wait_until_well(sleep: Callable[[float], None] = time.sleep) -> str:
    """Return the gateway's status as text, as soon as all is well or after some seconds."""
    for _ in range(WELL_WITHIN_S):
        if gateway("status", "--json").returncode == 0:
            break
        sleep(EVERY_S)
    ended = gateway("status")
    return ended.stdout or ended.stderr


def gateway(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run another command of the gateway."""
    return _run(sys.executable, "-m", "gateway", *arguments)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
