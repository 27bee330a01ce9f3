"""Against a root directory of the test's own, and against this machine."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.timing import clock_sync
from gateway.timing.clock_sync import (
    BOARD_MODEL,
    EARLIEST_MS,
    TIMESYNC_MARK,
    clock_is_set,
    clock_source,
)

NOW_MS = EARLIEST_MS + 1


def make(root: Path, name: str, content: str = "") -> None:
    (root / name).parent.mkdir(parents=True)
    (root / name).write_text(content)


@pytest.fixture(autouse=True)
def _kernel_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_sync, "_kernel_clock_is_set", lambda: False)


def test_clock_of_a_pi_is_set_once_timesyncd_has_left_its_mark(tmp_path: Path) -> None:
    make(tmp_path, BOARD_MODEL, "Raspberry Pi 4 Model B Rev 1.5\0")
    assert not clock_is_set(tmp_path, NOW_MS)
    make(tmp_path, TIMESYNC_MARK)
    assert clock_is_set(tmp_path, NOW_MS)


def test_clock_of_a_pi_is_set_once_the_kernel_has_been_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, BOARD_MODEL, "Raspberry Pi Zero 2 W Rev 1.0\0")
    monkeypatch.setattr(clock_sync, "_kernel_clock_is_set", lambda: True)
    assert clock_is_set(tmp_path, NOW_MS)


@pytest.mark.parametrize("model", [None, "linux,dummy-virt\0"])
def test_clock_of_a_pc_or_a_virtual_machine_is_set(tmp_path: Path, model: str | None) -> None:
    if model is not None:
        make(tmp_path, BOARD_MODEL, model)
    assert clock_is_set(tmp_path, NOW_MS)


def test_clock_before_the_earliest_possible_time_is_not_set(tmp_path: Path) -> None:
    assert not clock_is_set(tmp_path, EARLIEST_MS - 1)


def test_clock_source_tells_who_has_set_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clock_source(tmp_path, NOW_MS) == "by this computer's hardware clock"
    make(tmp_path, BOARD_MODEL, "Raspberry Pi 4 Model B Rev 1.5\0")
    assert clock_source(tmp_path, NOW_MS) is None
    monkeypatch.setattr(clock_sync, "_kernel_clock_is_set", lambda: True)
    assert clock_source(tmp_path, NOW_MS) == "by a time server (according to the kernel)"
    make(tmp_path, TIMESYNC_MARK)
    assert clock_source(tmp_path, NOW_MS) == "by systemd-timesyncd, from a time server"


def test_kernel_clock_state_is_that_of_adjtimex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    says = clock_sync._kernel_clock_is_set()
    program = (
        "import ctypes, sys; buffer = ctypes.create_string_buffer(4096); "
        "sys.exit(ctypes.CDLL(None).adjtimex(buffer))"
    )
    code = subprocess.run(["python3", "-c", program], check=False).returncode
    assert says == (0 <= code < clock_sync.TIME_ERROR)


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


def test_clock_of_this_machine_is_set() -> None:
    assert clock_is_set()
