"""Metrics for Prometheus over HTTP, on loopback alone: one page, on the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

from gateway.host.sockets import BriefConnections
from gateway.status.snapshot import GatewayStatus

HOST = "127.0.0.1"
#: A page of another site must not read this one through somebody's browser.
HOST_NAMES = ("127.0.0.1", "localhost")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: For one request and its answer.
TIMEOUT_S = 5.0
REQUEST_MAX_BYTES = 8192
CLIENTS_MAX = 8


@asynccontextmanager
async def open_metrics_server(
    port: int, status: Callable[[], GatewayStatus]
) -> AsyncIterator[None]:
    """Serve http://127.0.0.1:<port>/metrics. Raises OSError if the port is not to be had."""
    # Here, because it costs memory that a gateway without metrics need not spend.
    from gateway.status.metrics import metrics_text  # noqa: PLC0415

    async def serve(reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        client.write(_response(request.decode("latin-1"), lambda: metrics_text(status())))

    connections = BriefConnections(serve, CLIENTS_MAX, TIMEOUT_S)
    server = await asyncio.start_server(
        connections, HOST, port, limit=REQUEST_MAX_BYTES, backlog=CLIENTS_MAX
    )
    try:
        yield
    finally:
        server.close()
        await connections.end()


def _response(request: str, page: Callable[[], bytes]) -> bytes:
    line, *headers = request.split("\r\n")
    method, _, rest = line.partition(" ")
    target = rest.partition(" ")[0].partition("?")[0]
    hosts = [header.partition(":")[2] for header in headers if header.lower().startswith("host:")]
    names = [host.strip().rpartition(":")[0] or host.strip() for host in hosts]
    if not set(names) <= set(HOST_NAMES):
        return _message(HTTPStatus.FORBIDDEN, b"for this machine alone\n")
    if target != "/metrics":
        return _message(HTTPStatus.NOT_FOUND, b"expected /metrics\n")
    if method not in ("GET", "HEAD"):
        return _message(HTTPStatus.METHOD_NOT_ALLOWED, b"expected GET\n")
    response = _message(HTTPStatus.OK, page())
    return response if method == "GET" else response.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def _message(status: HTTPStatus, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
