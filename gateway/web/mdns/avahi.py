"""Avahi, the mDNS daemon of this computer, reached over the system bus."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from dbus_fast import AuthError, BusType, Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from gateway.host.errors import GatewayError

#: Timeout of one D-Bus call, in seconds. Avahi answers at once or, when it hangs, never.
ANSWER_S = 5.0
#: How long Avahi may take to find out whether a name is free, in seconds: usually it takes one.
PROBE_S = 10.0

AVAHI = "org.freedesktop.Avahi"
_SERVER, _GROUP, _BROWSER = f"{AVAHI}.Server", f"{AVAHI}.EntryGroup", f"{AVAHI}.RecordBrowser"
_DBUS = "org.freedesktop.DBus"
_SIGNALS = (
    f"type='signal',sender='{AVAHI}'",
    f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{AVAHI}'",
)
#: Of Avahi's API: all interfaces or protocols.
_ANY = -1
#: Of Avahi's API: a record of this computer, and an address that does not lead back to the name.
_IS_LOCAL, _NO_REVERSE = 8, 16
#: Of DNS: the class IN, and the types A and AAAA.
_IN, _ADDRESS_TYPES = 1, (1, 28)

NO_BUS = "D-Bus, which Avahi needs, does not answer"
NOT_RUNNING = (
    "Avahi is not running; install it with: sudo apt install avahi-daemon; or start it with: "
    "sudo systemctl enable --now avahi-daemon"
)
SILENT = "Avahi does not answer; restart it with: sudo systemctl restart avahi-daemon"
TAKEN = (
    "another computer, or another program on this one, has the same name; give each gateway a "
    "thing_name of its own"
)

#: Errors of D-Bus and of Avahi that have words of their own.
_REASONS = {
    f"{_DBUS}.Error.ServiceUnknown": NOT_RUNNING,
    f"{_DBUS}.Error.NameHasNoOwner": NOT_RUNNING,
    f"{_DBUS}.Error.NoReply": NOT_RUNNING,  # it has ended before it answered
    f"{AVAHI}.CollisionError": TAKEN,
}


class AvahiError(GatewayError):
    """A reason why a name is not published, in words."""


class AvahiChanged(Exception):
    """The end of Avahi, its start, or another host name: everything has to be published again."""


class GroupState(IntEnum):
    """The state of what is published together, with the values of Avahi's API."""

    UNCOMMITTED = 0
    REGISTERING = 1
    ESTABLISHED = 2
    COLLISION = 3
    FAILURE = 4


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address of this computer, with the interface and protocol that it is announced over."""

    interface: int
    protocol: int
    address: IPv4Address | IPv6Address


class Avahi:
    """A connection to Avahi. What it has published ends with it.

    `addresses`: those that Avahi announces for the computer's own name, which it keeps up to date.
    """

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._group = GroupState.UNCOMMITTED
        self._news = asyncio.Event()
        self._changed = asyncio.Event()
        self.addresses: set[HostAddress] = set()

    async def follow_addresses(self) -> None:
        """Begin to follow the addresses of the computer's own name, which Avahi chooses.

        It knows which interfaces and addresses may be announced. Raises AvahiError.
        """
        (host,) = await self._call("/", _SERVER, "GetHostNameFqdn")
        for type_ in _ADDRESS_TYPES:
            query = (_ANY, _ANY, host, _IN, type_, 0)
            await self._call("/", _SERVER, "RecordBrowserNew", "iisqqu", *query)

    async def publish(self, name: str, port: int, addresses: Collection[HostAddress]) -> None:
        """Publish a name with these addresses, and a web server there.

        An alias (CNAME) of the computer's own name would need no addresses, but neither Windows nor
        macOS resolves it. Raises AvahiError and AvahiChanged.
        """
        (group,) = await self._call("/", _SERVER, "EntryGroupNew")
        for one in addresses:
            record = (one.interface, one.protocol, _NO_REVERSE, name, str(one.address))
            await self._call(group, _GROUP, "AddAddress", "iiuss", *record)
        interface = _only({one.interface for one in addresses})
        protocol = _only({one.protocol for one in addresses})
        label, _, domain = name.partition(".")
        service = (interface, protocol, 0, label, "_http._tcp", domain, name, port, [b"path=/"])
        await self._call(group, _GROUP, "AddService", "iiussssqaay", *service)
        await self._call(group, _GROUP, "Commit")
        try:
            async with asyncio.timeout(PROBE_S):
                while self._group is not GroupState.ESTABLISHED:
                    await self.news()
        except TimeoutError:
            raise AvahiError(SILENT) from None

    async def news(self) -> None:
        """Wait until something has changed.

        Raises AvahiError if the name is not published any more, and AvahiChanged.
        """
        await self._news.wait()
        self._news.clear()
        if self._changed.is_set():
            raise AvahiChanged
        if self._group is GroupState.COLLISION:
            raise AvahiError(TAKEN)
        if self._group is GroupState.FAILURE:
            raise AvahiError(_refusal("the records"))

    async def change(self) -> None:
        """Wait until another attempt may have another result."""
        await self._changed.wait()

    async def subscribe(self) -> None:
        """Ask the bus for Avahi's signals, and for its starts and ends. Raises AvahiError."""
        self._bus.add_message_handler(self.take)
        for rule in _SIGNALS:
            await self._call("/org/freedesktop/DBus", _DBUS, "AddMatch", "s", rule)

    def end(self) -> None:
        self._changed.set()
        self._news.set()

    def take(self, message: Message) -> None:
        """Take a message of the bus, which is of interest if it is one of Avahi's signals."""
        if message.message_type is not MessageType.SIGNAL:
            return
        signal = message.interface, message.member
        if signal == (_BROWSER, "ItemNew"):
            if message.body[-1] & _IS_LOCAL:  # not of another computer
                self.addresses.add(_address(message.body))
        elif signal == (_BROWSER, "ItemRemove"):
            self.addresses.discard(_address(message.body))
        elif signal == (_GROUP, "StateChanged"):
            self._group = GroupState(message.body[0])
        elif signal in ((_SERVER, "StateChanged"), (_DBUS, "NameOwnerChanged")):
            self._changed.set()
        self._news.set()

    async def _call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> list[Any]:
        message = Message(
            _DBUS if interface == _DBUS else AVAHI,
            path,
            interface,
            member,
            flags=MessageFlag.NO_AUTOSTART,  # Avahi may have been stopped on purpose
            signature=signature,
            body=list(body),
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                reply = await self._bus.call(message)
        except TimeoutError:
            raise AvahiError(SILENT) from None
        except (OSError, EOFError):
            raise AvahiError(NO_BUS) from None
        if reply is None:
            raise AvahiError(NO_BUS)
        if reply.message_type is MessageType.ERROR:
            name = str(reply.error_name)
            raise AvahiError(_REASONS.get(name) or _refusal(f"{member} ({name})"))
        return list(reply.body)


@asynccontextmanager
async def open_avahi() -> AsyncIterator[Avahi]:
    """Connect to the system bus, on which Avahi may or may not run. Raises AvahiError."""
    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        async with asyncio.timeout(ANSWER_S):
            await bus.connect()
    except (OSError, EOFError, AuthError):  # a TimeoutError is an OSError
        raise AvahiError(NO_BUS) from None
    avahi = Avahi(bus)
    ending = asyncio.create_task(_end_with(bus, avahi))
    try:
        await avahi.subscribe()
        yield avahi
    finally:
        bus.disconnect()
        await ending


async def _end_with(bus: MessageBus, avahi: Avahi) -> None:
    """End the use of Avahi when the bus is gone."""
    with suppress(Exception):  # what has broken the connection
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    avahi.end()


def _address(record: list[Any]) -> HostAddress:
    interface, protocol, _, _, _, data, _ = record
    return HostAddress(interface, protocol, ip_address(bytes(data)))


def _only(numbers: set[int]) -> int:
    """Return the number if there is a single one, otherwise Avahi's number for all."""
    return next(iter(numbers)) if len(numbers) == 1 else _ANY


def _refusal(what: str) -> str:
    return f"Avahi refuses {what}; check [publish] in /etc/avahi/avahi-daemon.conf, and its log"
