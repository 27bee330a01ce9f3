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

#: The return value of adjtimex(2) for an unset clock, and the size of its struct in bytes. The
#: struct's content is neither set nor read.
TIME_ERROR = 5
TIMEX_BYTES = 208


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
    """Return whether a time daemon (chrony, ntpd, timesyncd) has marked the clock as set."""
    status: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return 0 <= status < TIME_ERROR
