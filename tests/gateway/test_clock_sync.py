"""Against a root directory of the test's own, and against this machine."""

import subprocess
from pathlib import Path

import pytest

from gateway import clock_sync
from gateway.clock_sync import (
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
    monkeypatch.setattr(clock_sync, "_kernel_says_so", lambda: False)


def test_a_pi_does_not_know_the_time_until_a_server_has_told_it(tmp_path: Path) -> None:
    make(tmp_path, BOARD_MODEL, "Raspberry Pi 4 Model B Rev 1.5\0")
    assert not clock_is_set(tmp_path, NOW_MS)
    make(tmp_path, TIMESYNC_MARK)
    assert clock_is_set(tmp_path, NOW_MS)


def test_or_until_the_kernel_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, BOARD_MODEL, "Raspberry Pi Zero 2 W Rev 1.0\0")
    monkeypatch.setattr(clock_sync, "_kernel_says_so", lambda: True)
    assert clock_is_set(tmp_path, NOW_MS)


@pytest.mark.parametrize("model", [None, "linux,dummy-virt\0"])
def test_a_pc_and_a_virtual_machine_come_with_the_time(tmp_path: Path, model: str | None) -> None:
    if model is not None:
        make(tmp_path, BOARD_MODEL, model)
    assert clock_is_set(tmp_path, NOW_MS)


def test_a_time_before_this_gateway_was_written_was_never_set(tmp_path: Path) -> None:
    assert not clock_is_set(tmp_path, EARLIEST_MS - 1)


def test_who_has_set_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock_source(tmp_path, NOW_MS) == "since this machine was switched on"
    make(tmp_path, BOARD_MODEL, "Raspberry Pi 4 Model B Rev 1.5\0")
    assert clock_source(tmp_path, NOW_MS) is None
    monkeypatch.setattr(clock_sync, "_kernel_says_so", lambda: True)
    assert clock_source(tmp_path, NOW_MS) == "by a time server, as the kernel was told"
    make(tmp_path, TIMESYNC_MARK)
    assert clock_source(tmp_path, NOW_MS) == "by systemd-timesyncd, from a time server"


def test_the_kernel_is_asked_as_adjtimex_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    says = clock_sync._kernel_says_so()
    program = (
        "import ctypes, sys; buffer = ctypes.create_string_buffer(4096); "
        "sys.exit(ctypes.CDLL(None).adjtimex(buffer))"
    )
    code = subprocess.run(["python3", "-c", program], check=False).returncode
    assert says == (0 <= code < clock_sync.TIME_ERROR)


def test_this_machine_has_its_time() -> None:
    assert clock_is_set()
