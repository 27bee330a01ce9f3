"""Has this machine's wall clock been set?

A Raspberry Pi has no battery clock. It starts with the time at which it was last switched off, or
with the epoch, until it has heard from a time server. PCs, servers and what runs on them come
with the time.
"""

import ctypes
import time
from pathlib import Path

#: systemd-timesyncd makes it when it has set the clock in this boot (systemd-timesyncd.service(8)).
TIMESYNC_MARK = "run/systemd/timesync/synchronized"
#: Of boards that are described by a device tree, above all the Raspberry Pi; not of PCs.
BOARD_MODEL = "sys/firmware/devicetree/base/model"
#: Virtual machines on ARM have a device tree too, and their host's clock.
VIRTUAL_BOARDS = ("dummy-virt", "qemu")
#: 2026-01-01: no clock that was set says an earlier time.
EARLIEST_MS = 1_767_225_600_000

#: adjtimex(2): what it returns, and the size of its struct, of which nothing is set or read.
TIME_ERROR = 5
TIMEX_BYTES = 208


def clock_is_set(root: Path = Path("/"), now_ms: int | None = None) -> bool:
    """The wall clock can be believed: a time server set it, or the machine came with it.

    `root` and `now_ms` default to this machine's.
    """
    return clock_source(root, now_ms) is not None


def clock_source(root: Path = Path("/"), now_ms: int | None = None) -> str | None:
    """Why the wall clock can be believed, in words; None if it cannot."""
    if (time.time_ns() // 1_000_000 if now_ms is None else now_ms) < EARLIEST_MS:
        return None
    if (root / TIMESYNC_MARK).exists():
        return "by systemd-timesyncd, from a time server"
    if _kernel_says_so():
        return "by a time server, as the kernel was told"
    return None if _needs_time_server(root) else "since this machine was switched on"


def _needs_time_server(root: Path) -> bool:
    try:
        model = (root / BOARD_MODEL).read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return not any(virtual in model.lower() for virtual in VIRTUAL_BOARDS)


def _kernel_says_so() -> bool:
    """Whoever keeps the clock (chrony, ntpd, timesyncd) has told the kernel that it is right."""
    status: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    return 0 <= status < TIME_ERROR
