"""Fallback: IPv4 or IPv6 alone, after a path has swallowed packets."""

import socket

from gateway.cloud.way import Family, addresses
from gateway.config.cloud import CloudConfig

#: awscrt's errors for a path that opens a TCP connection and swallows larger packets. It takes the
#: address that opens first, so it would try the same path for ever.
SWALLOWED = ("AWS_IO_TLS_NEGOTIATION_TIMEOUT", "AWS_ERROR_MQTT5_CONNACK_TIMEOUT")
_NAMES: dict[int, Family] = {socket.AF_INET: "ipv4", socket.AF_INET6: "ipv6"}


class Fallback:
    """The address family of the next attempt to connect.

    It changes only if the config leaves it open: to each family in turn, then back to both.
    """

    def __init__(self, cloud: CloudConfig) -> None:
        self._cloud = cloud
        self._is_open = cloud.address_family == "auto" and cloud.proxy is None
        self._untried: list[Family] | None = None
        self.family: Family = cloud.address_family

    async def after(self, error_name: str) -> bool:
        """Choose the family after a failure; return whether there is none left to try."""
        if not self._is_open:
            return True
        if error_name in SWALLOWED and self._untried is None:
            self._untried = await self._families()
        if error_name in SWALLOWED and self._untried:
            self.family = self._untried.pop(0)
            return False
        self._untried, self.family = None, "auto"
        return True

    def keep(self) -> None:
        """Keep the family that works; after another failure, each is tried again."""
        self._untried = None

    async def _families(self) -> list[Family]:
        """Return the families of the endpoint's addresses; an empty list if it has only one."""
        try:
            found = await addresses(self._cloud.endpoint, self._cloud.port, "auto")
        except OSError:
            return []
        families = sorted({_NAMES[number] for number, _ in found})
        return families if len(families) > 1 else []
