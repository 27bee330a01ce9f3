"""A client's connection and the broker's, with the faults between them.

A link belongs to one event loop; other threads use `fault_proxy.py`.
"""

import asyncio
import socket
import struct
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random

from tests.support.mqtt_packets import (
    Kind,
    Splitter,
    encode_disconnect,
    encode_puback,
    kind_of,
    parse_publish,
)

CHUNK_BYTES = 65_536
#: How long a client has to read a DISCONNECT before its connection is closed, in seconds.
LINGER_S = 0.2
#: How long a PUBACK waits to be overtaken, in seconds; then it is sent anyway.
OVERTAKING_S = 0.25
#: Sliding window of the limit on publishes, in seconds.
WINDOW_S = 1.0
#: SO_LINGER for a connection that ends with a reset.
RESET = struct.pack("ii", 1, 0)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Treatment(Enum):
    """The ways to treat a PUBLISH."""

    FORWARD = auto()
    REFUSE = auto()  # answered with an error; the broker never sees it
    DISCONNECT = auto()  # answered with the end of the connection; the broker never sees it


@dataclass(frozen=True, slots=True)
class Fate:
    treatment: Treatment
    reason: int = 0


@dataclass
class Faults:
    """The current faults. Delays are in seconds, probabilities 0 … 1.

    Each kind of fault has its own random numbers, so that only the seed decides, and not the order
    in which publishes and answers arrive.
    """

    seed: int
    randoms: dict[str, Random] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    poisons: dict[bytes, Fate] = field(default_factory=dict)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    delay_s: float = 0.0
    jitter_s: float = 0.0
    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    refuse: float = 0.0
    refuse_reasons: tuple[int, ...] = ()
    disconnect_reason: int = 0
    publishes_until_disconnect: int = 0
    publishes_per_s: int | None = None

    def chance(self, fault: str) -> Random:
        return self.randoms.setdefault(fault, Random(f"{self.seed}/{fault}"))

    def happens(self, fault: str, probability: float) -> bool:
        return self.chance(fault).random() < probability

    def next_delay_s(self) -> float:
        return self.delay_s + self.chance("jitter").uniform(0, self.jitter_s)

    def fate_of(self, payload: bytes) -> Fate:
        for marker, fate in self.poisons.items():
            if marker in payload:
                return fate
        if self.publishes_until_disconnect > 0:
            self.publishes_until_disconnect -= 1
            if self.publishes_until_disconnect == 0:
                return Fate(Treatment.DISCONNECT, self.disconnect_reason)
        if self.happens("refuse", self.refuse):
            return Fate(Treatment.REFUSE, self.chance("reason").choice(self.refuse_reasons))
        return Fate(Treatment.FORWARD)


class Ended(Exception):
    """A connection has ended, so the other side's must end too."""


class Pipe:
    """The packets in transit to one side, delivered in order and not before they are due."""

    def __init__(self, faults: Faults, writer: asyncio.StreamWriter) -> None:
        self._faults = faults
        self._writer = writer
        self._socket = writer.get_extra_info("socket")
        #: (due time on the loop's clock, packet or None for the end)
        self._queue: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue()
        self._last_due_s = 0.0
        self.is_dead = False

    def send(self, packet: bytes) -> None:
        delay_s = self._faults.next_delay_s()
        if delay_s > 0:
            self._faults.counts["delayed"] += 1
        self._put(packet, delay_s)

    def end(self, after_s: float = 0.0) -> None:
        self._put(None, after_s)

    async def run(self) -> None:
        """Deliver the packets; raise Ended at the end."""
        loop = asyncio.get_running_loop()
        while True:
            due_s, packet = await self._queue.get()
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            if not self._faults.flowing.is_set():
                self._faults.counts["held back"] += 1
                await self._faults.flowing.wait()
            if packet is None:
                raise Ended
            if self.is_dead:
                self._faults.counts["swallowed"] += 1
                continue
            self._writer.write(packet)
            await self._writer.drain()

    def reset(self) -> None:
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()

    def _put(self, packet: bytes | None, delay_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        self._last_due_s = max(self._last_due_s, now_s + delay_s)
        self._queue.put_nowait((self._last_due_s, packet))


class Link:
    """A client's connection, and the matching one to the broker."""

    def __init__(self, faults: Faults, client: Stream, broker: Stream) -> None:
        self._faults = faults
        self._from_client, self._to_client = client[0], Pipe(faults, client[1])
        self._from_broker, self._to_broker = broker[0], Pipe(faults, broker[1])
        self._passed_s: deque[float] = deque()
        self._held: bytes | None = None
        self._is_half_open = False
        self._is_disconnected = False

    async def run(self) -> None:
        """Run until either side ends."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read_client())
                tasks.create_task(self._read_broker())
                tasks.create_task(self._to_client.run())
                tasks.create_task(self._to_broker.run())
        except* (Ended, OSError):
            pass

    def half_open(self) -> None:
        """Let nothing through from now on; this cannot be undone."""
        self._is_half_open = self._to_client.is_dead = self._to_broker.is_dead = True

    def reset(self) -> None:
        self._to_client.reset()
        self._to_broker.reset()

    async def _read_client(self) -> None:
        splitter = Splitter()
        while chunk := await self._from_client.read(CHUNK_BYTES):
            for packet in splitter.feed(chunk):
                if self._is_half_open:
                    self._faults.counts["swallowed"] += 1
                elif kind_of(packet) == Kind.PUBLISH:
                    self._publish(packet)
                elif not self._is_disconnected:
                    self._to_broker.send(packet)
        self._to_broker.end()

    async def _read_broker(self) -> None:
        splitter = Splitter()
        while chunk := await self._from_broker.read(CHUNK_BYTES):
            for packet in splitter.feed(chunk):
                if kind_of(packet) == Kind.PUBACK:
                    self._acknowledge(packet)
                else:
                    self._to_client.send(packet)
        if not self._is_half_open:
            self._to_client.end()

    def _publish(self, packet: bytes) -> None:
        if self._is_disconnected:
            return
        if self._is_too_many():
            self._faults.counts["discarded"] += 1
            return
        publish = parse_publish(packet)
        fate = self._faults.fate_of(publish.payload)
        if fate.treatment is Treatment.FORWARD:
            self._to_broker.send(packet)
        elif fate.treatment is Treatment.DISCONNECT:
            self._disconnect(fate.reason)
        elif publish.packet_id is not None:
            self._faults.counts[f"puback {fate.reason:#04x}"] += 1
            self._acknowledge(encode_puback(publish.packet_id, fate.reason))

    def _is_too_many(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        while self._passed_s and self._passed_s[0] <= now_s - WINDOW_S:
            self._passed_s.popleft()
        limit = self._faults.publishes_per_s
        if limit is not None and len(self._passed_s) >= limit:
            return True
        self._passed_s.append(now_s)
        return False

    def _disconnect(self, reason: int) -> None:
        self._faults.counts[f"disconnect {reason:#04x}"] += 1
        self._is_disconnected = True
        self._to_client.send(encode_disconnect(reason))
        self._to_client.end(LINGER_S)

    def _acknowledge(self, puback: bytes) -> None:
        if self._faults.happens("drop", self._faults.drop):
            self._faults.counts["puback dropped"] += 1
            return
        if self._held is None and self._faults.happens("reorder", self._faults.reorder):
            self._held = puback
            asyncio.get_running_loop().call_later(OVERTAKING_S, self._release, puback)
            return
        self._to_client.send(puback)
        if self._faults.happens("duplicate", self._faults.duplicate):
            self._faults.counts["puback duplicated"] += 1
            self._to_client.send(puback)
        if self._held is not None:
            self._faults.counts["puback reordered"] += 1
            self._release(self._held)

    def _release(self, puback: bytes) -> None:
        if self._held is puback:
            self._held = None
            self._to_client.send(puback)
