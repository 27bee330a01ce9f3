"""A disk whose plug can be pulled: ext4 in a file, mounted over a loop device.

The mounted file system keeps what was written in memory of its own, and gives the loop device only
what was synced, or what it has written back by itself (after 5 s its journal, after 30 s the
rest). A copy of the file behind the device is therefore what a power cut at that instant leaves.

It is a disk without a cache of its own: it cannot tell whether a sync also flushed the disk's
cache, nor does it lose some of the unsynced writes and keep later ones.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.durability.memory import directory_in_memory

SIZE_BYTES = 32 << 20
BLOCK_BYTES = 4096
#: Copies are begun until one falls between two writes; on a busy machine that takes a while.
CUT_WITHIN_S = 30.0
#: The unit of the kernel's statistics.
SECTOR_BYTES = 512


class LoopDisk:
    """Mounted at `directory`. Made by `open_loop_disk`."""

    def __init__(self, image: Path, device: str, directory: Path) -> None:
        self.directory = directory
        self._image = image
        self._stat = Path("/sys/block", Path(device).name, "stat")

    @property
    def written_bytes(self) -> int:
        """The bytes that the device has been given."""
        return int(self._fields()[6]) * SECTOR_BYTES

    @contextmanager
    def cut(self) -> Iterator[tuple[int, Path]]:
        """Cut the power of a copy: the monotonic ns of it, and the copy, started again."""
        copy = self._image.with_name("cut")
        cut_ns = self._copy(copy)
        with _mounted(copy) as (_, directory):
            yield cut_ns, directory

    def _copy(self, copy: Path) -> int:
        """It takes a while, but no write falls into it: else it would be of no instant."""
        deadline_s = time.monotonic() + CUT_WITHIN_S
        while time.monotonic() < deadline_s:
            written = self._written()
            now_ns = time.monotonic_ns()
            _copy_sparse(self._image, copy)
            if written is not None and self._written() == written:
                return now_ns
        raise AssertionError(f"{self._image} is written to without a pause")

    def _written(self) -> int | None:
        """How many writes the device has done; None while one is on its way."""
        fields = self._fields()
        return int(fields[4]) if fields[8] == "0" else None

    def _fields(self) -> list[str]:
        # Documentation/block/stat.rst: the fifth is write I/Os, the seventh sectors written, the
        # ninth I/Os in flight.
        return self._stat.read_text(encoding="ascii").split()


@contextmanager
def open_loop_disk(
    block_bytes: int = BLOCK_BYTES, size_bytes: int = SIZE_BYTES
) -> Iterator[LoopDisk]:
    """A fresh ext4 in memory. Skips the test where that cannot be had."""
    with directory_in_memory() as memory, loop_disk_in(memory, block_bytes, size_bytes) as disk:
        yield disk


@contextmanager
def loop_disk_in(
    place: Path, block_bytes: int = BLOCK_BYTES, size_bytes: int = SIZE_BYTES
) -> Iterator[LoopDisk]:
    """A fresh ext4, else with all its defaults, in a file in `place`. Skips the test if need be."""
    _require("mkfs.ext4", "losetup", "mount", "umount")
    image = place / "disk"
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _run("mkfs.ext4", "-q", "-b", str(block_bytes), image)
    with _mounted(image) as (device, directory):
        yield LoopDisk(image, device, directory)


@contextmanager
def _mounted(image: Path) -> Iterator[tuple[str, Path]]:
    """The image's file system: its loop device, and where it is mounted. Skips if it may not."""
    directory = image.with_name(f"{image.name}.mounted")
    directory.mkdir(exist_ok=True)
    try:
        device = _run("losetup", "--find", "--show", image)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop devices here: {error.stderr.strip()}")
    try:
        _run("mount", "-t", "ext4", device, directory)
        try:
            yield device, directory
        finally:
            _run("umount", directory)
    finally:
        _run("losetup", "--detach", device)


def _require(*programs: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk whose plug can be pulled")
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (e2fsprogs, mount)")


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _copy_sparse(source: Path, target: Path) -> None:
    """Its holes stay holes, which leaves little to copy."""
    with source.open("rb", buffering=0) as read, target.open("wb", buffering=0) as written:
        end = os.fstat(read.fileno()).st_size
        written.truncate(end)
        at = 0
        while at < end:
            try:
                at = os.lseek(read.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: a hole up to the end
                return
            until = os.lseek(read.fileno(), at, os.SEEK_HOLE)
            os.lseek(written.fileno(), at, os.SEEK_SET)
            at += os.sendfile(written.fileno(), read.fileno(), at, until - at)
