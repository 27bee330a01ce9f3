"""Pace: the rate limits of one connection. Pure.

On each connection, AWS IoT Core discards publishes above 100/s without an answer, and delays data
above 512 KiB/s (AWS IoT Core endpoints and quotas, "Message broker and protocol limits").
"""

from gateway.timing.units import NS_PER_S

#: At most rate + burst is sent in any one second: 100 messages, 512 KiB.
MESSAGES_PER_S = 90.0
MESSAGES_BURST = 10
BYTES_PER_S = 448 * 1024.0
BYTES_BURST = 64 * 1024
#: The number of backlog messages that may be sent at once before their rate applies.
BACKLOG_BURST = 10
#: Live messages may use the backlog's rate this many seconds in advance.
BACKLOG_DEBT_S = 1.0

#: The smallest part of the full pace that is left after repeated halving.
SLOWEST = 1 / 64
#: The least time between two changes of the pace, in nanoseconds.
CHANGE_EVERY_NS = NS_PER_S
#: The part of the full pace that is regained with each acceptance, at most once a second.
RECOVERY = 0.05


class TokenBucket:
    """A bucket that gains `rate_per_s` tokens up to `burst`. It may go into debt."""

    def __init__(self, rate_per_s: float, burst: int, now_ns: int) -> None:
        self._burst = burst
        self._set_rate(rate_per_s)
        #: When the bucket was, or will be, empty.
        self._empty_ns = now_ns - self._fill_ns

    def take(self, tokens: int, now_ns: int) -> None:
        full_ns = now_ns - self._fill_ns
        self._empty_ns = max(self._empty_ns, full_ns) + round(tokens * self._ns_per_token)

    def ready_ns(self) -> int:
        """Return when a whole token is available."""
        return self._empty_ns + self._token_ns

    def bound_debt(self, debt_s: float, now_ns: int) -> None:
        self._empty_ns = min(self._empty_ns, now_ns + round(debt_s * NS_PER_S))

    def change_rate(self, rate_per_s: float, now_ns: int) -> None:
        """Change the rate from now on; the tokens in the bucket stay."""
        tokens = (now_ns - self._empty_ns) / self._ns_per_token
        self._set_rate(rate_per_s)
        self._empty_ns = now_ns - round(min(tokens, self._burst) * self._ns_per_token)

    def _set_rate(self, rate_per_s: float) -> None:
        self._ns_per_token = NS_PER_S / rate_per_s
        #: How long one token takes, and all that the bucket can have.
        self._token_ns = round(self._ns_per_token)
        self._fill_ns = round(self._burst * self._ns_per_token)


class Pace:
    """The rate limits of one connection, and the time at which the next message may be sent.

    Live messages respect IoT Core's limits only. Backlog also respects `backlog_per_s`, which
    counts live messages as well. All rates are halved when the broker asks to slow down, and are
    regained step by step while it accepts messages, or at once with a new connection.
    """

    def __init__(self, backlog_per_s: float, now_ns: int) -> None:
        self._backlog_per_s = backlog_per_s
        self._messages = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, now_ns)
        self._bytes = TokenBucket(BYTES_PER_S, BYTES_BURST, now_ns)
        self._backlog = TokenBucket(backlog_per_s, BACKLOG_BURST, now_ns)
        self._changed_ns = now_ns - CHANGE_EVERY_NS
        self._asked_ns = -1
        #: The part of the full pace that the broker accepts at present; 1 is all of it.
        self.share = 1.0

    def ready_ns(self, *, is_live: bool) -> int:
        limits_ns = max(self._messages.ready_ns(), self._bytes.ready_ns())
        return limits_ns if is_live else max(limits_ns, self._backlog.ready_ns())

    def take(self, size_bytes: int, now_ns: int) -> None:
        self._messages.take(1, now_ns)
        self._bytes.take(size_bytes, now_ns)
        self._backlog.take(1, now_ns)
        self._backlog.bound_debt(BACKLOG_DEBT_S, now_ns)

    def begin(self, lost_ns: int, now_ns: int) -> None:
        """Return to the full pace, after a connection was lost at `lost_ns` and replaced.

        A request to slow down that came with its end counts for the new connection.
        """
        if self.share < 1 and self._asked_ns < lost_ns:
            self._change(1.0, now_ns)

    def slow_down(self, now_ns: int) -> bool:
        """Halve the pace, after the broker asked to slow down; return whether it was full."""
        was_full, self._asked_ns = self.share == 1, now_ns
        if now_ns - self._changed_ns >= CHANGE_EVERY_NS:
            self._change(max(SLOWEST, self.share / 2), now_ns)
        return was_full and self.share < 1

    def accepted(self, now_ns: int) -> None:
        """Regain a part of the pace, after the broker accepted a message."""
        if self.share < 1 and now_ns - self._changed_ns >= CHANGE_EVERY_NS:
            self._change(min(1.0, self.share + RECOVERY), now_ns)

    def _change(self, share: float, now_ns: int) -> None:
        self.share = share
        self._changed_ns = now_ns
        self._messages.change_rate(MESSAGES_PER_S * share, now_ns)
        self._bytes.change_rate(BYTES_PER_S * share, now_ns)
        self._backlog.change_rate(self._backlog_per_s * share, now_ns)
