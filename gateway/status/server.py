"""What the daemon tells of itself: its status on a socket, and its metrics if they are wanted."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.config.schema import Config
from gateway.status.metrics_server import open_metrics_server
from gateway.status.observer import Observer
from gateway.status.report import status_to_json
from gateway.status.socket import open_status_socket, socket_path


@asynccontextmanager
async def serve_status(config: Config, observer: Observer) -> AsyncIterator[None]:
    """Serve both while the gateway runs. What cannot be served is a note: the race goes on."""
    async with AsyncExitStack() as stack:
        path = socket_path(config.state_dir)
        socket = open_status_socket(path, lambda: status_to_json(observer.status()))
        try:
            await stack.enter_async_context(socket)
        except OSError as error:
            observer.note(f"no status at {path}: {error.strerror or error}")
        port = config.metrics.port
        if port is not None:
            try:
                await stack.enter_async_context(open_metrics_server(port, observer.status))
            except OSError as error:
                reason = error.strerror or error
                observer.note(f"metrics.port {port}: {reason}; expected a port that is free")
        yield
