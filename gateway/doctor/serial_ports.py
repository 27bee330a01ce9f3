"""The check that each serial port can be opened, by the service as well, and is left alone."""

import os
from collections.abc import Sequence
from pathlib import Path

from drivers.ble.bluez import BlueZ
from drivers.clock import MachineClock
from drivers.contract import BikeLost
from drivers.protocols import PROTOCOLS
from drivers.serial_line.obstacles import console_on
from drivers.serial_line.port import open_port
from gateway.config.schema import BikeConfig
from gateway.host.device_policy import DevicePolicy
from gateway.terminal.finding import Finding, State, failed, ok, warning

NAME = "serial"
MODEM_MANAGER = "org.freedesktop.ModemManager1"
#: The directory of udev's device properties, with a file c<major>:<minor> for each device.
UDEV_DATA = "run/udev/data"
#: ModemManager ignores a device with this property.
IGNORED = "E:ID_MM_DEVICE_IGNORE=1"

_LIST = "`ls -l /dev/serial/by-id` shows the ports that are plugged in"


async def check_serial_ports(
    bikes: Sequence[BikeConfig], policy: DevicePolicy, root: Path = Path("/")
) -> list[Finding]:
    """Open each port as the gateway would. Not to be used while a gateway runs.

    `policy`: that of the service, to which this command is not subject.
    """
    needing = [bike for bike in bikes if bike.driver == "serial"]
    if not needing:
        return [ok(NAME, "no bike uses a serial port")]
    findings = [await _port(bike, policy) for bike in needing]
    usable = [bike for bike, one in zip(needing, findings, strict=True) if one.state is State.OK]
    return [*findings, *_consoles(usable, root), *await _modem_manager(needing, root)]


async def _port(bike: BikeConfig, policy: DevicePolicy) -> Finding:
    port, line = str(bike.options["port"]), PROTOCOLS[str(bike.options["protocol"])].line
    assert line is not None
    if not policy.allows(port):
        what = f"{bike.id}: the service's unit does not allow it to use {port} (DeviceAllow=)"
        return failed(NAME, what, "run: sudo alleycat-gateway setup")
    try:
        async with open_port(port, line.baud_rates[0], line, MachineClock()):
            return ok(NAME, f"{bike.id}: {port} can be opened")
    except BikeLost as error:
        # The other errors name their remedies.
        remedy = _LIST if str(error).endswith("is the cable plugged in?") else ""
        return failed(NAME, f"{bike.id}: {error}", remedy)


def _consoles(bikes: Sequence[BikeConfig], root: Path) -> list[Finding]:
    """Warn of each port on which Linux itself prints, or waits for a login."""
    uses = {console_on(str(bike.options["port"]), root) for bike in bikes} - {None}
    return [
        warning(NAME, f"{what}, which disturbs the bike", end) for what, end in filter(None, uses)
    ]


async def _modem_manager(bikes: Sequence[BikeConfig], root: Path) -> list[Finding]:
    """Warn of ModemManager, which writes to every new port that udev has not marked to ignore."""
    ports = [str(bike.options["port"]) for bike in bikes]
    tried = [port for port in ports if port.startswith("/") and not _is_ignored(port, root)]
    if not tried:
        return []
    try:
        if not await BlueZ(MachineClock()).has_owner(MODEM_MANAGER):
            return []
    except OSError:
        return []  # without D-Bus there is no ModemManager
    return [
        warning(
            NAME,
            f"ModemManager is running: it writes to {', '.join(tried)} each time the cable is "
            "plugged in, which disturbs the bike",
            "turn it off: sudo systemctl disable --now ModemManager",
        )
    ]


def _is_ignored(port: str, root: Path) -> bool:
    try:
        device = os.stat(port).st_rdev
        data = root / UDEV_DATA / f"c{os.major(device)}:{os.minor(device)}"
        return IGNORED in data.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
