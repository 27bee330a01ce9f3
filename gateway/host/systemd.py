"""Notifications to the service manager, see sd_notify(3). Without one they do nothing."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from gateway.terminal.printable import one_line

US_PER_S = 1_000_000


class ServiceManager:
    """The service manager behind $NOTIFY_SOCKET. Notifying it neither blocks nor fails."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        #: Seconds without "WATCHDOG=1" after which it restarts the gateway; None without watchdog.
        self.watchdog_s = _watchdog_s(environment)

    def tell(self, **fields: str | int) -> None:
        """Send assignments such as READY=1 in one datagram."""
        if self._address:
            # A manager that restarts or has stopped reading gets the next notification.
            with suppress(OSError):
                self._socket.sendto(_datagram(fields), self._address)

    def close(self) -> None:
        self._socket.close()


def _datagram(fields: Mapping[str, str | int]) -> bytes:
    lines = (f"{name}={one_line(str(value))}" for name, value in fields.items())
    return "\n".join(lines).encode()


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Return $WATCHDOG_USEC in seconds, if it is meant for this process."""
    us = environment.get("WATCHDOG_USEC", "")
    pid = environment.get("WATCHDOG_PID", str(os.getpid()))
    return int(us) / US_PER_S if us.isdecimal() and int(us) and pid == str(os.getpid()) else None
