"""A thing of the fleet: Buffer → Publisher → connection, as in a separate gateway."""

import asyncio
from concurrent.futures import Executor, Future
from pathlib import Path
from random import Random
from typing import Any

from gateway.buffer.buffer import Buffer
from gateway.buffer.disk import Disk
from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.buffer.opening import open_buffer
from gateway.buffer.store import Store, StoreError
from gateway.cloud.publisher import Publisher
from gateway.config.schema import BufferConfig
from gateway.simulation.fleet.meter import MeteredUplink
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import GatewayClock

_DEFAULTS = BufferConfig()


class Station:
    """A thing of the fleet. `with_file`: its buffer has a file, so the buffer's `run` is needed."""

    def __init__(
        self,
        buffer: Buffer,
        uplink: MeteredUplink,
        clock: GatewayClock,
        random: Random,
        rate_per_s: float,
        *,
        with_file: bool,
    ) -> None:
        self._buffer = buffer
        self._uplink = uplink
        self._with_file = with_file
        self._publisher = Publisher(buffer, uplink, clock, random, rate_per_s)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_up(self) -> bool:
        return self._uplink.is_up

    @property
    def waiting(self) -> int:
        """The number of messages that are neither acknowledged nor set aside."""
        return self._buffer.status.depth

    @property
    def set_aside(self) -> int:
        """The number of messages in quarantine."""
        return self._buffer.status.quarantined

    def start(self) -> None:
        self._tasks.append(asyncio.create_task(self._publisher.run()))
        if self._with_file:
            self._tasks.append(asyncio.create_task(self._buffer.run()))

    def send(self, telemetry: Telemetry) -> None:
        self._buffer.append(telemetry)

    async def stop(self) -> None:
        """Disconnect. Unacknowledged messages are then in the file, if there is one."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._uplink.stop()
        if self._with_file:
            await self._buffer.close()


async def open_file_buffer(state_dir: Path, thing_name: str, clock: GatewayClock) -> Buffer:
    """Open a gateway's buffer and its file; messages left by an earlier run are sent again."""
    return await open_buffer(
        state_dir / thing_name.replace(":", "_") / DIRECTORY_NAME,
        clock,
        commit_interval_s=_DEFAULTS.commit_interval_s,
        max_bytes=_DEFAULTS.max_size_mib * 1024 * 1024,
    )


def memory_buffer(clock: GatewayClock) -> Buffer:
    """Return a Buffer without a file: unacknowledged messages are only in memory.

    Do not call its `run`, which would write. Everything else is the real Buffer.
    """
    return Buffer(Disk(_no_file, _NoThread(), clock), clock, _DEFAULTS.commit_interval_s)


def _no_file() -> Store:
    raise StoreError("the fleet keeps no files")


class _NoThread(Executor):
    """An executor without a thread, since a thousand idle threads are still a thousand threads."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise AssertionError("there is no file to work on")
