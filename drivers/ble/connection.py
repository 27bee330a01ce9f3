"""A connected Bluetooth device: its services, its notifications, reads and writes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakCharacteristicNotFoundError
from bleak_retry_connector import BLEAK_RETRY_EXCEPTIONS
from dbus_fast import DBusError

from drivers.ble.errors import reason_of
from drivers.contract import BikeLost, Clock
from drivers.reading import Frame
from drivers.survey import DeviceInventory, GattCharacteristic

#: Timeout of a disconnect, in seconds. A clean one takes 2 to 3 s; without bluetoothd it hangs.
DISCONNECT_S = 5.0
#: Timeout of one read, write or subscription of a characteristic, in seconds.
GATT_S = 5.0
#: A link that is lost within this time of a command was ended by the bike because of it.
LEFT_AFTER_NS = 2_000_000_000
#: Limit of queued notifications; beyond it the oldest are dropped.
MAX_WAITING = 256

#: The properties of a characteristic that a subscription, a read and a write need, one of each.
NOTIFYING = frozenset({"notify", "indicate"})
READABLE = frozenset({"read"})
WRITABLE = frozenset({"write", "write-without-response"})

#: All errors that bleak, BlueZ, D-Bus and the sockets between them raise, including bleak's own
#: bugs: each of them means that this attempt failed.
RADIO_ERRORS = (*BLEAK_RETRY_EXCEPTIONS, OSError, KeyError, AssertionError, DBusError)


class NotAnswered(BikeLost):
    """A device has not answered in time: it may still do what it was asked for."""


class Connection:
    """A connected device. Its methods raise BikeLost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: BleakClient | None = None
        self._heard: asyncio.Queue[Frame | None] = asyncio.Queue()
        #: The handles of the characteristics that are subscribed to.
        self._subscribed: set[int] = set()
        #: The characteristics of each service, and the properties of each.
        self.services: Mapping[str, Mapping[str, frozenset[str]]] = {}
        #: When the link was lost.
        self.lost_ns: int | None = None
        #: Called for all that arrives or is written, at once: nothing is left out of a capture,
        #: whichever part of the driver asked for it.
        self.on_frame: Callable[[Frame], None] = _ignore

    def open(self, client: BleakClient) -> None:
        # Failed attempts before this one have queued their lost links: start with an empty queue.
        self._heard = asyncio.Queue()
        self.lost_ns = None
        self._client = client
        services = list(client.services)
        # Some devices have the same service twice, and use both.
        self.services = {
            service.uuid: _properties(
                one
                for twin in services
                if twin.uuid == service.uuid
                for one in twin.characteristics
            )
            for service in services
        }

    def lose(self) -> None:
        """Mark the link as lost; notifications received before can still be taken."""
        if self.lost_ns is None:
            self.lost_ns = self._clock.monotonic_ns()
        self._heard.put_nowait(None)

    async def subscribe(self, characteristic: str, timeout_s: float = GATT_S) -> None:
        """Subscribe to the notifications or indications of a characteristic."""
        with _as_bike_lost(f"cannot subscribe to {characteristic}"):
            await self._subscribe(self._able(characteristic, NOTIFYING), timeout_s)

    async def subscribe_to_all(self) -> dict[str, str]:
        """Subscribe to all that the device sends by itself.

        Return what was tried, in words, each with the reason if it failed, else "".
        """
        tried = {}
        for one in self._in_order():
            if NOTIFYING.isdisjoint(one.properties):
                continue
            what = f"{one.uuid} of service {one.service_uuid}, handle {one.handle}"
            try:
                with _as_bike_lost(f"cannot subscribe to {what}"):
                    await self._subscribe(one, GATT_S)
            except BikeLost as error:
                tried[what] = str(error)
            else:
                tried[what] = ""
        return tried

    async def _subscribe(self, one: BleakGATTCharacteristic, timeout_s: float) -> None:
        # Some devices have the same characteristic twice, so each is subscribed to by its handle.
        if one.handle in self._subscribed:
            return

        def heard(_: BleakGATTCharacteristic, data: bytearray) -> None:
            frame = self._frame(bytes(data), one.uuid)
            self.on_frame(frame)
            if self._heard.qsize() >= MAX_WAITING:
                self._heard.get_nowait()
            self._heard.put_nowait(frame)

        async with self._clock.timeout(timeout_s):
            await self._connected.start_notify(one, heard)
        self._subscribed.add(one.handle)

    async def hear(self, timeout_s: float) -> Frame | None:
        """Return the next notification, with the time of its arrival, or None after `timeout_s`."""
        try:
            async with self._clock.timeout(timeout_s):
                heard = await self._heard.get()
        except TimeoutError:
            if self._heard.empty():
                return None
            heard = self._heard.get_nowait()
        if heard is None:
            self.lose()
            raise BikeLost("the link was lost")
        return heard

    @property
    def is_linked(self) -> bool:
        """Whether the link has not been lost."""
        return self.lost_ns is None

    def left_after(self, at_ns: int | None) -> bool:
        """Return whether the link was lost so soon after something that this was the reason."""
        if at_ns is None or self.lost_ns is None:
            return False
        return 0 <= self.lost_ns - at_ns <= LEFT_AFTER_NS

    def answers_by_itself(self, characteristic: str) -> bool:
        """Return whether a characteristic notifies or indicates, and so needs a subscription."""
        return any(
            not NOTIFYING.isdisjoint(characteristics.get(characteristic, ()))
            for characteristics in self.services.values()
        )

    async def read(self, characteristic: str, timeout_s: float = GATT_S) -> bytes:
        with _as_bike_lost(f"cannot read {characteristic}"):
            one = self._able(characteristic, READABLE)
            async with self._clock.timeout(timeout_s):
                data = bytes(await self._connected.read_gatt_char(one))
        self.on_frame(self._frame(data, characteristic))
        return data

    async def inventory(self, name: str) -> DeviceInventory:
        """Return what the device offers, in its order, with the values that can be read."""
        found = [
            GattCharacteristic(
                one.service_uuid,
                one.uuid,
                tuple(one.properties),
                await self._value(one) if "read" in one.properties else None,
            )
            for one in self._in_order()
        ]
        return DeviceInventory(name, tuple(found))

    async def write(self, characteristic: str, data: bytes, timeout_s: float = GATT_S) -> None:
        self.on_frame(self._frame(data, characteristic, sent=True))
        with _as_bike_lost(f"cannot write {characteristic}"):
            one = self._able(characteristic, WRITABLE)
            async with self._clock.timeout(timeout_s):
                await self._connected.write_gatt_char(one, data)

    async def close(self) -> None:
        """Disconnect, if the connection was ever open."""
        if self._client is None:
            return
        with suppress(*RADIO_ERRORS):
            async with self._clock.timeout(DISCONNECT_S):
                await self._connected.disconnect()

    async def _value(self, one: BleakGATTCharacteristic) -> bytes | None:
        """Return the value of a characteristic; None if the device refuses to send it."""
        # Some devices have the same characteristic twice, so it is read by its handle.
        with suppress(*RADIO_ERRORS):
            async with self._clock.timeout(GATT_S):
                return bytes(await self._connected.read_gatt_char(one))
        return None

    def _in_order(self) -> list[BleakGATTCharacteristic]:
        """Return the characteristics in the device's order."""
        return [one for _, one in sorted(self._connected.services.characteristics.items())]

    def _able(self, uuid: str, properties: frozenset[str]) -> BleakGATTCharacteristic:
        """Return the characteristic with one of the properties, else any with the UUID.

        Raises BleakError if there is none.
        """
        found = [one for one in self._in_order() if one.uuid == uuid]
        able = [one for one in found if not properties.isdisjoint(one.properties)]
        if not found:
            raise BleakCharacteristicNotFoundError(uuid)
        return (able or found)[0]

    def _frame(self, data: bytes, characteristic: str, *, sent: bool = False) -> Frame:
        return Frame(self._clock.monotonic_ns(), data, sent, characteristic)

    @property
    def _connected(self) -> BleakClient:
        assert self._client is not None, "used before it was opened"
        return self._client


def _properties(
    characteristics: Iterable[BleakGATTCharacteristic],
) -> dict[str, frozenset[str]]:
    """Return the properties of each characteristic; one that is there twice has those of both."""
    found: dict[str, frozenset[str]] = {}
    for one in characteristics:
        found[one.uuid] = found.get(one.uuid, frozenset()) | {*one.properties}
    return found


def _ignore(frame: Frame) -> None:
    del frame


@contextmanager
def _as_bike_lost(what: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise NotAnswered(f"{what}: {reason_of(error)}") from error
    except RADIO_ERRORS as error:
        raise BikeLost(f"{what}: {reason_of(error)}") from error
