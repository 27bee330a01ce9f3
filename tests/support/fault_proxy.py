"""AWS IoT Core on a bad day: a proxy in front of a real broker that misbehaves on request.

TLS ends here on both sides, so that single MQTT 5 packets can be lost, changed or delayed. The
proxy has its own thread and loop: synchronous and asynchronous tests may call its methods from any
thread, and the requested fault is active when they return.
"""

import asyncio
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from tests.support.faulty_link import Fate, Faults, Link, Stream, Treatment
from tests.support.mosquitto import Authority, Credentials

LOOPBACK = "127.0.0.1"
TIMEOUT_S = 10.0


class FaultProxy:
    """A context manager: a proxy on `port` of 127.0.0.1, and its faults.

    `counts` contains the number of packets "delayed", "held back", "swallowed"; of connections
    "cut"; of "puback dropped", "puback duplicated", "puback reordered"; of publishes "discarded" or
    answered with "puback 0x97" or "disconnect 0x8b" (each reason separately). Refused connections
    are not seen and not counted.
    """

    def __init__(self, broker_port: int, authority: Authority, seed: int = 1) -> None:
        self._broker_port = broker_port
        self._server_tls = _tls(ssl.Purpose.CLIENT_AUTH, authority.issue(LOOPBACK))
        self._client_tls = _tls(ssl.Purpose.SERVER_AUTH, authority.issue("fault-proxy"))
        self._faults = Faults(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        # This socket never listens. It reserves the port while connections are refused.
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._placeholder.bind((LOOPBACK, 0))
        self.port: int = self._placeholder.getsockname()[1]
        self._listener: socket.socket | None = None
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._bugs: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._faults.flowing.set)
        self._do(self._listen)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(TIMEOUT_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._placeholder.close()
        for bug in self._bugs:
            raise bug

    @property
    def counts(self) -> Counter[str]:
        return self._faults.counts

    def set_latency(self, delay_s: float, jitter_s: float = 0.0) -> None:
        """Delay each packet, both ways, by `delay_s` to `delay_s` + `jitter_s`, in order."""
        self._faults.delay_s, self._faults.jitter_s = delay_s, jitter_s

    def stall(self) -> None:
        """Hold back all packets, both ways, until `flow`."""
        self._do(self._faults.flowing.clear)

    def flow(self) -> None:
        self._do(self._faults.flowing.set)

    def half_open(self) -> None:
        """Keep present connections open, but never let anything through them again."""
        self._do(self._half_open)

    def cut(self) -> None:
        """Reset all connections, on both sides."""
        self._do(self._cut)

    def refuse_connections(self) -> None:
        """Refuse new connections until `accept_connections`."""
        self._do(self._deafen)

    def accept_connections(self) -> None:
        self._do(self._listen)

    def drop_pubacks(self, probability: float) -> None:
        self._faults.drop = probability

    def duplicate_pubacks(self, probability: float) -> None:
        self._faults.duplicate = probability

    def reorder_pubacks(self, probability: float) -> None:
        """Let the next PUBACK overtake one, with this probability."""
        self._faults.reorder = probability

    def refuse_publishes(self, probability: float, *reasons: int) -> None:
        """Answer publishes with one of `reasons` instead of forwarding them."""
        self._faults.refuse_reasons, self._faults.refuse = reasons, probability

    def disconnect_at(self, nth_publish: int, reason: int) -> None:
        """Disconnect once instead of forwarding the n-th PUBLISH from now; 1 is the next."""
        self._faults.disconnect_reason = reason
        self._faults.publishes_until_disconnect = nth_publish

    def limit_publishes(self, per_s: int | None) -> None:
        """Discard, without an answer, publishes above `per_s` on a connection in any second."""
        self._faults.publishes_per_s = per_s

    def refuse_marked(self, marker: bytes, reason: int) -> None:
        """Refuse every publish with `marker` in its payload; `heal` does not end this."""
        self._faults.poisons[marker] = Fate(Treatment.REFUSE, reason)

    def disconnect_marked(self, marker: bytes, reason: int) -> None:
        """Disconnect at every publish with `marker` in its payload; `heal` does not end this."""
        self._faults.poisons[marker] = Fate(Treatment.DISCONNECT, reason)

    def heal(self) -> None:
        """End all faults that can be ended; half-open connections stay half-open."""
        self.set_latency(0.0)
        self.drop_pubacks(0.0)
        self.duplicate_pubacks(0.0)
        self.reorder_pubacks(0.0)
        self.refuse_publishes(0.0)
        self.disconnect_at(0, 0)
        self.limit_publishes(None)
        self.flow()
        self.accept_connections()

    def _do(self, change: Callable[[], object]) -> None:
        async def do() -> None:
            change()

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(TIMEOUT_S)

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port), reuse_port=True)
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    def _deafen(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            connection, _ = listener.accept()
            connection.setblocking(False)
            serving = self._loop.create_task(self._serve(connection))
            self._serving.add(serving)
            serving.add_done_callback(lambda serving: self._served(serving, connection))

    def _served(self, serving: asyncio.Task[None], connection: socket.socket) -> None:
        self._serving.discard(serving)
        connection.close()  # of a task that was cancelled before it began
        if not serving.cancelled() and (bug := serving.exception()) is not None:
            self._bugs.append(bug)

    async def _serve(self, connection: socket.socket) -> None:
        # Without a TLS client or a broker there is nothing to relay.
        with suppress(OSError):
            client = await _accept_tls(connection, self._server_tls)
            with _aborted_at_the_end(client):
                broker = await asyncio.open_connection(
                    LOOPBACK, self._broker_port, ssl=self._client_tls
                )
                with _aborted_at_the_end(broker):
                    await self._relay(Link(self._faults, client, broker))

    async def _relay(self, link: Link) -> None:
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    def _half_open(self) -> None:
        for link in self._links:
            link.half_open()

    def _cut(self) -> None:
        self._faults.counts["cut"] += len(self._links)
        for link in self._links:
            link.reset()
        for serving in self._serving:
            serving.cancel()

    async def _end(self) -> None:
        self._deafen()
        self._cut()
        await asyncio.gather(*self._serving, return_exceptions=True)


def _tls(purpose: ssl.Purpose, credentials: Credentials) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=str(credentials.ca_file))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(credentials.certificate_file, credentials.private_key_file)
    return context


async def _accept_tls(connection: socket.socket, tls: ssl.SSLContext) -> Stream:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=tls)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


@contextmanager
def _aborted_at_the_end(stream: Stream) -> Iterator[None]:
    try:
        yield
    finally:
        stream[1].transport.abort()
