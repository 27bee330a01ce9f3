"""Publisher: decides which message is sent next and what an answer means. An Uplink sends it."""

import asyncio
from random import Random

import structlog

from gateway.buffer.buffer import Buffer
from gateway.buffer.send_order import Entry
from gateway.cloud.pace import Pace
from gateway.cloud.uplink import Answer, Uplink, Verdict
from gateway.timing.backoff import Backoff
from gateway.timing.clock import GatewayClock
from gateway.timing.pulse import Pulse
from gateway.timing.rate import Rate
from gateway.timing.units import NS_PER_S

#: Limit of messages in flight. IoT Core allows 100 unacknowledged ones.
WINDOW = 32
#: The number of strikes after which a message is quarantined.
STRIKES = 3
#: A struck message waits this long for each strike, while others are sent.
STAND_BACK_NS = 2 * NS_PER_S
#: A message may be the reason for a disconnect if it was sent at most this long before.
SUSPICION_NS = 5 * NS_PER_S

#: The longest wait for an answer. After it, none will come.
ANSWER_BY_NS = 60 * NS_PER_S

log = structlog.get_logger()


class Publisher:
    """A sender of the Buffer's messages over one connection, which handles their answers.

    | answer | consequence |
    |---|---|
    | ACCEPTED | the message is forgotten |
    | RETRY | the message is sent again; all messages pause for a doubling time, and are sent one at a time until one is accepted |
    | SLOW_DOWN | the message is sent again; the pace is halved, and regained with acceptances |
    | REFUSED | the message gets a strike; after consecutive refusals all pause as for RETRY, because the cause is then probably not the message |
    | SUSPECT | the message is sent again alone, in turns with the next ones; if the broker disconnects on it alone, it gets a strike |

    A struck message waits while others are sent, and is then sent alone. After three strikes it is
    quarantined with the last reason. `rate_per_s` applies to backlog; live messages only respect
    IoT Core's limits.
    """  # noqa: E501

    def __init__(
        self, buffer: Buffer, uplink: Uplink, clock: GatewayClock, random: Random, rate_per_s: float
    ) -> None:
        self._buffer = buffer
        self._uplink = uplink
        self._clock = clock
        self._in_flight: dict[int, Entry] = {}
        self._next_ticket = 1
        self._standing_back: list[tuple[int, Entry]] = []
        self._pause = Backoff(random)
        self._paused_until_ns = 0
        self._one_at_a_time = False
        self._refused_last = False
        #: Messages to be sent alone. In the buffer's order newer ones would starve them.
        self._suspects: list[Entry] = []
        #: The suspect that is in flight alone.
        self._probe: Entry | None = None
        self._was_probing = False
        self._pace = Pace(rate_per_s, clock.monotonic_ns())
        self._wake = asyncio.Event()
        self.pulse = Pulse("publisher", clock, self._wake.set)
        self._answered = asyncio.Event()
        self._reason = "not connected yet"
        self.connected = False
        #: When it was connected or lost its connection.
        self.since_ns = clock.monotonic_ns()
        self.accepted = 0
        self._acceptances = Rate(clock.monotonic_ns())
        buffer.on_available.append(self._wake.set)

    @property
    def state(self) -> str:
        """The text "connected", or the reason why it is not."""
        return "connected" if self.connected else self._reason

    @property
    def pace_share(self) -> float:
        """The part of the full pace that the broker accepts at present, 0 … 1."""
        return self._pace.share

    @property
    def accepted_per_s(self) -> float:
        return self._acceptances.per_s(self._clock.monotonic_ns())

    async def run(self) -> None:
        self._uplink.start(self)
        while True:
            if not self._misses_an_answer:
                self.pulse.beat()
            resume_ns = self._send()
            await self._clock.wait(self._wake, resume_ns)
            self._wake.clear()

    async def drained(self) -> None:
        """Wait until everything is acknowledged, or the connection is lost."""
        while self.connected and self._buffer.status.depth > 0:
            self._answered.clear()
            # Another sender may have received the last answer.
            soon_ns = self._clock.monotonic_ns() + NS_PER_S // 10
            await self._clock.wait(self._answered, soon_ns)

    def on_up(self) -> None:
        if not self.connected:
            self._buffer.senders_online += 1
            self.since_ns = self._clock.monotonic_ns()
        self.connected = True
        self._paused_until_ns = 0
        self._pause.reset()
        self._one_at_a_time = False
        log.info("cloud connected", buffered=self._buffer.status.depth)
        self._wake.set()

    def on_down(self, reason: str) -> None:
        changed = self.connected or reason != self._reason
        if self.connected:
            self._buffer.senders_online -= 1
            self.since_ns = self._clock.monotonic_ns()
        self.connected = False
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
                self._again(entry)
                self._hold(answer.reason)
            case Verdict.SLOW_DOWN:
                self._again(entry)
                self._slow_down(answer.reason)
            case Verdict.REFUSED:
                self._refuse(entry, answer.reason)
            case Verdict.SUSPECT:
                self._suspect(entry, answer.reason)
        if entry is self._probe:
            self._probe = None
        # An acceptance with nothing left to send, as nearly every one at 1 Hz, needs no wake-up.
        if answer.verdict is not Verdict.ACCEPTED or self._next() is not None:
            self._wake.set()

    def _send(self) -> int | None:
        """Send what may be sent now; return when more may be, None if that needs an event."""
        self._let_return()
        while self.connected and len(self._in_flight) < self._window:
            entry = self._next()
            if entry is None:
                break
            now_ns = self._clock.monotonic_ns()
            pace_ns = self._pace.ready_ns(is_live=self._buffer.is_live(entry))
            ready_ns = max(self._paused_until_ns, pace_ns)
            if ready_ns > now_ns:
                return min(ready_ns, self._next_return_ns() or ready_ns)
            self._pace.take(len(entry.payload), now_ns)
            self._publish(entry, now_ns)
        return self._next_return_ns()

    def _next(self) -> Entry | None:
        """Return the next message: the buffer's head and a suspect in turns."""
        for entry in [suspect for suspect in self._suspects if suspect.done]:  # evicted
            self._suspects.remove(entry)
            self._buffer.give_back(entry)
        head = self._buffer.head()
        if self._suspects and (head is None or not self._was_probing):
            return self._suspects[0]
        return head

    def _publish(self, entry: Entry, now_ns: int) -> None:
        self._was_probing = entry in self._suspects
        if self._was_probing:
            self._suspects.remove(entry)
            self._probe = entry
        else:
            self._buffer.take(entry)
        entry.sent_ns = now_ns
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._in_flight[ticket] = entry
        self._uplink.publish(ticket, entry.payload)

    @property
    def _misses_an_answer(self) -> bool:
        """Whether an answer is overdue; the uplink should have timed out by itself."""
        oldest_ns = min((entry.sent_ns for entry in self._in_flight.values()), default=None)
        return oldest_ns is not None and self._clock.monotonic_ns() - oldest_ns > ANSWER_BY_NS

    @property
    def _window(self) -> int:
        return 1 if self._one_at_a_time or self._suspects or self._probe else WINDOW

    def _again(self, entry: Entry) -> None:
        if entry is self._probe:
            self._suspects.insert(0, entry)
        else:
            self._buffer.give_back(entry)

    def _accept(self, entry: Entry) -> None:
        now_ns = self._clock.monotonic_ns()
        self.accepted += 1
        self._acceptances.add(now_ns)
        self._buffer.acknowledge(entry)
        self._pace.accepted(now_ns)
        self._pause.reset()
        self._one_at_a_time = self._refused_last = False

    def _slow_down(self, reason: str) -> None:
        was = self._pace.share
        self._pace.slow_down(self._clock.monotonic_ns())
        if self._pace.share < was:
            log.warning("sending rate halved", reason=reason, share=self._pace.share)

    def _refuse(self, entry: Entry, reason: str) -> None:
        self._strike(entry, reason)
        if self._refused_last:
            self._hold(reason)
        self._refused_last = True

    def _suspect(self, entry: Entry, reason: str) -> None:
        if self._clock.monotonic_ns() - entry.sent_ns > SUSPICION_NS:
            self._again(entry)
        elif entry is self._probe and self.accepted > entry.accepted_before:
            entry.accepted_before = self.accepted
            self._strike(entry, reason)
        elif entry is self._probe:  # a broker that accepts nothing is not refusing this message
            self._suspects.append(entry)
        else:
            entry.accepted_before = self.accepted
            self._suspects.append(entry)

    def _strike(self, entry: Entry, reason: str) -> None:
        entry.strikes += 1
        if entry.strikes < STRIKES:
            return_ns = self._clock.monotonic_ns() + entry.strikes * STAND_BACK_NS
            self._standing_back.append((return_ns, entry))
            return
        self._buffer.quarantine(entry, reason)
        log.error(
            "message put in quarantine; see `alleycat-gateway buffer quarantine`",
            race_id=entry.race_id,
            strikes=STRIKES,
            reason=reason,
        )

    def _let_return(self) -> None:
        now_ns = self._clock.monotonic_ns()
        due = [entry for return_ns, entry in self._standing_back if return_ns <= now_ns]
        self._standing_back = [one for one in self._standing_back if one[0] > now_ns]
        self._suspects += due

    def _next_return_ns(self) -> int | None:
        return min((return_ns for return_ns, _ in self._standing_back), default=None)

    def _hold(self, reason: str) -> None:
        self._one_at_a_time = True
        now_ns = self._clock.monotonic_ns()
        if self.connected and now_ns >= self._paused_until_ns:
            pause_s = self._pause.next_s()
            self._paused_until_ns = now_ns + round(pause_s * NS_PER_S)
            log.warning(
                "message not accepted; sending is paused", reason=reason, pause_s=round(pause_s, 1)
            )
