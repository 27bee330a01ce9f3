"""The installed service: started with the new config, and asked for its first status."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from gateway.cloud.publisher import NOT_YET
from gateway.host import sockets
from gateway.status.client import FILE_NAME, NoStatusError, ask_status
from gateway.status.report import StatusFormatError, status_from_json
from gateway.status.snapshot import GatewayStatus

UNIT = "alleycat-gateway"
#: Exists while systemd is the init process: sd_booted(3).
BOOTED = Path("/run/systemd/system")
#: Seconds for a connection to the cloud and to the bikes, after the start.
ANSWER_WITHIN_S = 8
#: Seconds between two questions to the gateway.
EVERY_S = 0.25


def can_control(booted: Path = BOOTED) -> bool:
    """Return whether this is root on a computer with the service under systemd."""
    if os.geteuid() != 0 or not booted.is_dir() or shutil.which("systemctl") is None:
        return False
    return _run("systemctl", "cat", UNIT).returncode == 0


def apply(verb: str) -> str | None:
    """Run `systemctl VERB` on the service; return why it failed, None if it did not."""
    ended = _run("systemctl", verb, UNIT)
    return ended.stderr.strip() or None if ended.returncode else None


def reload_units() -> None:
    """Let systemd read the unit and its drop-ins again."""
    _run("systemctl", "daemon-reload")


def first_status(sleep: Callable[[float], None] = time.sleep) -> GatewayStatus | None:
    """Return the service's status as soon as there is nothing to wait for, or after some seconds.

    None if the service does not answer.
    """
    status = None
    for _ in range(round(ANSWER_WITHIN_S / EVERY_S)):
        sleep(EVERY_S)  # first of all: a reload takes a moment as well
        status = _status()
        if status is not None and _is_settled(status):
            break
    return status


def _status() -> GatewayStatus | None:
    try:
        return status_from_json(ask_status(sockets.SERVICE_DIRECTORY / FILE_NAME))
    except (NoStatusError, StatusFormatError):
        return None


def _is_settled(status: GatewayStatus) -> bool:
    """Return whether the cloud and each bike are connected, or have a reason why they are not."""
    cloud_is_settled = status.cloud.is_connected or status.cloud.state != NOT_YET
    bikes_are_settled = all(bike.is_connected or bike.reason for bike in status.bikes)
    return status.is_set_up and cloud_is_settled and bikes_are_settled


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
