"""Against a root directory of the test's own, and against this computer."""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.timing import clock_sync
from gateway.timing.clock_sync import (
    BOARD_MODEL,
    EARLIEST_MS,
    TIMESYNC_MARK,
    ClockSource,
    ClockTrust,
    clock_source,
)
from tests.support.adjtimex import LIMIT_US, TIME_ERROR, TIME_OK, UNSYNC, AdjtimexShim

NOW_MS = EARLIEST_MS + 1


@pytest.fixture
def adjtimex(tmp_path: Path) -> AdjtimexShim:
    return AdjtimexShim(tmp_path)


def make(root: Path, name: str, content: str = "") -> None:
    (root / name).parent.mkdir(parents=True)
    (root / name).write_text(content)


@pytest.fixture(autouse=True)
def _kernel_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_sync, "_kernel_clock_is_set", lambda: False)


PI = "Raspberry Pi 4 Model B Rev 1.5\0"
TIME_SERVER, HARDWARE, CONFIG = ClockSource


def source(root: Path, now_ms: int = NOW_MS, **trust: Any) -> ClockSource | None:
    return clock_source(ClockTrust(**trust), root, now_ms)


def test_clock_of_a_pi_is_set_once_timesyncd_has_left_its_mark(tmp_path: Path) -> None:
    make(tmp_path, BOARD_MODEL, PI)
    assert source(tmp_path) is None
    make(tmp_path, TIMESYNC_MARK)
    assert source(tmp_path) is TIME_SERVER


def test_clock_of_a_pi_is_set_once_the_kernel_has_been_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, BOARD_MODEL, "Raspberry Pi Zero 2 W Rev 1.0\0")
    monkeypatch.setattr(clock_sync, "_kernel_clock_is_set", lambda: True)
    assert source(tmp_path) is TIME_SERVER


def test_clock_of_a_pi_stays_set_in_a_boot_that_has_lost_its_time_server(tmp_path: Path) -> None:
    make(tmp_path, BOARD_MODEL, PI)
    assert source(tmp_path, was_set=True) is TIME_SERVER


@pytest.mark.parametrize("model", [None, "linux,dummy-virt\0"])
def test_clock_of_a_pc_or_a_virtual_machine_is_set_by_its_hardware(
    tmp_path: Path, model: str | None
) -> None:
    if model is not None:
        make(tmp_path, BOARD_MODEL, model)
    assert source(tmp_path) is HARDWARE
    make(tmp_path, TIMESYNC_MARK)
    assert source(tmp_path) is TIME_SERVER


def test_clock_that_the_config_trusts_is_set_without_a_time_server(tmp_path: Path) -> None:
    assert source(tmp_path, always=True) is CONFIG, "on a PC"
    make(tmp_path, BOARD_MODEL, PI)
    assert source(tmp_path, always=True) is CONFIG
    make(tmp_path, TIMESYNC_MARK)
    assert source(tmp_path, always=True) is TIME_SERVER


def test_clock_before_the_earliest_possible_time_is_never_set(tmp_path: Path) -> None:
    make(tmp_path, TIMESYNC_MARK)
    assert source(tmp_path, EARLIEST_MS, always=True, was_set=True) is not None
    assert source(tmp_path, EARLIEST_MS - 1, always=True, was_set=True) is None


@pytest.mark.parametrize("always", [True, False])
def test_clock_earlier_than_the_certificate_is_set_only_by_a_time_server(
    tmp_path: Path, always: bool
) -> None:
    certificate: dict[str, Any] = {"always": always, "earliest_ms": lambda: NOW_MS}
    assert source(tmp_path, NOW_MS, **certificate) is not None
    assert source(tmp_path, NOW_MS - 1, **certificate) is None
    make(tmp_path, TIMESYNC_MARK)
    assert source(tmp_path, NOW_MS - 1, **certificate) is TIME_SERVER


#: The flag of a clock that a time daemon steers by the kernel's phase-locked loop.
PLL = 0x1
#: The return value of adjtimex(2) on a day that ends with a leap second.
TIME_INS = 1


@pytest.mark.parametrize(
    ("returned", "flags", "max_error_us", "expected"),
    [
        pytest.param(TIME_ERROR, UNSYNC, LIMIT_US, False, id="as booted, or set by hand"),
        pytest.param(TIME_ERROR, UNSYNC, 9_776, True, id="chrony without rtcsync"),
        pytest.param(TIME_ERROR, UNSYNC, 0, True, id="chrony without rtcsync, and without error"),
        pytest.param(TIME_OK, PLL, 9_776, True, id="chrony with rtcsync, ntpd or timesyncd"),
        pytest.param(TIME_OK, PLL, LIMIT_US - 1, True, id="nine hours without a time server"),
        pytest.param(TIME_ERROR, PLL | UNSYNC, LIMIT_US, False, id="longer than that"),
        pytest.param(TIME_ERROR, UNSYNC, 2**31, False, id="more than the kernel's limit"),
        pytest.param(TIME_INS, PLL, 1_000, True, id="before a leap second"),
        pytest.param(-1, 0, 0, False, id="not permitted"),
    ],
)
def test_kernel_clock_is_set_if_its_maximum_error_is_below_the_limit(
    adjtimex: AdjtimexShim, returned: int, flags: int, max_error_us: int, expected: bool
) -> None:
    adjtimex.answer(returned, flags, max_error_us)
    program = "from gateway.timing.clock_sync import _kernel_clock_is_set as ask; print(ask())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **adjtimex.environment},
    )
    assert done.stdout.strip() == str(expected)


def test_kernel_clock_state_is_that_of_timedatectl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with a reader of the raw struct, on the kernel of this computer."""
    monkeypatch.undo()
    program = (
        "import ctypes, struct; timex = ctypes.create_string_buffer(4096); "
        "assert ctypes.CDLL(None).adjtimex(timex) >= 0; "
        "print(struct.unpack_from('@Illl', timex)[3] < 16_000_000)"
    )
    done = subprocess.run(["python3", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == str(clock_sync._kernel_clock_is_set())


#: adjtimex and clock_adjtime, of which libc uses either.
ADJTIMEX = {"x86_64": (159, 305), "aarch64": (171, 266)}

#: seccomp(2), as systemd's ProtectClock= or a container puts it on: the two get EPERM.
ASKED_BEHIND_A_FILTER = """
import ctypes, struct, sys
from gateway.timing.clock_sync import _kernel_clock_is_set

LOAD, EQUAL, RETURN, EPERM, ALLOW = 0x20, 0x15, 0x06, 0x50001, 0x7FFF0000
one, other = map(int, sys.argv[1:])
steps = [(LOAD, 0, 0, 0), (EQUAL, 1, 0, one), (EQUAL, 0, 1, other), (RETURN, 0, 0, EPERM),
         (RETURN, 0, 0, ALLOW)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = struct.pack("HP", len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
assert libc.prctl(22, 2, program) == 0  # seccomp, filter
assert libc.adjtimex(ctypes.create_string_buffer(4096)) == -1
print(_kernel_clock_is_set())
"""


def test_kernel_clock_state_is_not_set_where_adjtimex_is_not_permitted() -> None:
    numbers = ADJTIMEX.get(platform.machine())
    if numbers is None:
        pytest.skip(f"no numbers of adjtimex for {platform.machine()}")
    command = [sys.executable, "-c", ASKED_BEHIND_A_FILTER, *map(str, numbers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(("now_ms", "is_set"), [(EARLIEST_MS - 1, False), (EARLIEST_MS, True)])
def test_clock_that_is_asked_is_that_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now_ms: int, is_set: bool
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: now_ms * 1_000_000)
    assert (clock_source(root=tmp_path) is not None) == is_set


def test_clock_of_this_machine_is_set() -> None:
    assert clock_source() is not None
