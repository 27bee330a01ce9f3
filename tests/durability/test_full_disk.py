"""A real Buffer on a real ext4 that is full, with blocks smaller than a page of memory.

There, a page of a file that is mapped into memory can be written although only a part of it has a
place on the disk. When the disk is full, this ends the process with SIGBUS.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME
from tests.durability.cuts import Writer
from tests.durability.loop_disk import LoopDisk, open_loop_disk
from tests.durability.writer import INTERVAL_S

BLOCK_BYTES = 1024
#: The disk is small, because a cut copies all that was ever written to it, and has to fall between
#: two writes.
SIZE_BYTES = 8 << 20
#: The disk is full for this long, and believed to be well again after as long.
FULL_S = 3.0

BUFFER = Path("state", DIRECTORY_NAME)


@pytest.fixture
def loop_disk() -> Iterator[LoopDisk]:
    with open_loop_disk(BLOCK_BYTES, SIZE_BYTES) as loop_disk:
        (loop_disk.directory / BUFFER.parent).mkdir()
        yield loop_disk


@pytest.fixture
def writer(loop_disk: LoopDisk, tmp_path: Path) -> Writer:
    return Writer(loop_disk.directory / BUFFER, tmp_path / "told")


@contextmanager
def filled(directory: Path) -> Iterator[None]:
    """Fill the disk to its last block, and free it at the end of the block."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, BLOCK_BYTES):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
                    os.fsync(file.fileno())
    yield
    filler.unlink()


def assert_promise_is_kept_again(loop_disk: LoopDisk, writer: Writer) -> None:
    time.sleep(FULL_S)
    with loop_disk.cut() as (cut_ns, directory):
        cut = writer.judge(cut_ns, directory / BUFFER)
    assert cut.broken_promises == {}
    assert cut.all_as_produced


def test_disk_that_becomes_full_loses_nothing_once_there_is_room(
    loop_disk: LoopDisk, writer: Writer
) -> None:
    with writer.writing():
        time.sleep(INTERVAL_S)
        with filled(loop_disk.directory):
            time.sleep(FULL_S)
            with loop_disk.cut() as (cut_ns, directory):
                assert writer.judge(cut_ns, directory / BUFFER).broken_promises, "it was full"
        assert_promise_is_kept_again(loop_disk, writer)


def test_start_on_a_full_disk_loses_nothing_once_there_is_room(
    loop_disk: LoopDisk, writer: Writer
) -> None:
    with ExitStack() as stack:
        with filled(loop_disk.directory):
            stack.enter_context(writer.writing())
            time.sleep(FULL_S)
        assert_promise_is_kept_again(loop_disk, writer)


def test_full_disk_ends_a_writer_that_maps_its_files(loop_disk: LoopDisk, writer: Writer) -> None:
    with pytest.raises(AssertionError, match="the writer ended"):
        write_on_full_disk(loop_disk, writer)


def write_on_full_disk(loop_disk: LoopDisk, writer: Writer) -> None:
    with writer.writing("--mapped"), filled(loop_disk.directory):
        time.sleep(FULL_S)
