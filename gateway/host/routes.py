"""The routes that the kernel knows to other computers."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: This exists even where the service sees only the processes in /proc.
NET = Path("/proc/self/net")
_LOOPBACK = b"lo"
#: Link-local and multicast destinations, and single addresses, which this computer gives itself.
_OWN_IPV6 = (b"fe80", b"ff00")
_ONE_ADDRESS = b"80"


def routes(net: Path = NET) -> frozenset[tuple[bytes, ...]]:
    """Return the routes of both families, as far as they can be read."""
    return frozenset([*_ipv4(net / "route"), *_ipv6(net / "ipv6_route")])


def _ipv4(file: Path) -> Iterator[tuple[bytes, ...]]:
    for interface, destination, gateway, *_ in _rows(file)[1:]:
        if interface != _LOOPBACK:
            yield interface, destination, gateway


def _ipv6(file: Path) -> Iterator[tuple[bytes, ...]]:
    for destination, length, _, _, gateway, *_, interface in _rows(file):
        is_own = destination.startswith(_OWN_IPV6) or length == _ONE_ADDRESS
        if interface != _LOOPBACK and not is_own:
            yield interface, destination, gateway


def _rows(file: Path) -> list[list[bytes]]:
    """Return the words of each line; none if this kernel does not have the family.

    Interfaces may have names that are not text.
    """
    with suppress(OSError):
        return [line.split() for line in file.read_bytes().splitlines()]
    return []
