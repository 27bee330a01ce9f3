"""Publisher: decides what is sent next and what an answer means. Policy only, over an Uplink."""

import asyncio
from random import Random

import structlog

from gateway.backoff import Backoff
from gateway.buffer import Buffer
from gateway.clock import NS_PER_S, Clock
from gateway.send_order import Entry
from gateway.uplink import Answer, Uplink, Verdict

#: Messages on their way at once. IoT Core allows 100 unacknowledged.
WINDOW = 32
#: Refusals after which a message is set aside.
STRIKES = 3
#: Messages that may go at once before the pace holds.
BURST = 16

log = structlog.get_logger()


class Pace:
    """A token bucket: `rate_per_s` in the long run, `burst` at once."""

    def __init__(self, rate_per_s: float, burst: int, now_ns: int) -> None:
        self._ns_per_token = round(NS_PER_S / rate_per_s)
        self._burst_ns = burst * self._ns_per_token
        #: When the bucket was, or will be, empty.
        self._empty_ns = now_ns - self._burst_ns

    def take(self, now_ns: int) -> None:
        self._empty_ns = max(self._empty_ns, now_ns - self._burst_ns) + self._ns_per_token

    def ready_ns(self) -> int:
        """When there is a token."""
        return self._empty_ns + self._ns_per_token


class Publisher:
    """Sends what the Buffer hands out and tells it what became of it. An UplinkListener.

    A refused message is a strike against it. Any answer but an acceptance also makes the
    publisher pause, doubling, and send one message at a time until one is accepted: a broker that
    refuses everything is neither hammered nor does it get everything quarantined in no time.
    """

    def __init__(
        self, buffer: Buffer, uplink: Uplink, clock: Clock, random: Random, rate_per_s: float
    ) -> None:
        self._buffer = buffer
        self._uplink = uplink
        self._clock = clock
        self._in_flight: dict[int, Entry] = {}
        self._strikes: dict[int, int] = {}
        self._pause = Backoff(random)
        self._paused_until_ns = 0
        self._window = WINDOW
        self._pace = Pace(rate_per_s, BURST, clock.monotonic_ns())
        self._wake = asyncio.Event()
        self._answered = asyncio.Event()
        self._reason = "not connected yet"
        self.connected = False
        self.accepted = 0
        buffer.on_available = self._wake.set

    @property
    def state(self) -> str:
        """ "connected", or why not."""
        return "connected" if self.connected else self._reason

    async def run(self) -> None:
        self._uplink.start(self)
        while True:
            resume_ns = await self._send()
            await self._clock.wait(self._wake, resume_ns)
            self._wake.clear()

    async def drained(self) -> None:
        """Return when everything is acknowledged, or nothing can be."""
        while self.connected and self._buffer.status.depth > 0:
            self._answered.clear()
            await self._answered.wait()

    def on_up(self) -> None:
        self.connected = self._buffer.online = True
        self._paused_until_ns = 0
        self._pause.reset()
        self._window = WINDOW
        log.info("cloud connected", buffered=self._buffer.status.depth)
        self._wake.set()

    def on_down(self, reason: str) -> None:
        changed = self.connected or reason != self._reason
        self.connected = self._buffer.online = False
        self._answered.set()
        self._reason = reason
        if changed:
            log.warning("cloud not connected", reason=reason)

    def on_answer(self, ticket: int, answer: Answer) -> None:
        entry = self._in_flight.pop(ticket)
        self._answered.set()
        match answer.verdict:
            case Verdict.ACCEPTED:
                self._accept(entry)
            case Verdict.RETRY:
                self._buffer.give_back(entry)
                self._hold(answer.reason)
            case Verdict.REFUSED:
                self._strike(entry, answer.reason)
                self._hold(answer.reason)
        self._wake.set()

    async def _send(self) -> int | None:
        """Send what may go now; gives when more may go, None if only an event can tell."""
        while self.connected and len(self._in_flight) < self._window:
            now_ns = self._clock.monotonic_ns()
            ready_ns = max(self._paused_until_ns, self._pace.ready_ns())
            if ready_ns > now_ns:
                return ready_ns
            entry = await self._buffer.take()
            if entry is None:
                return None
            if not self.connected:  # lost while the message was read from disk
                self._buffer.give_back(entry)
                return None
            self._pace.take(now_ns)
            self._in_flight[entry.id] = entry
            self._uplink.publish(entry.id, entry.payload)
        return None

    def _accept(self, entry: Entry) -> None:
        self.accepted += 1
        self._buffer.acknowledge(entry)
        self._strikes.pop(entry.id, None)
        self._pause.reset()
        self._window = WINDOW

    def _strike(self, entry: Entry, reason: str) -> None:
        strikes = self._strikes.get(entry.id, 0) + 1
        self._strikes[entry.id] = strikes
        if strikes < STRIKES:
            self._buffer.give_back(entry)
            return
        del self._strikes[entry.id]
        self._buffer.quarantine(entry, reason)
        log.error("message quarantined", race_id=entry.race_id, strikes=strikes, reason=reason)

    def _hold(self, reason: str) -> None:
        self._window = 1
        now_ns = self._clock.monotonic_ns()
        if self.connected and now_ns >= self._paused_until_ns:
            pause_s = self._pause.next_s()
            self._paused_until_ns = now_ns + round(pause_s * NS_PER_S)
            log.warning("publish not accepted", reason=reason, pause_s=round(pause_s, 1))
