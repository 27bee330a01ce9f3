"""A disk that fails or falls silent."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from gateway.buffer.disk import SILENT_NS, Disk
from gateway.buffer.log_format import HEADER_BYTES, OVERHEAD_BYTES, LogKind, LogName
from gateway.buffer.store import Batch, Record, Store, StoreError, Written
from gateway.timing.units import NS_PER_S
from tests.support.virtual_clock import VirtualClock

ROOMY = 1 << 30


class Rig:
    """A Disk with a thread of its own, over a real store."""

    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock()
        self.path = path
        self.failure: StoreError | None = None
        self.store: Store | None = None
        self.disk = Disk(self._open, ThreadPoolExecutor(max_workers=1), self.clock)

    def _open(self) -> Store:
        if self.failure is not None:
            raise self.failure
        self.store = Store(self.path, ROOMY)
        return self.store

    def fail(self, failure: StoreError) -> None:
        def write(batch: Batch) -> Written:
            raise failure

        assert self.store is not None
        self.store.write = write  # type: ignore[method-assign]

    def heal(self) -> None:
        assert self.store is not None
        self.store.write = Store.write.__get__(self.store)  # type: ignore[method-assign]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig(tmp_path / "buffer")
    yield rig
    await rig.disk.close()


RECORDS = Batch([Record(1, 7, b"a")])


async def test_disk_answers_with_what_was_written(rig: Rig) -> None:
    await rig.disk.open()
    written = await rig.disk.write(RECORDS)
    assert await rig.disk.ask(Store.waiting) == {written.placed[1]: 1}
    assert await rig.disk.ask(lambda store: store.read(written.placed[1])) == [*RECORDS.records]
    assert rig.disk.problem is None
    assert rig.disk.used_bytes > 0
    assert rig.disk.free_bytes is not None


async def test_opened_disk_shows_what_it_holds(rig: Rig) -> None:
    left = Store(rig.path, ROOMY)
    refused = [(Record(2, 7, b"b"), "refused")]
    name = left.write(Batch(RECORDS.records, quarantined=refused)).placed[1]
    left.close()
    newer = rig.path / str(LogName(3, LogKind.RACE, 7, 5))
    newer.mkdir()
    opened = await rig.disk.open()
    assert (opened.waiting, opened.quarantined, opened.last_id) == ({name: 1}, 1, 3)
    assert opened.lost == 0
    [note] = opened.notes
    assert str(newer) in note


async def test_messages_that_were_damaged_before_the_start_are_logged(rig: Rig) -> None:
    left = Store(rig.path, ROOMY)
    for id_ in (1, 2, 3):
        left.write(Batch([Record(id_, 7, b"a" * 100)]))
    [file] = rig.path.iterdir()
    data = bytearray(file.read_bytes())
    data[HEADER_BYTES + OVERHEAD_BYTES] ^= 1
    file.write_bytes(data)
    with capture_logs() as logs:
        opened = await rig.disk.open()
    assert opened.lost == 1
    assert logs == [
        {"event": "buffered messages damaged and lost", "count": 1, "log_level": "error"}
    ]


async def test_disk_that_failed_to_open_refuses_writes_with_the_reason(rig: Rig) -> None:
    rig.failure = StoreError("read-only file system")
    with pytest.raises(StoreError):
        await rig.disk.open()
    assert not rig.disk.is_open
    assert rig.disk.problem == "read-only file system"
    with pytest.raises(StoreError, match="read-only file system"):
        await rig.disk.write(RECORDS)
    rig.failure = None
    await rig.disk.open()
    await rig.disk.write(RECORDS)
    assert rig.disk.problem is None


async def test_disk_failure_is_logged_once_until_a_write_succeeds(rig: Rig) -> None:
    await rig.disk.open()
    with capture_logs() as logs:
        rig.fail(StoreError("disk full"))
        for _ in range(3):
            with pytest.raises(StoreError):
                await rig.disk.write(RECORDS)
        assert rig.disk.problem == "disk full"
        assert await rig.disk.ask(Store.waiting) == {}, "it can be read all the same"
        rig.heal()
        await rig.disk.write(RECORDS)
    assert rig.disk.problem is None
    assert [log["log_level"] for log in logs] == ["error", "info"]


async def test_write_of_nothing_ends_no_failure_while_the_disk_is_bad(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.disk.open()
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, raising(OSError(errno.EIO, "Input/output error")))
    for batch in (RECORDS, Batch(), Batch()):
        with pytest.raises(StoreError, match="Input/output error"):
            await rig.disk.write(batch)
        assert rig.disk.problem is not None
    monkeypatch.undo()
    await rig.disk.write(Batch())
    assert rig.disk.problem is None
    assert list(rig.path.iterdir()) == [], "of the probe nothing is left"


def raising(error: OSError) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise error

    return fail


async def test_error_of_the_system_is_one_of_the_store(rig: Rig) -> None:
    await rig.disk.open()

    def fail(_: Store) -> None:
        raise PermissionError(13, "Permission denied", "/state/buffer")

    with pytest.raises(StoreError, match="Permission denied: '/state/buffer'"):
        await rig.disk.ask(fail)
    assert rig.disk.problem is None, "it can still be written"


async def test_write_counts_even_if_the_room_that_is_left_cannot_be_learnt(rig: Rig) -> None:
    await rig.disk.open()
    assert rig.store is not None

    def fail() -> int:
        raise StoreError("no such directory")

    rig.store.free_bytes = fail  # type: ignore[method-assign]
    await rig.disk.write(RECORDS)
    assert (rig.disk.free_bytes, rig.disk.problem) == (None, None)


async def test_silent_disk_is_a_problem_after_two_seconds(rig: Rig) -> None:
    await rig.disk.open()
    silence = threading.Event()
    asking = asyncio.create_task(rig.disk.ask(lambda _: silence.wait(30)))
    await asyncio.sleep(0)
    rig.clock.stall(SILENT_NS / NS_PER_S)
    assert rig.disk.problem is None
    rig.clock.stall(9)
    assert rig.disk.problem == "the disk has not answered for 11 s"
    silence.set()
    await asking
    assert rig.disk.problem is None


async def test_disk_times_the_silence_of_each_job_separately(
    rig: Rig,
) -> None:
    await rig.disk.open()
    first_may_end, second_may_end = threading.Event(), threading.Event()
    done = []

    def job(number: int, may_end: threading.Event) -> None:
        may_end.wait(30)
        done.append(number)

    first = asyncio.create_task(rig.disk.ask(lambda _: job(1, first_may_end)))
    await asyncio.sleep(0)
    rig.clock.stall(3)
    second = asyncio.create_task(rig.disk.ask(lambda _: job(2, second_may_end)))
    await asyncio.sleep(0)
    first_may_end.set()
    await first
    assert rig.disk.problem is None
    rig.clock.stall(4)
    assert rig.disk.problem == "the disk has not answered for 4 s"
    second_may_end.set()
    await second
    assert (done, rig.disk.problem) == ([1, 2], None)
