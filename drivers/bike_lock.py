"""One process at a time is connected to a bike: `watch` must not take it from a running race."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from drivers.contract import BikeLost


@contextmanager
def bike_lock(who: str) -> Iterator[None]:
    """Hold a bike against all processes of this machine, whoever runs them.

    A name in Linux's abstract socket namespace: it needs no file, no rights, and is free again as
    soon as its process has ended. Bikes on another D-Bus are other bikes. Raises BikeLost if
    somebody else holds it.
    """
    bus = crc32(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "").encode())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        try:
            held.bind(f"\0alleycat-gateway/{bus:08x}/{who}")
        except OSError as error:
            raise BikeLost(
                f"{who} belongs to another alleycat-gateway on this machine: "
                "stop that one first (sudo systemctl stop alleycat-gateway)"
            ) from error
        yield
