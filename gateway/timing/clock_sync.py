"""Detects whether this computer's wall clock has been set, and what set it.

A Raspberry Pi has no battery-backed clock. Until a time server sets its clock, it continues from
the time at which it was last switched off, or from the epoch. PCs, servers and virtual machines
start with a time of their own, which may be seconds off.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
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


class ClockSource(StrEnum):
    """The reason why the wall clock can be trusted."""

    TIME_SERVER = "time_server"
    #: This computer's battery-backed clock, or the clock of a virtual machine's host.
    HARDWARE = "hardware"
    #: The config declares the clock right: it may have a battery, or be set by htpdate or GPS.
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class ClockTrust:
    """Knowledge of the wall clock that does not come from the kernel.

    `always`: the config declares it right. `was_set`: a time server set it earlier in this boot.
    `earliest_ms` returns a time that is certainly past, in milliseconds since the epoch; it is only
    called for a clock that no time server has set.
    """

    always: bool = False
    was_set: bool = False
    earliest_ms: Callable[[], int] = lambda: EARLIEST_MS


def clock_source(
    trust: ClockTrust = ClockTrust(), root: Path = Path("/"), now_ms: int | None = None
) -> ClockSource | None:
    """Return why the wall clock can be trusted; None if it cannot.

    A clock that has been set stays set until the next boot: without a time server, it goes wrong by
    a few seconds a day at most. `root` and `now_ms` default to those of this computer.
    """
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    if now_ms < EARLIEST_MS:
        return None
    if trust.was_set or (root / TIMESYNC_MARK).exists() or _kernel_clock_is_set():
        return ClockSource.TIME_SERVER
    if not trust.always and _needs_time_server(root):
        return None
    if now_ms < trust.earliest_ms():
        return None
    return ClockSource.CONFIG if trust.always else ClockSource.HARDWARE


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
    error_us = max_error_us()
    return error_us is not None and error_us < MAX_ERROR_US


def max_error_us() -> int | None:
    """Return the clock's maximum error in µs; None if the kernel may not be asked."""
    timex = _Timex()
    status: int = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    return int(timex.maxerror) if status >= 0 else None
