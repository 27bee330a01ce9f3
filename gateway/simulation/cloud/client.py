"""The cloud that a fleet races through: one on this machine, or the one of a config."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.config.schema import CloudConfig
from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.extra import LOOPBACK
from gateway.simulation.fleet.errors import FleetError

#: Long enough for a busy machine; the process ends by itself when its input closes.
END_TIMEOUT_S = 15.0
#: The result has a line for every racer.
LINE_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamResult:
    """What the backend has made of the stream."""

    records: int
    duplicates: int
    unreadable: int
    rule_failures: int
    shards: dict[int, list[str]]
    standings: list[Standing]


class Stream(Protocol):
    """The stream behind a cloud, if it can be read."""

    async def count(self) -> int:
        """Records that have come so far."""
        ...

    async def result(self) -> StreamResult:
        """To be asked once, when everything was acknowledged that will be."""
        ...


class LocalCloud:
    """A Stream. Made by `open_local_cloud`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asking = asyncio.Lock()

    async def start(self) -> CloudConfig:
        """Wait until it is ready; gives how to reach its broker. Raises FleetError."""
        port = (await self._hear())["port"]
        return CloudConfig(endpoint=LOOPBACK, port=port, plaintext=True)

    async def count(self) -> int:
        return int((await self._ask("count"))["records"])

    async def result(self) -> StreamResult:
        said = await self._ask("result")
        return StreamResult(
            records=said["records"],
            duplicates=said["duplicates"],
            unreadable=said["unreadable"],
            rule_failures=said["rule_failures"],
            shards={int(race_id): ids for race_id, ids in said["shards"].items()},
            standings=[Standing(**standing) for standing in said["standings"]],
        )

    async def _ask(self, question: str) -> dict[str, Any]:
        # Who is cancelled while asking must not leave the answer to whoever asks next.
        return await asyncio.shield(self._exchange(question))

    async def _exchange(self, question: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        async with self._asking:
            self._process.stdin.write(f"{question}\n".encode())
            return await self._hear()

    async def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            code = await self._process.wait()
            raise FleetError(
                f"the cloud on this machine ended with code {code}, its reason is above; "
                "`alleycat-gateway demo` uses the same one, or name another with --config"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def open_local_cloud() -> AsyncIterator[LocalCloud]:
    """Broker, the shipped IoT rule, Kinesis and a consumer, on loopback, until the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "gateway.simulation.cloud.process"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_MAX_BYTES,
        process_group=0,  # Ctrl-C is for the fleet, which still needs its cloud then
    )
    try:
        yield LocalCloud(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
