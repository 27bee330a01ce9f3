"""A disk that fails on demand: tests/support/bad_disk.c intercepts a process's system calls."""

import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest

#: The disk's states; bad_disk.c explains each.
State = Literal["ok", "full", "read-only", "fsync-fails", "fsync-stalls", "fsync-lies", "dead"]

SOURCE = Path(__file__).with_suffix(".c")


class BadDisk:
    """A bad disk below `directory`, for processes with `environment`; "ok" until `set`.

    It is compiled into `workshop`, which must not be below `directory`. Skips the test without gcc.
    """

    def __init__(self, workshop: Path, directory: Path) -> None:
        self.directory = directory.resolve()
        #: The changes to the files, if a process also runs with `recording`.
        self.record = workshop / "bad_disk.record"
        self.recording = {"BAD_DISK_RECORD": str(self.record)}
        self._control = workshop / "bad_disk.control"
        library = workshop / "bad_disk.so"
        _compile(library)
        self.environment = {
            "LD_PRELOAD": str(library),
            "BAD_DISK_CONTROL": str(self._control),
            "BAD_DISK_DIRECTORY": str(self.directory),
        }
        self.set("ok")

    def set(self, state: State) -> None:
        """Set the state, from the next system call on."""
        self._control_by(state)

    def spoil_sector(self, file: Path, offset: int) -> None:
        """Make four KiB of this file unreadable, under any name."""
        self._control_by(f"bad-sector {file.stat().st_ino} {offset}")

    def _control_by(self, line: str) -> None:
        # The file is replaced whole, since the process may be reading it.
        written = self._control.with_suffix(".new")
        written.write_text(line, encoding="ascii")
        written.rename(self._control)


def _compile(library: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed, and the bad disk is C")
    subprocess.run([gcc, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
