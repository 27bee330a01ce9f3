"""Serial ports of this computer or of a serial server. The only file that imports `serial`."""

import asyncio
import errno
import os
import termios
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, SupportsIndex
from urllib.parse import SplitResult, urlsplit

import serial
from serial.tools import list_ports
from serial_asyncio_fast import SerialTransport

from drivers.contract import BikeLost, Clock
from drivers.lookup import look_up
from drivers.protocols.base import SerialLine
from drivers.serial_line.obstacles import console_on, why_missing

#: Names that survive unplugging and reboots.
BY_ID = Path("/dev/serial/by-id")

#: Timeout for opening a port or connecting to a serial server, in seconds.
OPEN_S = 5.0
#: Limit of unsent bytes; above it the other side is not reading. A request has 10 bytes.
MAX_UNSENT_BYTES = 1024

_READ_BYTES = 4096
#: The errors that pyserial raises or passes on; termios.error is not an OSError.
_PORT_ERRORS = (OSError, serial.SerialException, termios.error)


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A USB serial port of this computer. `port` is its by-id name if it has one."""

    port: str
    product: str


def list_usb_ports() -> list[PortInfo]:
    """Return the USB serial ports, without the built-in ones, which may carry a console."""
    stable = {os.path.realpath(link): str(link) for link in _links()}
    return [
        PortInfo(stable.get(info.device, info.device), info.product or info.description)
        for info in sorted(list_ports.comports())
        if info.vid is not None
    ]


def _links() -> list[Path]:
    return sorted(BY_ID.iterdir()) if BY_ID.is_dir() else []


class _PunctualReader(asyncio.StreamReader):
    """A reader that notes when the last bytes arrived: they may wait until they are read."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._clock = clock
        self.heard_ns = clock.monotonic_ns()

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.heard_ns = self._clock.monotonic_ns()
        super().feed_data(data)


class SerialPort:
    """An open port. Every method raises BikeLost once the port has failed or closed."""

    def __init__(self, name: str, reader: _PunctualReader, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self._reader = reader
        self._writer = writer

    @property
    def heard_ns(self) -> int:
        """When the last bytes arrived."""
        return self._reader.heard_ns

    async def read(self) -> bytes:
        """Return all bytes that have arrived, at least one."""
        try:
            data = await self._reader.read(_READ_BYTES)
        except _PORT_ERRORS as error:
            raise BikeLost(f"{self.name} was lost: {error}") from error
        if not data:
            raise BikeLost(f"{self.name} was closed by the other side")
        return data

    def write(self, data: bytes) -> None:
        """Send `data` as soon as the port accepts it."""
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise BikeLost(
                f"{self.name} accepts no data: check that the cable is plugged in at the bike"
            )
        self._writer.write(data)


@asynccontextmanager
async def open_port(
    name: str, baud_rate: int, line: SerialLine, clock: Clock
) -> AsyncIterator[SerialPort]:
    """Open a port exclusively: a path, or `socket://host:port` of a serial server.

    A serial server's line speed is configured there; `baud_rate` does not apply. Raises BikeLost
    with a remedy.
    """
    url = urlsplit(name)
    reader = _PunctualReader(clock)
    try:
        async with clock.timeout(OPEN_S):
            if url.scheme == "socket":
                writer = await _open_socket(url, reader)
            else:
                writer = await _open_tty(name, baud_rate, line, reader)
    except TimeoutError as error:
        raise BikeLost(f"{name} did not open within {OPEN_S:g} s") from error
    except _PORT_ERRORS as error:
        raise BikeLost(_why_not(name, url, error)) from error
    try:
        yield SerialPort(name, reader, writer)
    finally:
        await _close(writer)


async def _open_socket(url: SplitResult, reader: asyncio.StreamReader) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = await _connected(loop, protocol, url)
    return asyncio.StreamWriter(transport, protocol, reader, loop)


async def _connected(
    loop: asyncio.AbstractEventLoop, protocol: asyncio.StreamReaderProtocol, url: SplitResult
) -> asyncio.Transport:
    """Connect to the first address that answers; raises the last one's error if none does."""
    port = int(url.port or 0)
    *others, last = await look_up(str(url.hostname), port)
    for _, address in others:
        with suppress(OSError):
            return (await loop.create_connection(lambda: protocol, address, port))[0]
    return (await loop.create_connection(lambda: protocol, last[1], port))[0]


async def _open_tty(
    name: str, baud_rate: int, line: SerialLine, reader: asyncio.StreamReader
) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    tty = await _opened(name, partial(_Tty, name, baud_rate, xonxoff=line.xonxoff, exclusive=True))
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = _TtyTransport(loop, protocol, tty)
    return asyncio.StreamWriter(transport, protocol, reader, loop)


#: Ports that are still being opened, each by a thread of its own.
_opening: set[str] = set()


async def _opened(name: str, open_it: Callable[[], "_Tty"]) -> "_Tty":
    """Open a port in a thread of its own, since a broken driver may block it forever."""
    if name in _opening:
        raise OSError("an earlier attempt has not finished: unplug the cable and plug it in again")
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[_Tty] = loop.create_future()

    def settle(tty: _Tty | None, error: Exception | None) -> None:
        if opened.cancelled():
            if tty is not None:
                tty.close()
        elif tty is not None:
            opened.set_result(tty)
        elif error is not None:
            opened.set_exception(error)

    def work() -> None:
        tty, error = None, None
        try:
            tty = open_it()
        except Exception as failure:
            error = failure
        _opening.discard(name)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, tty, error)

    _opening.add(name)
    threading.Thread(target=work, name=f"open {name}", daemon=True).start()
    return await opened


class _Tty(serial.Serial):
    """A port whose `write` returns at once; pyserial's own spins while no data is accepted."""

    def write(self, data: Any, /) -> int:
        try:
            return os.write(self.fileno(), data)
        except BlockingIOError:
            return 0


class _TtyTransport(SerialTransport):
    """A transport that leaves errors to the reader instead of logging a traceback."""

    def _fatal_error(self, exc: BaseException, message: str = "") -> None:
        self._abort(exc)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Release the port at once and drop unsent data, for which closing would wait."""
    tty = writer.get_extra_info("serial")
    if tty is not None and tty.is_open:
        with suppress(*_PORT_ERRORS):
            tty.reset_output_buffer()
    if not writer.transport.is_closing():
        writer.transport.abort()
    with suppress(*_PORT_ERRORS):
        await writer.wait_closed()


def _why_not(name: str, url: SplitResult, error: Exception) -> str:
    if url.scheme == "socket":
        return f"serial server {url.netloc} cannot be reached: {error}"
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return why_missing(name)
        case errno.EPERM:
            # A port's owner and mode give EACCES, the device policy of a control group EPERM.
            return (
                f"{name} is not a device that the service may use (DeviceAllow=), whatever its "
                "group and mode: run `sudo alleycat-gateway setup`, which allows it"
            )
        case errno.EACCES:
            return _why_refused(name)
        case errno.EAGAIN | errno.EBUSY:
            return (
                f"{name} is open in another program, such as ModemManager or a second gateway, or "
                f"for another bike of this gateway: `sudo fuser -v {name}` lists the program"
            )
        case _:
            return f"{name} cannot be opened: {error}"


def _why_refused(name: str) -> str:
    console = console_on(name)  # its login prompt makes the port that of root
    if console is not None:
        return ": ".join(console)
    return (
        f"permission denied: {name}; add the gateway's user to the group that owns it, usually "
        "with `sudo adduser USER dialout`"
    )
