"""Bluetooth Low Energy through bleak: scanning, connecting, and recovery from failures.

There is one Radio per adapter, with one scanner that all searches share. Connections are made one
at a time and never during a scan, because BlueZ requires it (bleak #1603, #1825).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak_retry_connector import (
    BleakClientWithServiceCache,
    clear_cache,
    establish_connection,
)

from drivers.ble.bluez import BluetoothLink, BlueZ, first_that_is_on, to_its_end
from drivers.ble.connection import RADIO_ERRORS, Connection
from drivers.ble.errors import reason_of, text_of
from drivers.ble.recovery import Recovery, RecoveryStep
from drivers.clock import sleep_for
from drivers.contract import BikeLost, Clock

#: Seconds between attempts to start a scan while another program is scanning, and their number.
BUSY_WAIT_S = 1.5
BUSY_TRIES = 3
#: Attempts to connect, since noise may break one, and the limit for all of them in seconds: while
#: connecting, the adapter receives nothing for other bikes.
CONNECT_TRIES = 3
CONNECT_S = 12.0
#: Timeout for starting or stopping a scan, in seconds. BlueZ answers at once or, when it hangs,
#: never.
SCAN_S = 10.0
#: Limit of queued advertisements per listener; beyond it the oldest are dropped.
MAX_WAITING = 256

#: Seconds between two looks for the name of a connected device.
READ_NAME_EVERY_S = 0.05

#: bleak's substitute for a signal strength that BlueZ does not report.
NO_RSSI = -127
#: Used instead of a bike's path when the adapter itself failed.
_SCAN = "scan"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Advertisement:
    """A device's broadcast about itself. `name` may be empty; UUIDs are in full length."""

    address: str
    name: str
    #: Whether the address is of the kind that devices change every few minutes.
    is_passing: bool
    #: None if this broadcast has none.
    rssi_dbm: int | None
    services: frozenset[str]
    service_data: Mapping[str, bytes]
    #: Keyed by the company's number.
    manufacturer_data: Mapping[int, bytes]
    #: bleak's handle, needed to connect.
    device: BLEDevice
    #: When it arrived, by the Clock's `monotonic_ns`.
    heard_ns: int = 0


Wanted = Callable[[Advertisement], bool]


class AdvertisementListener:
    """A queue of advertisements for one search. It receives those of all devices."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heard: asyncio.Queue[Advertisement | BikeLost] = asyncio.Queue(MAX_WAITING)

    def put(self, heard: Advertisement | BikeLost) -> None:
        if self._heard.full():
            self._heard.get_nowait()
        self._heard.put_nowait(heard)

    async def next(self, wanted: Wanted, timeout_s: float) -> Advertisement | None:
        """Return the next `wanted` advertisement, or None after `timeout_s`. Raises BikeLost."""
        try:
            async with self._clock.timeout(timeout_s):
                while True:
                    heard = await self._heard.get()
                    if isinstance(heard, BikeLost):
                        raise heard
                    if wanted(heard):
                        return heard
        except TimeoutError:
            return None


class Radio:
    """One Bluetooth adapter: its scanner, and one connection attempt at a time."""

    def __init__(self, adapter: str, clock: Clock) -> None:
        #: Its name, such as hci0.
        self.adapter = adapter
        self._clock = clock
        self._bluez = BlueZ(clock)
        #: Locked while the scanner is started or stopped and while a connection is made.
        self._busy = asyncio.Lock()
        self._listeners: set[AdvertisementListener] = set()
        self._scanner: BleakScanner | None = None
        #: The D-Bus paths of the devices connected through this adapter, and the number of bikes
        #: that are received as broadcasts.
        self._connected: set[str] = set()
        self._overheard = 0
        self._recovery = Recovery()

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AdvertisementListener]:
        """Scan while there are listeners. Raises BikeLost if the scan cannot be started."""
        listener = AdvertisementListener(self._clock)
        self._listeners.add(listener)
        try:
            async with self._busy:
                await self._scan_while_wanted()
            yield listener
        finally:
            self._listeners.discard(listener)
            async with self._busy:
                await self._scan_for_listeners()

    @asynccontextmanager
    async def overhear(self) -> AsyncIterator[AdvertisementListener]:
        """Listen to a bike that only broadcasts; it counts as a user of the adapter."""
        self._overheard += 1
        try:
            async with self.listen() as listener:
                yield listener
        finally:
            self._overheard -= 1

    async def find(
        self, wanted: Wanted, timeout_s: float, name_s: float = 0.0
    ) -> Advertisement | None:
        """Return the first `wanted` device, or None after `timeout_s`.

        If its first advertisement has no name, another `name_s` seconds pass until one has.
        """
        async with self.listen() as listener:
            found = await listener.next(wanted, timeout_s)
            if found is not None and not found.name and name_s:
                named = await listener.next(lambda one: bool(one.name) and wanted(one), name_s)
                found = named or found
        if found is None:
            await self.restart_scan()
        return found

    async def restart_scan(self) -> None:
        """Restart the scan: a scanner does not report that its bluetoothd has gone."""
        async with self._busy:
            await self._stop_scan()
            await self._scan_for_listeners()

    async def let_go_of(self, means: Callable[[BluetoothLink], bool]) -> None:
        """End matching links that an earlier process left: a linked bike does not advertise."""
        with suppress(*RADIO_ERRORS):
            for link in await self._bluez.links():
                if means(link) and link.path not in self._connected:
                    await self._bluez.disconnect(link.path)

    @asynccontextmanager
    async def connect(self, advertisement: Advertisement) -> AsyncIterator[Connection]:
        """Connect and read the services. Raises BikeLost; leaving disconnects."""
        path = advertisement.device.details["path"]
        connection = Connection(self._clock)
        try:
            async with self._busy:
                await self._stop_scan()
                try:
                    await self._open(connection, advertisement)
                    self._connected.add(path)
                finally:
                    await self._scan_for_listeners()
            yield connection
        finally:
            self._connected.discard(path)
            await connection.close()

    async def name_of(self, connected: Advertisement, wait_s: float) -> str:
        """Return the name that BlueZ knows by now: it reads that of a device after connecting.

        Without a name, return an empty one after `wait_s`.
        """
        path = connected.device.details["path"]
        until_ns = self._clock.monotonic_ns() + round(wait_s * 1e9)
        with suppress(*RADIO_ERRORS):
            while True:
                links = await self._bluez.links()
                name = next((link.name for link in links if link.path == path), "")
                if name or self._clock.monotonic_ns() >= until_ns:
                    return name
                await sleep_for(self._clock, READ_NAME_EVERY_S)
        return ""

    async def _open(self, connection: Connection, advertisement: Advertisement) -> None:
        address = advertisement.address
        try:
            async with self._clock.timeout(CONNECT_S):
                client = await establish_connection(
                    BleakClientWithServiceCache,
                    advertisement.device,
                    advertisement.name or address,
                    disconnected_callback=lambda _: connection.lose(),
                    max_attempts=CONNECT_TRIES,
                )
            connection.open(client)
        except RADIO_ERRORS as error:
            await self._recover(advertisement.device.details["path"])
            raise BikeLost(f"cannot connect to {address}: {reason_of(error)}") from error
        self._recovery.succeeded()

    async def _recover(self, what: str) -> None:
        """Take the recovery step after a failure of `what`: a device's path, or the scan."""
        now_ns = self._clock.monotonic_ns()
        others = bool(self._connected) or self._overheard > 0
        with suppress(*RADIO_ERRORS):
            match self._recovery.failed(what, now_ns, others_connected=others):
                case RecoveryStep.FORGET_BIKE if what != _SCAN:
                    address = what.rpartition("dev_")[2].replace("_", ":")
                    log.info("connections to %s keep failing; removing it from BlueZ", address)
                    await clear_cache(address)
                    await self._bluez.forget(what)
                case RecoveryStep.POWER_CYCLE:
                    log.warning(
                        "the Bluetooth adapter %s keeps failing; switching it off and on",
                        self.adapter,
                    )
                    await self._bluez.power_cycle(self.adapter)

    async def _scan_while_wanted(self) -> None:
        # If a start were cancelled halfway, BlueZ would refuse our next scan as "InProgress".
        if self._listeners and self._scanner is None:
            await to_its_end(self._start_scan())
        elif not self._listeners:
            await self._stop_scan()

    async def _scan_for_listeners(self) -> None:
        """Start or stop the scan as needed; report a failure to the waiting listeners."""
        try:
            await self._scan_while_wanted()
        except BikeLost as error:
            for listener in self._listeners:
                listener.put(error)

    async def _start_scan(self) -> None:
        # An idle Keiser repeats identical broadcasts, which BlueZ drops without this filter.
        scanner = BleakScanner(
            self._heard,
            bluez={"filters": {"DuplicateData": True}, "adapter": self.adapter},
        )
        for tries_left in reversed(range(BUSY_TRIES)):
            try:
                async with self._clock.timeout(SCAN_S):
                    await scanner.start()
            except RADIO_ERRORS as error:
                if "InProgress" in text_of(error) and tries_left:
                    await sleep_for(self._clock, BUSY_WAIT_S)
                    continue
                if isinstance(error, TimeoutError) or "InProgress" in text_of(error):
                    await self._recover(_SCAN)
                raise BikeLost(f"cannot start a Bluetooth scan: {reason_of(error)}") from error
            else:
                self._scanner = scanner
                return

    async def _stop_scan(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            await to_its_end(self._stopped(scanner))

    async def _stopped(self, scanner: BleakScanner) -> None:
        with suppress(*RADIO_ERRORS):
            async with self._clock.timeout(SCAN_S):
                await scanner.stop()

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        advertisement = Advertisement(
            device.address.upper(),
            data.local_name or "",
            _is_passing(device),
            None if data.rssi == NO_RSSI else data.rssi,
            frozenset(data.service_uuids),
            data.service_data,
            data.manufacturer_data,
            device,
            self._clock.monotonic_ns(),
        )
        for listener in self._listeners:
            listener.put(advertisement)


def _is_passing(device: BLEDevice) -> bool:
    """Return whether the address is random but not static (two highest bits set)."""
    properties = device.details["props"]
    is_static = int(device.address[:2], 16) >= 0xC0
    return properties.get("AddressType") == "random" and not is_static


_radios: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Radio]] = WeakKeyDictionary()


async def open_radio(adapter: str | None, clock: Clock) -> Radio:
    """Return this event loop's Radio for `adapter`; None means the first adapter that is on.

    Raises BikeLost if there is no such adapter.
    """
    try:
        adapters = await BlueZ(clock).adapters()
    except RADIO_ERRORS as error:
        raise BikeLost(f"Bluetooth is not available: {reason_of(error)}") from error
    if not adapters:
        raise BikeLost(
            "there is no Bluetooth adapter: plug one in (`bluetoothctl list` lists them)"
        )
    if adapter is not None and adapter not in adapters:
        names = ", ".join(sorted(adapters))
        raise BikeLost(f"there is no Bluetooth adapter {adapter}; expected one of: {names}")
    name = adapter or first_that_is_on(adapters)
    radios = _radios.setdefault(asyncio.get_running_loop(), {})
    return radios.setdefault(name, Radio(name, clock))
