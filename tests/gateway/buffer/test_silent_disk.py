"""A disk that does not answer: its thread hangs, the event loop does not."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.buffer.buffer import OPENING_PATIENCE, PATIENCE, Buffer
from gateway.buffer.disk import SILENT_NS, Disk
from gateway.buffer.store import Batch, Store, Written
from gateway.timing.units import NS_PER_S
from tests.support.buffers import ROOMY, seconds
from tests.support.telemetry import message
from tests.support.virtual_clock import VirtualClock


class SilentDisk:
    """A Buffer, writing before it sends, over real files whose thread can be made to hang."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = VirtualClock()
        self.opened = 0
        self._is_closed = False
        self._answers = threading.Event()
        self._hangs = threading.Event()
        self._answers.set()
        executor = ThreadPoolExecutor(max_workers=1)
        self.buffer = Buffer(Disk(self._open, executor, self.clock), self.clock, 0)

    def fall_silent(self) -> None:
        self._hangs.clear()
        self._answers.clear()

    def answer(self) -> None:
        self._answers.set()

    async def close(self) -> None:
        self._answers.set()
        if not self._is_closed:
            self._is_closed = True
            await self.buffer.close()

    async def hangs(self) -> None:
        """Return once the thread does."""
        assert await asyncio.to_thread(self._hangs.wait, 10)

    def _open(self) -> Store:
        self._wait()
        self.opened += 1
        store = Store(self.path, ROOMY)
        write = store.write

        def write_in_time(batch: Batch) -> Written:
            self._wait()
            return write(batch)

        store.write = write_in_time  # type: ignore[method-assign]
        return store

    def _wait(self) -> None:
        self._hangs.set()
        assert self._answers.wait(10)


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[SilentDisk]:
    disk = SilentDisk(tmp_path / "buffer")
    yield disk
    await disk.close()


async def test_buffer_stopped_while_opening_does_not_open_the_directory_twice(
    disk: SilentDisk,
) -> None:
    disk.fall_silent()
    disk.buffer.append(message(1))
    running = asyncio.create_task(disk.buffer.run())
    await disk.hangs()
    running.cancel()
    await asyncio.wait([running])
    await disk.close()
    assert disk.opened == 1
    store = Store(disk.path, ROOMY)
    assert list(store.waiting().values()) == [1]
    store.close()


async def test_buffer_pulse_has_more_patience_while_opening(disk: SilentDisk) -> None:
    disk.fall_silent()
    opening = asyncio.create_task(disk.buffer.commit())
    await disk.hangs()
    assert disk.buffer.pulse.patience == OPENING_PATIENCE
    disk.answer()
    await opening
    assert disk.buffer.pulse.patience == PATIENCE


async def test_messages_waiting_for_a_silent_disk_are_sent_from_memory(disk: SilentDisk) -> None:
    await disk.buffer.commit()
    disk.fall_silent()
    disk.buffer.append(message(1))
    writing = asyncio.create_task(disk.buffer.commit())
    await disk.hangs()
    assert disk.buffer.head() is None
    await disk.clock.run_for(SILENT_NS / NS_PER_S + 1)
    disk.buffer.append(message(2))
    head = disk.buffer.head()
    assert head is not None
    assert seconds([head]) == [1]
    disk.buffer.take(head)
    disk.buffer.acknowledge(head)
    disk.answer()
    await writing
    assert disk.buffer.status.depth == 1
    assert disk.buffer.status.on_disk == 0, "not the acknowledged one, which is to be deleted"
