"""The name of a bike on the command line: an address, a port, a device number, or `fake`."""

import re

from gateway.host.errors import USAGE, GatewayError

_ANT = re.compile(r"ant:(\d{1,5})")
_ADDRESS = re.compile("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


class NotABike(GatewayError):
    """The name is not that of a bike. The text describes what was expected."""

    exit_code = USAGE


class ProtocolMissing(NotABike):
    """The name is a serial port, which also needs a protocol."""


def named_bike(bike: str, protocol: str | None) -> tuple[str, dict[str, object]]:
    """Return the driver for a bike's name, and the driver's options. Raises NotABike."""
    if bike == "fake":
        return "fake", {"wire": protocol or "ftms"}
    if bike.startswith("/") or bike.startswith("socket://"):
        if protocol is None:
            raise ProtocolMissing(
                f"{bike} is a serial port: add --protocol, such as --protocol peloton"
            )
        return "serial", {"port": bike, "protocol": protocol}
    if found := _ANT.fullmatch(bike):
        known = {"protocol": protocol} if protocol else {}
        return "ant", {"device_number": int(found[1]), **known}
    if not _ADDRESS.fullmatch(bike):
        raise NotABike(
            f"{bike!r} is not a Bluetooth address, a serial port, an ANT+ bike such as ant:11565, "
            "or `fake`; run `alleycat-gateway scan` to list the bikes in range"
        )
    return "ble", {"address": bike, **({"protocol": protocol} if protocol else {})}
