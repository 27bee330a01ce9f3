"""A connected Bluetooth device: its services, its notifications, reads and writes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
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
#: Limit of queued notifications; beyond it the oldest are dropped.
MAX_WAITING = 256

#: All errors that bleak, BlueZ, D-Bus and the sockets between them raise, including bleak's own
#: bugs: each of them means that this attempt failed.
RADIO_ERRORS = (*BLEAK_RETRY_EXCEPTIONS, OSError, KeyError, AssertionError, DBusError)


class Connection:
    """A connected device. Its methods raise BikeLost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: BleakClient | None = None
        self._heard: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._subscribed: set[str] = set()
        #: The characteristics of each service.
        self.services: Mapping[str, frozenset[str]] = {}
        #: Called for all that arrives or is written, at once: nothing is left out of a capture,
        #: whichever part of the driver asked for it.
        self.on_frame: Callable[[Frame], None] = _ignore

    def open(self, client: BleakClient) -> None:
        # Failed attempts before this one have queued their lost links: start with an empty queue.
        self._heard = asyncio.Queue()
        self._client = client
        self.services = {
            service.uuid: frozenset(one.uuid for one in service.characteristics)
            for service in client.services
        }

    def lose(self) -> None:
        """Mark the link as lost; notifications received before can still be taken."""
        self._heard.put_nowait(None)

    async def subscribe(self, characteristic: str) -> None:
        """Subscribe to the notifications or indications of a characteristic."""
        if characteristic in self._subscribed:
            return

        def heard(_: BleakGATTCharacteristic, data: bytearray) -> None:
            self.on_frame(self._frame(bytes(data), characteristic))
            if self._heard.qsize() >= MAX_WAITING:
                self._heard.get_nowait()
            self._heard.put_nowait((characteristic, bytes(data)))

        with _as_bike_lost(f"cannot subscribe to {characteristic}"):
            async with self._clock.timeout(GATT_S):
                await self._connected.start_notify(characteristic, heard)
        self._subscribed.add(characteristic)

    async def hear(self, timeout_s: float) -> tuple[str, bytes] | None:
        """Return the next notification as (characteristic, data), or None after `timeout_s`."""
        try:
            async with self._clock.timeout(timeout_s):
                heard = await self._heard.get()
        except TimeoutError:
            return None
        if heard is None:
            self.lose()
            raise BikeLost("the link was lost")
        return heard

    def answers_by_itself(self, characteristic: str) -> bool:
        """Return whether a characteristic notifies or indicates, and so needs a subscription."""
        found = self._connected.services.get_characteristic(characteristic)
        return found is not None and not {"notify", "indicate"}.isdisjoint(found.properties)

    async def read(self, characteristic: str) -> bytes:
        with _as_bike_lost(f"cannot read {characteristic}"):
            async with self._clock.timeout(GATT_S):
                data = bytes(await self._connected.read_gatt_char(characteristic))
        self.on_frame(self._frame(data, characteristic))
        return data

    async def inventory(self, name: str) -> DeviceInventory:
        """Return what the device offers, in its order, with the values that can be read."""
        characteristics = self._connected.services.characteristics
        found = [
            GattCharacteristic(
                one.service_uuid,
                one.uuid,
                tuple(one.properties),
                await self._value(one) if "read" in one.properties else None,
            )
            for _, one in sorted(characteristics.items())
        ]
        return DeviceInventory(name, tuple(found))

    async def write(self, characteristic: str, data: bytes) -> None:
        self.on_frame(self._frame(data, characteristic, sent=True))
        with _as_bike_lost(f"cannot write {characteristic}"):
            async with self._clock.timeout(GATT_S):
                await self._connected.write_gatt_char(characteristic, data)

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

    def _frame(self, data: bytes, characteristic: str, *, sent: bool = False) -> Frame:
        return Frame(self._clock.monotonic_ns(), data, sent, characteristic)

    @property
    def _connected(self) -> BleakClient:
        assert self._client is not None, "used before it was opened"
        return self._client


def _ignore(frame: Frame) -> None:
    del frame


@contextmanager
def _as_bike_lost(what: str) -> Iterator[None]:
    try:
        yield
    except RADIO_ERRORS as error:
        raise BikeLost(f"{what}: {reason_of(error)}") from error
