"""Publisher: decides which message is sent next and what an answer means. An Uplink sends it."""

import asyncio
from collections.abc import Callable
from random import Random

import structlog

from gateway.buffer.buffer import Buffer
from gateway.buffer.send_order import Entry
from gateway.cloud.pace import Pace
from gateway.cloud.takeovers import Takeovers
from gateway.cloud.trials import Trials
from gateway.cloud.uplink import Answer, Ending, Uplink, Verdict
from gateway.telemetry.message import is_final
from gateway.timing.backoff import Backoff
from gateway.timing.clock import GatewayClock
from gateway.timing.pulse import Pulse
from gateway.timing.rate import Rate
from gateway.timing.units import NS_PER_S

#: Limit of messages in flight. IoT Core allows 100 unacknowledged ones.
WINDOW = 32
#: A message may be the reason for a disconnect if it was sent at most this long before.
SUSPICION_NS = 5 * NS_PER_S
#: Blamed messages wait: after a quarantine, and after a reconnect until all live bikes have sent.
BLAMED_PAUSE_NS, WITNESS_BY_NS = NS_PER_S // 2, 3 * NS_PER_S // 2
#: The longest wait for an answer. After it, none will come.
ANSWER_BY_NS = 60 * NS_PER_S

log = structlog.get_logger()

#: The state before the first attempt to connect has succeeded or failed.
NOT_YET = "not connected yet"


class Publisher:
    """A sender of the Buffer's messages over one connection, which handles their answers.

    | answer | consequence |
    |---|---|
    | ACCEPTED | the message is forgotten |
    | RETRY | the message is sent again; all messages pause for a doubling time, and are sent one at a time until one is accepted |
    | SLOW_DOWN | the message is sent again; the pace is halved, and regained with acceptances or a new connection |
    | REFUSED, SUSPECT | the message is sent again alone; if it was alone already, it fails |

    A message is sent again in its place: nothing newer of its race and bike passes it. If it fails,
    it pauses and is on trial: the first message of another race or bike, its witness, is sent next.
    If that is accepted, the accused gets a strike and is sent again; if it fails after STRIKES of
    them, it is quarantined with the last reason, and the next of its bike that fails after one. If
    the witness fails, the broker is at fault: all messages pause, without a strike. Without another
    race or bike, the accused is sent until it is accepted. A hang-up after a refusal is due to the
    refusal, and no message in flight is suspected.

    A final waits until no second of its race is in flight, so that none comes after it.
    `rate_per_s` applies to backlog; live messages only respect IoT Core's limits.
    """  # noqa: E501

    def __init__(
        self, buffer: Buffer, uplink: Uplink, clock: GatewayClock, random: Random, rate_per_s: float
    ) -> None:
        self._buffer = buffer
        self._uplink = uplink
        self._clock = clock
        self._in_flight: dict[int, Entry] = {}
        self._next_ticket = 1
        self._pause = Backoff(random)
        self._paused_until_ns = 0
        self._one_at_a_time = False
        #: It is sent when nothing is in flight, and nothing is sent until it is answered.
        self._lone: Entry | None = None
        self._trials = Trials()
        #: Until then no message is sent that has failed, or whose bike is to blame.
        self._blamed_until_ns = 0
        #: The messages that were refused and are still to be sent, and why.
        self._refused: dict[Entry, str] = {}
        #: Why messages are refused, and since when; until one is accepted and none is refused.
        self._refusal: str | None = None
        self._refused_ns, self._accepted_ns = 0, -1
        #: The broker has refused a message on this connection, and accepted none since.
        self._is_refusing = False
        #: The broker has accepted a message on this connection.
        self._was_well = False
        self.takeovers = Takeovers()
        self._pace = Pace(rate_per_s, clock.monotonic_ns())
        self._wake = asyncio.Event()
        self.pulse = Pulse("publisher", clock, self._wake.set)
        self._idle = asyncio.Event()
        self.connected, self._reason = False, NOT_YET
        #: When it was connected or lost its connection.
        self.since_ns = clock.monotonic_ns()
        self.accepted = 0
        #: Called with the payload of each accepted message.
        self.on_accepted: list[Callable[[bytes], None]] = []
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

    @property
    def refusal(self) -> str | None:
        """Why the broker does not accept the last message that failed, or any; None if it does."""
        return self._refusal

    @property
    def refused_bike(self) -> str | None:
        """The bike whose message is refused while others are accepted; None if there is none."""
        bikes = {entry.bike for entry in self._refused}
        is_alone = len(bikes) == 1 and self._accepted_ns >= self._refused_ns
        blamed = (entry.bike for entry in self._refused if self._trials.is_blamed(entry))
        bike = next(blamed, bikes.pop() if is_alone else None)
        return None if bike is None else bike.decode(errors="replace")

    @property
    def lacks_witness(self) -> bool:
        """Whether no other race or bike has a message that shows if the broker is at fault."""
        return self._trials.lacks_witness

    @property
    def refused_ns(self) -> int:
        """For how long the broker has refused messages."""
        return 0 if self._refusal is None else self._clock.monotonic_ns() - self._refused_ns

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
            self._idle.clear()
            # Another sender may have received the last answer.
            soon_ns = self._clock.monotonic_ns() + NS_PER_S // 10
            await self._clock.wait(self._idle, soon_ns)

    def on_up(self) -> None:
        now_ns = self._clock.monotonic_ns()
        if not self.connected:
            self._buffer.senders_online += 1
            self._pace.begin(self.since_ns, now_ns)
            self.since_ns = now_ns
        self.connected = True
        self._is_refusing = self._was_well = False
        self.takeovers.connected()
        self._paused_until_ns = 0
        self._blamed_until_ns = now_ns + WITNESS_BY_NS
        self._pause.reset()
        self._one_at_a_time = False
        log.info("cloud connected", buffered=self._buffer.status.depth)
        self._wake.set()

    def on_down(self, reason: str, ending: Ending) -> None:
        is_closed = ending in (Ending.HUNG_UP, Ending.BROKEN_OFF)
        if is_closed and self._is_refusing and self._refusal is not None:
            reason = self._refusal
        changed = self.connected or reason != self._reason
        if self.connected:
            self._buffer.senders_online -= 1
            self._note_ending(ending)
        else:
            self.takeovers.failed()
        self.connected = False
        self._release()
        self._idle.set()
        self._reason = reason
        if changed:
            log.warning("cloud not connected", reason=reason)

    def on_answer(self, ticket: int, answer: Answer) -> None:
        entry = self._in_flight.pop(ticket)
        if not self._in_flight:
            self._idle.set()
        self._handle(entry, answer)
        # An acceptance needs no wake-up if nothing is left to send, as is usual at 1 Hz.
        is_awake = self._wake.is_set()
        if not is_awake and (answer.verdict is not Verdict.ACCEPTED or self._next() is not None):
            self._wake.set()

    def _handle(self, entry: Entry, answer: Answer) -> None:
        is_lone = entry is self._lone
        if is_lone:
            self._lone = None
        match answer.verdict:
            case Verdict.ACCEPTED:
                self._accept(entry)
            case Verdict.RETRY:
                if self.connected:
                    self._note_refusal(answer.reason)
                self._give_back(entry)
                self._hold(answer.reason)
            case Verdict.SLOW_DOWN:
                self._give_back(entry)
                if self._pace.slow_down(self._clock.monotonic_ns()):
                    log.warning("sending slowed down", reason=answer.reason)
            case Verdict.REFUSED if is_lone:
                self._fail(entry, answer.reason)
            case Verdict.REFUSED:
                self._doubt(entry, answer.reason)
            case Verdict.SUSPECT:
                self._suspect(entry, answer.reason, is_lone=is_lone)

    def _send(self) -> int | None:
        """Send what may be sent now; return when more may be, None if that needs an event."""
        while self.connected and (entry := self._next()) is not None:
            now_ns = self._clock.monotonic_ns()
            pace_ns = self._pace.ready_ns(is_live=self._buffer.is_live(entry))
            ready_ns = max(self._paused_until_ns, pace_ns)
            if ready_ns > now_ns:
                return ready_ns
            self._pace.take(len(entry.payload), now_ns)
            self._publish(entry, now_ns)
        return self._blamed_until_ns if self._spares_blamed else None

    def _next(self) -> Entry | None:
        """Return the next message; None if there is none, or if answers must come first."""
        if self._in_flight and (self._one_at_a_time or len(self._in_flight) >= WINDOW):
            return None
        if self._lone is not None:
            return None if self._in_flight else self._lone
        entry = self._first()
        if entry is None or not self._in_flight:
            return entry
        if entry.is_suspect:
            self._take(entry)  # otherwise newer messages might pass it forever
            return None
        return None if self._is_early_final(entry) else entry

    @property
    def _spares_blamed(self) -> bool:
        """Whether blamed messages wait while others are sent."""
        return self._trials.has_blamed and self._clock.monotonic_ns() < self._blamed_until_ns

    def _first(self) -> Entry | None:
        if self._spares_blamed:
            return self._unblamed()
        accused = self._trials.accused
        return self._buffer.head() if accused is None else self._witness(accused)

    def _unblamed(self) -> Entry | None:
        """Return the first message of a race and bike that nothing speaks against."""
        heads = self._buffer.heads()
        unblamed = (head for head in heads if not (head.failures or self._trials.is_blamed(head)))
        return next(unblamed, None)

    def _witness(self, accused: Entry) -> Entry | None:
        """Return the first message of another race or bike, if possible an unblamed one.

        Without another race or bike, return the accused.
        """
        own = accused.race_id, accused.bike
        others = (head for head in self._buffer.heads() if (head.race_id, head.bike) != own)
        return self._unblamed() or next(others, None) or self._buffer.head()

    def _is_early_final(self, entry: Entry) -> bool:
        """Return whether it is a final and a second of its race is in flight."""
        return is_final(entry.payload) and any(
            other.race_id == entry.race_id and not is_final(other.payload)
            for other in self._in_flight.values()
        )

    def _take(self, entry: Entry) -> None:
        self._buffer.take(entry)
        if entry.is_suspect or self._trials.accused is not None:
            self._lone = entry

    def _publish(self, entry: Entry, now_ns: int) -> None:
        if entry is not self._lone:
            self._take(entry)
        entry.sent_ns = now_ns
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._in_flight[ticket] = entry
        self._uplink.publish(ticket, entry.payload)

    @property
    def _misses_an_answer(self) -> bool:
        """Whether an answer is overdue; the uplink should have timed out by itself."""
        oldest_ns = min((entry.sent_ns for entry in self._in_flight.values()), default=None)
        return oldest_ns is not None and self._clock.monotonic_ns() - oldest_ns > ANSWER_BY_NS

    def _give_back(self, entry: Entry) -> None:
        self._buffer.give_back(entry)
        self._release()  # its place may be behind this one

    def _release(self) -> None:
        """Give back the lone message if it is not in flight."""
        if self._lone is not None and self._lone not in self._in_flight.values():
            self._buffer.give_back(self._lone)
            self._lone = None

    def _accept(self, entry: Entry) -> None:
        now_ns = self._clock.monotonic_ns()
        self.accepted += 1
        self._acceptances.add(now_ns)
        self._accepted_ns = now_ns
        self._buffer.acknowledge(entry)
        for listener in self.on_accepted:
            listener(entry.payload)
        self._pace.accepted(now_ns)
        self._pause.reset()
        self._one_at_a_time = False
        if self._is_refusing:
            self._blamed_until_ns = now_ns  # a witness: its message is compared at once
        self._is_refusing, self._was_well = False, True
        self._trials.accept(entry)
        self._settle(entry)

    def _suspect(self, entry: Entry, reason: str, *, is_lone: bool) -> None:
        is_recent = self._clock.monotonic_ns() - entry.sent_ns <= SUSPICION_NS
        may_be_cause = is_recent and not self._is_refusing
        if may_be_cause and is_lone:
            self._fail(entry, reason)
        else:
            entry.is_suspect |= may_be_cause
            self._give_back(entry)

    def _fail(self, entry: Entry, reason: str) -> None:
        if self._trials.is_proven(entry):
            self._quarantine(entry, reason)
            return
        is_brokers_fault = self._trials.fail(entry)
        self._doubt(entry, reason)
        if is_brokers_fault:
            self._hold(reason)
        else:
            self._hold_alone(entry, reason)

    def _doubt(self, entry: Entry, reason: str) -> None:
        """Send a refused message again, alone."""
        entry.is_suspect = True
        self._refused[entry] = reason
        self._note_refusal(reason)
        self._give_back(entry)

    def _note_ending(self, ending: Ending) -> None:
        """Record how a connection ended."""
        now_ns, since_ns = self._clock.monotonic_ns(), self.since_ns
        was_well = self._was_well and not self._is_refusing and not self._in_flight
        self.takeovers.lost(ending, since_ns, now_ns, was_well=was_well)
        if not self._was_well:
            self._trials.acquit()
        self.since_ns = now_ns

    def _note_refusal(self, reason: str) -> None:
        if self._refusal is None:
            self._refused_ns = self._clock.monotonic_ns()
        self._refusal = reason
        self._is_refusing = self._is_refusing or self.connected

    def _settle(self, entry: Entry) -> None:
        """Forget the refusal of a message; what is left is the refusal of another, if any."""
        if self._refusal is None:
            return
        self._refused.pop(entry, None)
        self._refused = {one: why for one, why in self._refused.items() if not one.done}
        self._refusal = next(iter(self._refused.values()), None)

    def _quarantine(self, entry: Entry, reason: str) -> None:
        self._trials.convict(entry)
        self._buffer.quarantine(entry, reason)
        self._settle(entry)
        self._blamed_until_ns = self._clock.monotonic_ns() + BLAMED_PAUSE_NS
        log.error(
            "message put in quarantine; see `alleycat-gateway buffer quarantine`",
            race_id=entry.race_id,
            reason=reason,
        )

    def _hold_alone(self, entry: Entry, reason: str) -> None:
        """Pause this message, and all others that may be to blame."""
        self._blamed_until_ns = self._clock.monotonic_ns() + round(self._pause.next_s() * NS_PER_S)
        bike = entry.bike.decode(errors="replace")
        log.warning("message not accepted; it is sent again", bike=bike, reason=reason)

    def _hold(self, reason: str) -> None:
        self._one_at_a_time = True
        now_ns = self._clock.monotonic_ns()
        if self.connected and now_ns >= self._paused_until_ns:
            pause_s = self._pause.next_s()
            self._paused_until_ns = now_ns + round(pause_s * NS_PER_S)
            log.warning(
                "message not accepted; sending is paused", reason=reason, pause_s=round(pause_s, 1)
            )
