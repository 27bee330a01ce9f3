"""A lock per bike, so that `watch` cannot take a bike away from a running race."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from zlib import crc32

from drivers.contract import BikeLost


@contextmanager
def bike_lock(who: str) -> Iterator[None]:
    """Reserve the bike `who` for this process, against all processes of all users.

    The lock is a name in Linux's abstract socket namespace: it needs neither a file nor
    privileges, and the kernel releases it as soon as the process ends. The name includes the
    address of the D-Bus, because a bike on another D-Bus is another bike. Raises BikeLost if
    another process has the lock.
    """
    bus = crc32(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "").encode())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        try:
            held.bind(f"\0alleycat-gateway/{bus:08x}/{who}")
        except OSError as error:
            raise BikeLost(
                f"{who} is in use by another alleycat-gateway on this computer: "
                "stop that one first (sudo systemctl stop alleycat-gateway)"
            ) from error
        yield
