"""Serial ports: can each be opened, and does ModemManager leave it alone?"""

import os
from collections.abc import Sequence
from pathlib import Path

from drivers.ble.bluez import BlueZ
from drivers.clock import MachineClock
from drivers.contract import BikeLost
from drivers.protocols import PROTOCOLS
from drivers.serial_line.port import open_port
from gateway.config.schema import BikeConfig
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "serial"
MODEM_MANAGER = "org.freedesktop.ModemManager1"
#: What udev knows of a device: c, major:minor. ModemManager heeds the property.
UDEV_DATA = "run/udev/data"
IGNORED = "E:ID_MM_DEVICE_IGNORE=1"

_LIST = "`ls -l /dev/serial/by-id` shows what is plugged in"


async def check_serial_ports(bikes: Sequence[BikeConfig], root: Path = Path("/")) -> list[Finding]:
    """Each port is opened as the gateway would; not for use beside a running one."""
    needing = [bike for bike in bikes if bike.driver == "serial"]
    if not needing:
        return [ok(NAME, "no bike needs it")]
    findings = [await _port(bike) for bike in needing]
    return [*findings, *await _modem_manager(needing, root)]


async def _port(bike: BikeConfig) -> Finding:
    port, line = str(bike.options["port"]), PROTOCOLS[str(bike.options["protocol"])].line
    assert line is not None
    try:
        async with open_port(port, line.baud_rates[0], line, MachineClock()):
            return ok(NAME, f"{bike.id}: {port} can be opened")
    except BikeLost as error:
        return failed(NAME, f"{bike.id}: {error}", "" if port.startswith("socket:") else _LIST)


async def _modem_manager(bikes: Sequence[BikeConfig], root: Path) -> list[Finding]:
    """It writes to every new port that udev has not marked as none of its business."""
    ports = [str(bike.options["port"]) for bike in bikes]
    tried = [port for port in ports if port.startswith("/") and not _is_ignored(port, root)]
    if not tried:
        return []
    try:
        if not await BlueZ(MachineClock()).has_owner(MODEM_MANAGER):
            return []
    except OSError:
        return []  # no D-Bus, no ModemManager
    return [
        warning(
            NAME,
            f"ModemManager runs, and tries {', '.join(tried)} whenever it is plugged in",
            "sudo systemctl disable --now ModemManager",
        )
    ]


def _is_ignored(port: str, root: Path) -> bool:
    try:
        device = os.stat(port).st_rdev
        data = root / UDEV_DATA / f"c{os.major(device)}:{os.minor(device)}"
        return IGNORED in data.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
