"""A disk that goes bad on demand: tests/support/bad_disk.c before a process's system calls."""

import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest

#: What the disk does. The words are bad_disk.c's, which says what each of them means.
State = Literal["ok", "full", "read-only", "fsync-fails", "fsync-stalls", "fsync-lies"]

SOURCE = Path(__file__).with_suffix(".c")


class BadDisk:
    """Below `directory`, for the processes that run with `environment`; "ok" until `set`.

    Compiled into `workshop`, which must not lie below `directory`. Skips the test without gcc.
    """

    def __init__(self, workshop: Path, directory: Path) -> None:
        self.directory = directory.resolve()
        #: What was done to the files, if a process also runs with `recording`.
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
        """From the next system call on."""
        self._control_by(state)

    def spoil_sector(self, file: Path, offset: int) -> None:
        """Four KiB of this file cannot be read any more, under whatever name."""
        self._control_by(f"bad-sector {file.stat().st_ino} {offset}")

    def _control_by(self, line: str) -> None:
        # Never half-written: the process may be reading it.
        written = self._control.with_suffix(".new")
        written.write_text(line, encoding="ascii")
        written.rename(self._control)


def _compile(library: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed, and the bad disk is C")
    subprocess.run([gcc, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
