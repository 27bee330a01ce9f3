"""Detects whether this computer's wall clock has been set.

A Raspberry Pi has no battery-backed clock. Until a time server sets its clock, it continues from
the time at which it was last switched off, or from the epoch. PCs, servers and virtual machines
start with the right time.
"""

import ctypes
import time
from pathlib import Path

#: A file that systemd-timesyncd creates when it has set the clock (systemd-timesyncd.service(8)).
TIMESYNC_MARK = "run/systemd/timesync/synchronized"
#: Present on boards with a device tree, above all the Raspberry Pi, but not on PCs.
BOARD_MODEL = "sys/firmware/devicetree/base/model"
#: Models of virtual machines on ARM, which have a device tree and their host's clock.
VIRTUAL_BOARDS = ("dummy-virt", "qemu")
#: 2026-01-01, in milliseconds since the epoch: an earlier time is certainly wrong.
EARLIEST_MS = 1_767_225_600_000

#: The maximum error of a clock that no time server has set, in microseconds. The kernel starts with
#: it, returns to it when a program sets the clock, and adds 500 µs a second up to it: it is reached
#: nine hours after the last correction (NTP_PHASE_LIMIT and MAXFREQ in kernel/time/ntp.c).
MAX_ERROR_US = 16_000_000


class _Timex(ctypes.Structure):
    """The beginning of the struct of adjtimex(2), and room for the rest; `modes` 0 only reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("_rest", ctypes.c_long * 32),
    )


def clock_is_set(root: Path = Path("/"), now_ms: int | None = None) -> bool:
    """Return whether the wall clock can be trusted, see `clock_source`."""
    return clock_source(root, now_ms) is not None


def clock_source(root: Path = Path("/"), now_ms: int | None = None) -> str | None:
    """Return why the wall clock can be trusted, in words; None if it cannot.

    `root` and `now_ms` default to those of this computer.
    """
    if (time.time_ns() // 1_000_000 if now_ms is None else now_ms) < EARLIEST_MS:
        return None
    if (root / TIMESYNC_MARK).exists():
        return "by systemd-timesyncd, from a time server"
    if _kernel_clock_is_set():
        return "by a time server (according to the kernel)"
    return None if _needs_time_server(root) else "by this computer's hardware clock"


def _needs_time_server(root: Path) -> bool:
    try:
        model = (root / BOARD_MODEL).read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return not any(virtual in model.lower() for virtual in VIRTUAL_BOARDS)


def _kernel_clock_is_set() -> bool:
    """Return whether a time daemon (chrony, ntpd, timesyncd) keeps the clock right.

    Like systemd's timedatectl, this asks for the maximum error and not for the flag STA_UNSYNC:
    chrony leaves the flag set unless its option `rtcsync` is on, so that the kernel does not set a
    battery-backed clock.
    """
    timex = _Timex()
    status: int = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    return status >= 0 and int(timex.maxerror) < MAX_ERROR_US
