"""The local cloud, as demo and fleet use it: where its broker is, and what its stream holds."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

from gateway.config.schema import CloudConfig
from gateway.host.errors import GatewayError
from gateway.simulation.cloud.leaderboard import Standing, StreamResult
from gateway.simulation.extra import LOOPBACK

#: Long enough for a busy machine; the process ends by itself when its input closes.
END_TIMEOUT_S = 15.0
#: The result has a line for every racer.
LINE_MAX_BYTES = 64 * 1024 * 1024


class LocalCloudError(GatewayError):
    """The cloud on this machine has ended. The text gives its exit code."""


class Stream(Protocol):
    """The stream behind a cloud, if it can be read."""

    async def count(self) -> int:
        """Return the number of records that have come so far."""
        ...

    async def report(self) -> StreamResult:
        """Return what the backend has made of them so far."""
        ...

    async def result(self) -> StreamResult:
        """Return the last report; to be asked once, when no more will be acknowledged."""
        ...


class LocalCloud:
    """A Stream, and the `config` to reach its broker with. Made by `open_local_cloud`."""

    def __init__(self, process: asyncio.subprocess.Process, config: CloudConfig) -> None:
        self.config = config
        self._process = process
        self._asking = asyncio.Lock()

    async def count(self) -> int:
        return int((await self._ask("count"))["records"])

    async def report(self) -> StreamResult:
        return _parse_result(await self._ask("report"))

    async def result(self) -> StreamResult:
        return _parse_result(await self._ask("result"))

    async def _ask(self, question: str) -> dict[str, Any]:
        # A caller that is cancelled must not leave its answer to the next caller.
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
            f"the cloud on this machine ended with code {code}, its reason is above"
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
    """Broker, the shipped IoT rule, Kinesis and a consumer, on loopback, until the end.

    Raises LocalCloudError.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "gateway.simulation.cloud.process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_MAX_BYTES,
        process_group=0,  # Ctrl-C is for the parent, which still needs its cloud then
    )
    try:
        port = (await _read_answer(process))["port"]
        yield LocalCloud(process, CloudConfig(endpoint=LOOPBACK, port=port, plaintext=True))
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(END_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
