"""What the service manager is told, and what it wants: sd_notify(3). Without one, nothing."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

US_PER_S = 1_000_000


class ServiceManager:
    """systemd, at the other end of $NOTIFY_SOCKET. Telling it neither blocks nor fails."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        #: It restarts us when it has not heard "WATCHDOG=1" for so long; None: it does not watch.
        self.watchdog_s = _watchdog_s(environment)

    def tell(self, **fields: str | int) -> None:
        """Assignments such as READY=1, in one datagram."""
        if self._address:
            # A manager that is restarting, or has stopped reading, is told again next time.
            with suppress(OSError):
                self._socket.sendto(_datagram(fields), self._address)

    def close(self) -> None:
        self._socket.close()


def _datagram(fields: Mapping[str, str | int]) -> bytes:
    lines = (f"{name}={value}".replace("\n", " ") for name, value in fields.items())
    return "\n".join(lines).encode()


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """$WATCHDOG_USEC, if it is meant for this process."""
    us = environment.get("WATCHDOG_USEC", "")
    pid = environment.get("WATCHDOG_PID", str(os.getpid()))
    return int(us) / US_PER_S if us.isdecimal() and int(us) and pid == str(os.getpid()) else None
