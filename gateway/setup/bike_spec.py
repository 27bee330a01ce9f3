"""A bike as a person names it: a Bluetooth address, a serial port, or `fake`."""

import re

from gateway.host.errors import USAGE, GatewayError

_ADDRESS = re.compile("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")


class NotABike(GatewayError):
    """The name means no bike. The text says what was expected."""

    exit_code = USAGE


class ProtocolMissing(NotABike):
    """A serial port alone does not say what is spoken on it."""


def named_bike(bike: str, protocol: str | None) -> tuple[str, dict[str, object]]:
    """The driver and its options that a name stands for. Raises NotABike."""
    if bike == "fake":
        return "fake", {"wire": protocol or "ftms"}
    if bike.startswith("/") or bike.startswith("socket://"):
        if protocol is None:
            raise ProtocolMissing(f"{bike} is a serial port: say what it speaks with --protocol")
        return "serial", {"port": bike, "protocol": protocol}
    if not _ADDRESS.fullmatch(bike):
        raise NotABike(
            f"{bike!r} is no Bluetooth address, serial port or `fake`; expected one of these, as "
            "`alleycat-gateway scan` prints them"
        )
    return "ble", {"address": bike, **({"protocol": protocol} if protocol else {})}
