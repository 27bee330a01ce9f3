"""Serial ports that the service may not use by itself: a drop-in of its unit allows them.

The unit allows USB adapters, whichever is plugged in. Any other port, such as the UART of a
Raspberry Pi, is allowed by its name, and only while a bike uses it.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from gateway.config.schema import BikeConfig
from gateway.host.atomic_file import Permissions, replace_file

DROP_IN = Path("/etc/systemd/system/alleycat-gateway.service.d/serial-ports.conf")
#: Ports of adapters, which the unit allows with DeviceAllow=char-….
IN_UNIT = ("ttyUSB", "ttyACM")

_HEAD = """\
# Written by `alleycat-gateway setup`: the bikes' serial ports that are not USB adapters.
[Service]
"""
#: Names that need no quotes in a unit.
_PLAIN = re.compile(r"/dev/[\w./:+-]+")


def other_ports(bikes: Iterable[BikeConfig]) -> list[str]:
    """Return the ports of the bikes that the unit itself does not allow."""
    ports = {str(bike.options.get("port", "")) for bike in bikes if bike.driver == "serial"}
    return sorted(filter(_is_other, ports))


def _is_other(port: str) -> bool:
    if not _PLAIN.fullmatch(port) or port.startswith("/dev/serial/"):
        return False
    return not os.path.basename(os.path.realpath(port)).startswith(IN_UNIT)


def allow_ports(ports: list[str], drop_in: Path) -> bool:
    """Write or remove the drop-in; return whether it changed. Raises OSError."""
    text = _HEAD + "".join(f"DeviceAllow={port} rw\n" for port in ports) if ports else ""
    before = drop_in.read_text(encoding="utf-8") if drop_in.exists() else ""
    if text == before:
        return False
    if text:
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        replace_file(drop_in, text.encode(), Permissions(0o644))
    else:
        drop_in.unlink()
    return True
