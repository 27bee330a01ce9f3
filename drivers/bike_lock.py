"""A lock per bike, so that `watch` cannot take a bike away from a running race."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from zlib import crc32

from drivers.contract import BikeLost

#: Limit of the bike's part of a lock's name, in bytes. The kernel's limit of the whole is 107.
_BIKE_MAX_BYTES = 64


@contextmanager
def bike_lock(who: str) -> Iterator[None]:
    """Reserve the bike `who` for this process, against all processes of all users.

    The lock is a name in Linux's abstract socket namespace: it needs neither a file nor
    privileges, and the kernel releases it as soon as the process ends. The name includes the
    address of the D-Bus, because a bike on another D-Bus is another bike. Raises BikeLost if
    another process has the lock.

    Any local user can hold the name, and thus the bike. A locked file would not change this: all
    users that may run a gateway, each of whom BlueZ lets use the bike, would have to open it. If
    only root and the service could, gateways of other users would not be excluded. The service's
    runtime directory is also replaced at each of its starts, and with it the lock that a `watch`
    holds there. So the message has the command that names the process.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        try:
            held.bind(_name(who))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise BikeLost(f"{who} cannot be reserved: {error.strerror or error}") from error
            raise BikeLost(
                f"{who} is in use by another alleycat-gateway on this computer: stop that one "
                "first (sudo systemctl stop alleycat-gateway); to find its process, run: sudo ss "
                "-xap | grep @alleycat-gateway"
            ) from error
        yield


def _name(who: str) -> bytes:
    bus = crc32(os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", "").encode())
    bike = who.encode()
    if len(bike) > _BIKE_MAX_BYTES:
        bike = blake2b(bike, digest_size=16).hexdigest().encode()
    return b"\0alleycat-gateway/%08x/%b" % (bus, bike)
