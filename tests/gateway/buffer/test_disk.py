"""A disk that fails, falls silent, or gives a damaged file."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.buffer.disk import SILENT_NS, Disk
from gateway.buffer.recovery import Opened, open_store
from gateway.buffer.store import Batch, DamagedStoreError, Record, Store, StoreError, Written
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

    def _open(self, *, is_damaged: bool) -> Opened:
        if self.failure is not None:
            raise self.failure
        opened = open_store(self.path, ROOMY, now_ms=1, is_damaged=is_damaged)
        self.store = opened.store
        return opened

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
    rig = Rig(tmp_path / "buffer.db")
    yield rig
    await rig.disk.close()


RECORDS = Batch([Record(1, 7, b"a")])


async def test_disk_answers_with_what_was_written(rig: Rig) -> None:
    await rig.disk.open()
    await rig.disk.write(RECORDS)
    assert await rig.disk.ask(Store.pending_by_race) == {7: 1}
    assert rig.disk.problem is None
    assert rig.disk.used_bytes > 0
    assert rig.disk.free_bytes is not None


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
        assert await rig.disk.ask(Store.pending_by_race) == {}, "it can be read all the same"
        rig.heal()
        await rig.disk.write(RECORDS)
    assert rig.disk.problem is None
    assert [log["log_level"] for log in logs] == ["error", "info"]


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


async def test_damage_found_by_a_write_closes_the_disk_until_the_next_open(rig: Rig) -> None:
    await rig.disk.open()
    rig.fail(DamagedStoreError("malformed"))
    with pytest.raises(DamagedStoreError):
        await rig.disk.write(RECORDS)
    assert not rig.disk.is_open
    opened = await rig.disk.open()
    assert opened.note is not None
    assert "was moved to" in opened.note
    await rig.disk.write(RECORDS)


async def test_damage_found_by_a_read_closes_the_disk(rig: Rig) -> None:
    await rig.disk.open()

    def malformed(_: Store) -> None:
        raise DamagedStoreError("malformed")

    with pytest.raises(DamagedStoreError):
        await rig.disk.ask(malformed)
    assert not rig.disk.is_open
    assert rig.disk.problem == "malformed"


async def test_salvage_refused_by_the_system_is_a_problem_and_tried_again(rig: Rig) -> None:
    rig.path.write_bytes(b"not a database at all " * 400)
    in_the_way = rig.path.with_name("buffer.db.new")
    in_the_way.mkdir()
    with pytest.raises(StoreError, match=str(in_the_way)):
        await rig.disk.open()
    assert rig.disk.problem is not None
    in_the_way.rmdir()
    assert (await rig.disk.open()).note is not None
