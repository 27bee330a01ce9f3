"""Recognition: finds out which of several protocols that share a service a bike speaks."""

from collections.abc import Mapping
from contextlib import suppress

from drivers.ble.connection import Connection
from drivers.contract import BikeLost, Clock
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import Gatt

#: How long to listen before the first probe and for the answer to each, in seconds.
LISTEN_S = 1.0
#: How often each probe is sent: a bike that has just woken up may miss the first one.
ROUNDS = 2


def rivals_of(protocol: str, has: Mapping[str, Gatt]) -> dict[str, Gatt]:
    """Return the protocols, `protocol` included, that share its characteristics on this bike."""
    notify = set(has[protocol].notify)
    return {name: gatt for name, gatt in has.items() if not notify.isdisjoint(gatt.notify)}


async def recognise(connection: Connection, rivals: Mapping[str, Gatt], clock: Clock) -> str | None:
    """Return the rival whose frames the bike sends, by itself or as an answer; None if neither.

    Raises BikeLost if the link is lost or no characteristic can be subscribed to.
    """
    for characteristic in {one for gatt in rivals.values() for one in gatt.notify}:
        await connection.subscribe(characteristic)
    found = await _heard(connection, rivals, clock)
    for name in [*rivals] * ROUNDS:
        command, probe = rivals[name].command, PROTOCOLS[name].probe
        if found is None and command is not None and probe:
            # A bike may refuse the probe of another protocol.
            with suppress(BikeLost):
                await connection.write(command, probe)
            found = await _heard(connection, rivals, clock)
    return found


async def _heard(connection: Connection, rivals: Mapping[str, Gatt], clock: Clock) -> str | None:
    """Return the protocol of the first message that one of them recognises.

    A message is one notification, or two: a notification has up to 20 bytes on most links.
    """
    before = b""
    until_ns = clock.monotonic_ns() + round(LISTEN_S * 1e9)
    while (left_ns := until_ns - clock.monotonic_ns()) > 0:
        heard = await connection.hear(left_ns / 1e9)
        if heard is not None:
            for name in rivals:
                if any(map(PROTOCOLS[name].recognises, (heard[1], before + heard[1]))):
                    return name
            before = heard[1]
    return None
