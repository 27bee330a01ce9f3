"""What on this computer keeps a serial port from a bike: brltty, a console, a UART that is off."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Makers of chips in serial adapters: FTDI, Prolific, Silicon Labs, WCH.
ADAPTER_VENDORS = ("0403", "067b", "10c4", "1a86")
#: The names of UARTs on a board: no cable makes them appear.
_BUILT_IN = re.compile(r"(serial|ttyAMA|ttyS)\d+")
#: Where Raspberry Pi OS has the kernel's command line: since Debian 12, and before.
_COMMAND_LINES = ("boot/firmware/cmdline.txt", "boot/cmdline.txt")
_GETTYS = r"sys/fs/cgroup/system.slice/system-serial\x2dgetty.slice"


def why_missing(port: str, root: Path = Path("/")) -> str:
    """Return why there is no such port, and what to do."""
    if _BUILT_IN.fullmatch(os.path.basename(port)):
        return (
            f"{port} does not exist: switch this UART on (on a Raspberry Pi: `sudo raspi-config`, "
            "Interface Options, Serial Port: answer No to the login shell, and Yes to the serial "
            "port hardware), and restart the computer"
        )
    taken = ", ".join(_taken_adapters(root))
    if not taken:
        return f"{port} does not exist: is the cable plugged in?"
    if any((root / place).exists() for place in ("bin/brltty", "usr/bin/brltty")):
        return (
            f"{port} does not exist: another program, probably brltty, has taken the USB adapter "
            f"{taken}: if you have no braille display, run `sudo apt remove brltty`, then unplug "
            "the cable and plug it in again"
        )
    return (
        f"{port} does not exist: another program has taken the USB adapter {taken}: stop that "
        "program, then unplug the cable and plug it in again"
    )


def _taken_adapters(root: Path) -> Iterator[str]:
    """Yield vendor and product of each serial adapter that a program uses without its driver."""
    for interface in sorted((root / "sys/bus/usb/devices").glob("*:*")):
        device = interface.with_name(interface.name.partition(":")[0])
        with suppress(OSError):
            vendor, product = (
                (device / name).read_text(encoding="utf-8").strip()
                for name in ("idVendor", "idProduct")
            )
            driver = (interface / "driver").readlink().name
            if driver == "usbfs" and vendor in ADAPTER_VENDORS:
                yield f"{vendor}:{product}"


def console_on(port: str, root: Path = Path("/")) -> tuple[str, str] | None:
    """Return in what way Linux itself uses the port, and how to end that; None if it does not."""
    name = os.path.basename(os.path.realpath(port))
    consoles: list[str] = []
    with suppress(OSError):
        consoles = (root / "sys/class/tty/console/active").read_text(encoding="utf-8").split()
    if name in consoles:
        places = (f"/{place}" for place in _COMMAND_LINES if (root / place).exists())
        where = next(places, "the kernel's command line")
        remedy = (
            f"remove its console=… from {where} (`sudo raspi-config`, Interface Options, Serial "
            "Port does so), and restart the computer"
        )
        return f"{port} is the serial console of this computer", remedy
    getty = f"serial-getty@{name}.service"
    if (root / _GETTYS / getty).exists():
        return f"{port} has a login prompt", f"run: sudo systemctl disable --now {getty}"
    return None
