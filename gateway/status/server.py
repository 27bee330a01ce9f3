"""Servers of the daemon's status, and of its metrics if they are configured.

The status socket sends each client one line of JSON. The metrics are a page for Prometheus over
HTTP, on loopback only.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from gateway.config.schema import Config
from gateway.host.sockets import BriefConnections, open_unix_socket, socket_directory
from gateway.status.client import FILE_NAME
from gateway.status.observer import StatusSource
from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus

#: All local users can read the status without sudo: it contains only what the leaderboard and the
#: journal show, the socket accepts no commands, and a status that needs sudo would not be read.
MODE = 0o666
#: Limits the clients connected at once; further ones are disconnected.
CLIENTS_MAX = 16
#: A client that has not read the line within this time, in seconds, is disconnected.
WRITE_TIMEOUT_S = 2.0

METRICS_HOST = "127.0.0.1"
#: Host headers that are accepted. Others are refused, so that a web site cannot read the metrics
#: through the browser of a local user (DNS rebinding).
METRICS_HOST_NAMES = ("127.0.0.1", "localhost")
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Limits one request and its response, in seconds.
METRICS_TIMEOUT_S = 5.0
REQUEST_MAX_BYTES = 8192
METRICS_CLIENTS_MAX = 8


@asynccontextmanager
async def serve_status(config: Config, observer: StatusSource) -> AsyncIterator[None]:
    """Serve status and metrics while the gateway runs.

    If either cannot be served, the status contains a note about it and the race goes on.
    """
    async with AsyncExitStack() as stack:
        path = socket_directory(config.state_dir) / FILE_NAME
        socket = open_status_socket(path, lambda: status_to_json(observer.status()))
        try:
            await stack.enter_async_context(socket)
        except OSError as error:
            observer.note(f"cannot serve the status at {path}: {error.strerror or error}")
        port = config.metrics.port
        if port is not None:
            try:
                await stack.enter_async_context(open_metrics_server(port, observer.status))
            except OSError as error:
                reason = error.strerror or error
                observer.note(f"metrics.port {port}: {reason}; expected a free port")
        yield


@asynccontextmanager
async def open_status_socket(path: Path, answer: Callable[[], bytes]) -> AsyncIterator[None]:
    """Send the result of `answer` to each client. Replaces a socket that a killed daemon has left.

    Raises OSError if the socket cannot be created.
    """

    async def serve(_: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        client.write(answer())

    connections = BriefConnections(serve, CLIENTS_MAX, WRITE_TIMEOUT_S)
    async with open_unix_socket(path, MODE, connections):
        yield


@asynccontextmanager
async def open_metrics_server(
    port: int, status: Callable[[], GatewayStatus]
) -> AsyncIterator[None]:
    """Serve http://127.0.0.1:<port>/metrics. Raises OSError if the port cannot be used."""
    # Imported here to save its memory in a gateway without metrics.
    from gateway.status.metrics import metrics_text  # noqa: PLC0415

    async def serve(reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        client.write(_response(request.decode("latin-1"), lambda: metrics_text(status())))

    connections = BriefConnections(serve, METRICS_CLIENTS_MAX, METRICS_TIMEOUT_S)
    server = await asyncio.start_server(
        connections, METRICS_HOST, port, limit=REQUEST_MAX_BYTES, backlog=METRICS_CLIENTS_MAX
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
    if not set(names) <= set(METRICS_HOST_NAMES):
        return _message(HTTPStatus.FORBIDDEN, b"expected a request to 127.0.0.1 or localhost\n")
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
