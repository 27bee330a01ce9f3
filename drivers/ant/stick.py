"""The ANT stick on a USB port. The only file that imports `openant`.

openant opens the stick, and has the key of the ANT+ network. Its Node is not used: it checks
messages by `assert` in a thread of its own, spins when the stick is unplugged, and blocks.
"""

import asyncio
import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from drivers.contract import BikeLost

#: The USB devices of this computer, each with its idVendor and idProduct.
USB_DEVICES = Path("/sys/bus/usb/devices")

_VENDOR = "0fcf"
#: The sticks by product, as openant's classes: ANTUSB-m and ANTUSB2. The serial stick before them
#: (0fcf:1004) is not supported.
_DRIVERS = {"1009": "USB3Driver", "1008": "USB2Driver"}

UNPLUGGED = "no ANT stick is plugged in: plug in an ANTUSB2 or ANTUSB-m"


def plugged_in() -> str | None:
    """Return the product of the ANT stick that is plugged in; None if there is none."""
    products = {
        _read(device / "idProduct")
        for device in USB_DEVICES.glob("*")
        if _read(device / "idVendor") == _VENDOR
    }
    return next((product for product in _DRIVERS if product in products), None)


def network_key() -> bytes:
    """Return the key of the ANT+ network. Raises BikeLost without openant."""
    return bytes(_openant().devices.ANTPLUS_NETWORK_KEY)


class Stick:
    """An open stick: `on_bytes` and, when it fails, `on_loss` are called in the event loop.

    A thread opens it, reads, and closes it after its last read, so that `close` need not wait; a
    second one writes.
    """

    def __init__(self, on_bytes: Callable[[bytes], None], on_loss: Callable[[str], None]) -> None:
        self._on_bytes = on_bytes
        self._on_loss = on_loss
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed = asyncio.Event()
        self._is_closing = threading.Event()
        self._to_write: SimpleQueue[bytes | None] = SimpleQueue()

    async def open(self) -> None:
        """Open the stick. Raises BikeLost with a remedy."""
        threading.Thread(target=self._work, name="ANT stick", daemon=True).start()
        await self._opened

    def write(self, data: bytes) -> None:
        """Write `data` soon; a failure is a loss."""
        self._to_write.put(data)

    def close(self) -> None:
        """Release the stick soon, after what is still to be written."""
        self._is_closing.set()

    async def wait_closed(self) -> None:
        """Return once the stick is released."""
        await self._closed.wait()

    def _work(self) -> None:
        try:
            self._open_and_read()
        except Exception as error:
            self._post(self._lose, reason_of(error))
        self._post(self._closed.set)

    def _open_and_read(self) -> None:
        product = plugged_in()
        if product is None:
            raise BikeLost(UNPLUGGED)
        usb = getattr(_openant().base.driver, _DRIVERS[product])()
        writing = threading.Thread(
            target=self._keep_writing, args=(usb,), name="ANT stick, writing", daemon=True
        )
        try:
            usb.open()
            writing.start()
            self._post(self._settle)
            self._read(usb)
        finally:
            self._to_write.put(None)
            if writing.is_alive():
                writing.join()
            # Without the kernel's driver for it, which few systems have, it cannot be handed back.
            with suppress(Exception):
                usb.close()

    def _read(self, usb: Any) -> None:
        while not self._is_closing.is_set():
            try:
                data = bytes(usb.read())
            except OSError as error:
                # Each read ends after a second without data.
                if error.errno != errno.ETIMEDOUT:
                    raise
            else:
                self._post(self._on_bytes, data)

    def _keep_writing(self, usb: Any) -> None:
        try:
            while (data := self._to_write.get()) is not None:
                usb.write(data)
        except Exception as error:
            self._is_closing.set()
            self._post(self._lose, reason_of(error))

    def _settle(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    def _lose(self, reason: str) -> None:
        if self._opened.done():
            self._on_loss(reason)
        else:
            self._opened.set_exception(BikeLost(reason))

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(call, *arguments)


def reason_of(error: Exception) -> str:
    """Return why a stick cannot be used, in plain words and with a remedy."""
    if isinstance(error, BikeLost):
        return str(error)
    if type(error).__name__ == "NoBackendError":
        return (
            "libusb, which an ANT stick needs, cannot be used: sudo apt install libusb-1.0-0, and "
            "allow the service to use a stick as docs/installation.md shows"
        )
    match getattr(error, "errno", None):
        case errno.EACCES | errno.EPERM:
            return (
                'permission denied: the ANT stick; follow "An ANT stick" in docs/installation.md, '
                "and plug the stick in again"
            )
        case errno.EBUSY:
            return (
                "the ANT stick is in use by another program, perhaps a running gateway: stop that "
                "one first (sudo systemctl stop alleycat-gateway)"
            )
        case errno.ENODEV | errno.ENOENT | errno.ENXIO | errno.EPIPE | errno.EIO:
            return f"the ANT stick was unplugged, or its port has failed: {error}"
        case _:
            return f"the ANT stick cannot be used: {str(error) or type(error).__name__}"


def _openant() -> Any:
    """Return openant, which is loaded only for a bike on ANT+. Raises BikeLost without it."""
    try:
        import openant.base.driver
        import openant.devices
    except ImportError as error:
        raise BikeLost(
            "ANT+ needs the Python package openant, which is not installed; in a checkout of the "
            "gateway, install it with: pip install -e '.[ant]'"
        ) from error
    return openant


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
