"""The pages of a whole gateway in virtual time, on a real socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession

from gateway.status.snapshot import GatewayStatus
from gateway.web.server import serve_web
from tests.support.gateways import VirtualGateway, config
from tests.support.mosquitto import free_port
from tests.support.statuses import gateway_status

RACE_START_MS = 5_400_763 * 300_000

#: The config file of a gateway that has none.
FILE = Path("/nonexistent/gateway.toml")

Event = tuple[str, Any]


async def next_event(stream: ClientResponse) -> Event:
    """Return the name of the next event, and its parsed data."""
    async with asyncio.timeout(20):
        name = (await stream.content.readline()).removeprefix(b"event: ").strip().decode()
        data = (await stream.content.readline()).removeprefix(b"data: ")
        assert await stream.content.readline() == b"\n"
    return name, json.loads(data)


async def event_named(stream: ClientResponse, name: str) -> Any:
    """Return the data of the next event with this name."""
    while True:
        found, data = await next_event(stream)
        if found == name:
            return data


async def ask_raw(port: int, request: bytes) -> str:
    """Return all that comes back for these bytes, until the server closes the connection."""
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer.decode()


@dataclass(frozen=True, slots=True)
class Pages:
    """A gateway with pages, and a client of them."""

    virtual: VirtualGateway
    session: ClientSession
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def post(self, path: str, body: object, **headers: str) -> ClientResponse:
        """Post JSON as a page does; the answer is read."""
        sent = {"Origin": self.url, "Content-Type": "application/json", **headers}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(f"{self.url}{path}", data=data, headers=sent) as answer:
            await answer.read()
            return answer

    @asynccontextmanager
    async def stream(self, page: str = "rider") -> AsyncIterator[ClientResponse]:
        async with self.session.get(f"{self.url}/events?page={page}") as stream:
            yield stream


@asynccontextmanager
async def serving(
    state_dir: Path,
    bikes: int = 1,
    *,
    race: dict[str, Any] | None = None,
    metrics: dict[str, Any] | None = None,
    file: Path = FILE,
    **web: Any,
) -> AsyncIterator[Pages]:
    """Run a gateway whose pages are on loopback, at a free port."""
    port = free_port()
    web = {"port": port, **web}
    settings = config(state_dir, [{}] * bikes, race=race, metrics=metrics, web=web)
    virtual = VirtualGateway(settings, RACE_START_MS)
    async with serve_web(settings, virtual.gateway.race_side, file), ClientSession() as session:
        await virtual.start()
        yield Pages(virtual, session, port)
        await virtual.stop()


class SilentObserver:
    """The status of a gateway that has nothing to note."""

    def note(self, text: str) -> None:
        raise AssertionError(f"noted: {text}")

    def note_name(self, text: str | None) -> None:
        raise AssertionError(f"noted: {text}")

    def status(self) -> GatewayStatus:
        return gateway_status()
