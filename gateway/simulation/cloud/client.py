"""The client of the local cloud: the address of its broker and the content of its stream."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from gateway.config.cloud import CloudConfig
from gateway.host.errors import GatewayError
from gateway.simulation.cloud.arrivals import Arrivals
from gateway.simulation.cloud.leaderboard import Standing, StreamResult
from gateway.simulation.extra import LOOPBACK

#: How long the process may take to exit after its input closes, in seconds; then it is killed.
END_TIMEOUT_S = 15.0
#: Longest answer, in bytes: the result lists every racer.
LINE_MAX_BYTES = 64 * 1024 * 1024


class LocalCloudError(GatewayError):
    """The process of the local cloud has ended. The message gives its exit code."""


class Stream(Protocol):
    """The stream of a cloud that lets its stream be read."""

    async def count(self) -> Arrivals:
        """Return what has arrived so far."""
        ...

    async def report(self) -> StreamResult:
        """Return the backend's results so far."""
        ...

    async def result(self) -> StreamResult:
        """Return the final report. Call this once, when no more messages will be acknowledged."""
        ...


class LocalCloud:
    """A Stream, with the `config` that reaches its broker. Created by `open_local_cloud`."""

    def __init__(self, process: asyncio.subprocess.Process, config: CloudConfig) -> None:
        self.config = config
        self._process = process
        self._asking = asyncio.Lock()

    async def count(self) -> Arrivals:
        return Arrivals(**await self._ask("count"))

    async def report(self) -> StreamResult:
        return _parse_result(await self._ask("report"))

    async def result(self) -> StreamResult:
        return _parse_result(await self._ask("result"))

    async def _ask(self, question: str) -> dict[str, Any]:
        # If the caller is cancelled, its answer must still be read, or the next caller gets it.
        return await asyncio.shield(self._exchange(question))

    async def _exchange(self, question: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        async with self._asking:
            self._process.stdin.write(f"{question}\n".encode())
            return await _read_answer(self._process)


async def _read_answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        code = await process.wait()
        raise LocalCloudError(
            f"the cloud on this computer exited with code {code} (its error message is above)"
        )
    answer: dict[str, Any] = json.loads(line)
    return answer


def _parse_result(answer: dict[str, Any]) -> StreamResult:
    return StreamResult(
        records=answer["records"],
        duplicates=answer["duplicates"],
        unreadable=answer["unreadable"],
        rule_failures=answer["rule_failures"],
        shards={int(race_id): ids for race_id, ids in answer["shards"].items()},
        standings=[Standing(**standing) for standing in answer["standings"]],
    )


@asynccontextmanager
async def open_local_cloud() -> AsyncIterator[LocalCloud]:
    """Run broker, shipped IoT rule, Kinesis and a consumer on loopback; yield their client.

    Raises LocalCloudError if they do not start.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "gateway.simulation.cloud.process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_MAX_BYTES,
        process_group=0,  # keeps Ctrl-C away: the parent still needs its cloud then
    )
    try:
        port = await port_of(process)
        yield LocalCloud(process, CloudConfig(endpoint=LOOPBACK, port=port, plaintext=True))
    finally:
        await _end(process)


async def port_of(process: asyncio.subprocess.Process) -> int:
    """Return the broker's port once everything runs; kill the process if this is cancelled.

    It reads its input only once everything runs, seconds later. Its own children exit with it.
    """
    try:
        port: int = (await _read_answer(process))["port"]
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        raise
    return port


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
