"""The daemon's side of `tail`: sends each message to the readers of a socket as it goes out.

A reader cannot delay a race: nothing waits for it. Events that a slow reader does not receive in
time are skipped and counted, and without readers nothing is done at all.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from gateway.host.sockets import ConnectionLimit, noted_unix_socket, socket_directory
from gateway.status.observer import Observer
from gateway.tail.client import FILE_NAME
from gateway.tail.events import TailState, message_line, skipped_line
from gateway.telemetry.message import Telemetry

#: All local users can read the messages, as they can the status, and for the same reasons.
MODE = 0o666
#: Limits the readers connected at once; further ones are disconnected.
READERS_MAX = 16
#: Limit of the write buffer of a reader, in bytes: some three minutes of one bike.
UNREAD_MAX_BYTES = 64 * 1024


class TailReaders:
    """The readers of `tail`. Each receives the events that happen while it is connected."""

    def __init__(self) -> None:
        #: The number of events that each reader has missed since it last received one.
        self._skipped: dict[asyncio.StreamWriter, int] = {}

    def on_produced(self, message: Telemetry) -> None:
        if self._skipped:
            self._send("produced", message.to_json())

    def on_acknowledged(self, payload: bytes) -> None:
        if self._skipped:
            self._send("acknowledged", payload)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a reader until it closes the connection, or sends anything: it is no reader."""
        self._skipped[writer] = 0
        try:
            await reader.read(1)
        finally:
            del self._skipped[writer]

    def _send(self, state: TailState, payload: bytes) -> None:
        line = message_line(state, payload)
        for writer, skipped in self._skipped.items():
            if writer.transport.get_write_buffer_size() >= UNREAD_MAX_BYTES:
                self._skipped[writer] += 1
                continue
            if skipped:
                self._skipped[writer] = 0
                writer.write(skipped_line(skipped))
            writer.write(line)


def serve_tail(
    state_dir: Path, readers: TailReaders, observer: Observer
) -> AbstractAsyncContextManager[None]:
    """Serve readers until the context ends. If the socket fails, note it: the race goes on."""
    path = socket_directory(state_dir) / FILE_NAME
    connections = ConnectionLimit(readers.serve, READERS_MAX)
    return noted_unix_socket(path, MODE, connections, "tail is not available at", observer.note)
