"""Avahi's signals. Its calls are tested with a real Avahi, in test_publishing.py."""

from ipaddress import ip_address

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from gateway.web.mdns.avahi import AVAHI, Avahi, HostAddress

#: Flags of Avahi's API: cached, multicast, and local.
CACHED, MULTICAST, LOCAL = 1, 4, 8


def record(member: str, address: str, flags: int) -> Message:
    """Return the signal that an address of pi.local was found on interface 2 over IPv4, or lost."""
    body = [2, 0, "pi.local", 1, 1, ip_address(address).packed, CACHED | MULTICAST | flags]
    return Message(
        path="/Client0/RecordBrowser1",
        interface=f"{AVAHI}.RecordBrowser",
        member=member,
        message_type=MessageType.SIGNAL,
        signature="iisqqayu",
        body=body,
    )


async def test_addresses_are_followed() -> None:
    avahi = Avahi(MessageBus(bus_address="unix:path=/nonexistent"))
    avahi.take(record("ItemNew", "192.0.2.1", LOCAL))
    avahi.take(record("ItemNew", "192.0.2.2", LOCAL))
    # An address that is gone is not local any more.
    avahi.take(record("ItemRemove", "192.0.2.1", 0))
    assert avahi.addresses == {HostAddress(2, 0, ip_address("192.0.2.2"))}


async def test_address_that_another_computer_claims_is_none_of_ours() -> None:
    avahi = Avahi(MessageBus(bus_address="unix:path=/nonexistent"))
    avahi.take(record("ItemNew", "192.0.2.66", 0))
    assert avahi.addresses == set()
