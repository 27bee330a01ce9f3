"""The gateway's buffer doing the same work as the peers' queues.

.venv/bin/python -m tests.bench.our_queue buffer --messages FILE --per-tick N --directory EMPTY
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import structlog

from gateway.buffer.opening import open_buffer
from gateway.buffer.send_order import Entry
from gateway.telemetry.message import telemetry_from_json
from gateway.timing.clock import SystemClock
from tests.bench.queue_work import DurableQueue, Work, main


class OurBuffer(DurableQueue):
    """The daemon's buffer when nothing is acknowledged in time: one write and fsync a tick.

    A commit comes at the end of a tick instead of a second. Deletions of acknowledged messages are
    written when the buffer decides, as in the daemon.
    """

    async def open(self, directory: Path, work: Work) -> None:
        structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
        self._path = directory / "buffer"
        self._telemetry = {text: telemetry_from_json(text.encode()) for text in work.messages}
        self._buffer = await open_buffer(
            self._path, SystemClock(), commit_interval_s=60, max_bytes=1 << 30
        )
        self._available = asyncio.Event()
        self._buffer.on_available.append(self._available.set)
        self._running = asyncio.create_task(self._buffer.run())
        self._read: list[Entry] = []

    async def put(self, tick: list[str]) -> None:
        for message in tick:
            self._buffer.append(self._telemetry[message])
        await self._buffer.commit(everything=True)

    async def read(self, count: int) -> list[str]:
        self._read.clear()
        while len(self._read) < count:
            entry = self._buffer.head()
            if entry is None:
                self._available.clear()
                await self._available.wait()
            else:
                self._buffer.take(entry)
                self._read.append(entry)
        return [entry.payload.decode() for entry in self._read]

    async def acknowledge(self) -> None:
        for entry in self._read:
            self._buffer.acknowledge(entry)
        await asyncio.sleep(0)  # lets the buffer's own task delete

    def mode(self) -> str:
        return "log per race, fdatasync"

    async def close(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        await self._buffer.close()


if __name__ == "__main__":
    main({"buffer": OurBuffer})
