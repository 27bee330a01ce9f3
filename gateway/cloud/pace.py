"""How fast one connection may publish. Pure.

AWS IoT Core discards what exceeds 100 publishes/s on a connection, without an answer, and delays
what exceeds 512 KiB/s (AWS IoT Core endpoints and quotas, "Message broker and protocol limits").
"""

from gateway.timing.units import NS_PER_S

#: In any one second at most rate + burst are sent: 100 messages, 512 KiB.
MESSAGES_PER_S = 90.0
MESSAGES_BURST = 10
BYTES_PER_S = 448 * 1024.0
BYTES_BURST = 64 * 1024
#: Backlog that may go at once before its pace holds.
BACKLOG_BURST = 10
#: Live messages may use this much of the backlog's share in advance.
BACKLOG_DEBT_S = 1.0

#: After "slow down" the pace is halved, not more often than once a second, …
SLOWEST = 1 / 64
CHANGE_EVERY_NS = NS_PER_S
#: … and each second with an acceptance gives back this part of the whole.
RECOVERY = 0.05


class TokenBucket:
    """`rate_per_s` tokens in the long run, `burst` at once. Taking too many makes debt."""

    def __init__(self, rate_per_s: float, burst: int, now_ns: int) -> None:
        self._burst = burst
        self._ns_per_token = NS_PER_S / rate_per_s
        #: When the bucket was, or will be, empty.
        self._empty_ns = now_ns - round(burst * self._ns_per_token)

    def take(self, tokens: int, now_ns: int) -> None:
        full_ns = now_ns - round(self._burst * self._ns_per_token)
        self._empty_ns = max(self._empty_ns, full_ns) + round(tokens * self._ns_per_token)

    def ready_ns(self) -> int:
        """When there is a whole token."""
        return self._empty_ns + round(self._ns_per_token)

    def bound_debt(self, debt_s: float, now_ns: int) -> None:
        self._empty_ns = min(self._empty_ns, now_ns + round(debt_s * NS_PER_S))

    def change_rate(self, rate_per_s: float, now_ns: int) -> None:
        """From now on; what is in the bucket stays in it."""
        tokens = (now_ns - self._empty_ns) / self._ns_per_token
        self._ns_per_token = NS_PER_S / rate_per_s
        self._empty_ns = now_ns - round(min(tokens, self._burst) * self._ns_per_token)


class Pace:
    """When the next message may go: live ones within IoT Core's limits, backlog in what is left.

    `backlog_per_s` counts all messages, so a live one takes the place of one of the backlog, but
    does not wait for it. All rates are halved when the broker says "slow down" and come back
    step by step while it accepts.
    """

    def __init__(self, backlog_per_s: float, now_ns: int) -> None:
        self._backlog_per_s = backlog_per_s
        self._messages = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, now_ns)
        self._bytes = TokenBucket(BYTES_PER_S, BYTES_BURST, now_ns)
        self._backlog = TokenBucket(backlog_per_s, BACKLOG_BURST, now_ns)
        self._changed_ns = now_ns - CHANGE_EVERY_NS
        #: The part of the whole pace that the broker bears: 1 = all of it.
        self.share = 1.0

    def ready_ns(self, *, is_live: bool) -> int:
        limits_ns = max(self._messages.ready_ns(), self._bytes.ready_ns())
        return limits_ns if is_live else max(limits_ns, self._backlog.ready_ns())

    def take(self, size_bytes: int, now_ns: int) -> None:
        self._messages.take(1, now_ns)
        self._bytes.take(size_bytes, now_ns)
        self._backlog.take(1, now_ns)
        self._backlog.bound_debt(BACKLOG_DEBT_S, now_ns)

    def slow_down(self, now_ns: int) -> None:
        """The broker had too much."""
        if now_ns - self._changed_ns >= CHANGE_EVERY_NS:
            self._change(max(SLOWEST, self.share / 2), now_ns)

    def accepted(self, now_ns: int) -> None:
        """The broker had no complaint."""
        if self.share < 1 and now_ns - self._changed_ns >= CHANGE_EVERY_NS:
            self._change(min(1.0, self.share + RECOVERY), now_ns)

    def _change(self, share: float, now_ns: int) -> None:
        self.share = share
        self._changed_ns = now_ns
        self._messages.change_rate(MESSAGES_PER_S * share, now_ns)
        self._bytes.change_rate(BYTES_PER_S * share, now_ns)
        self._backlog.change_rate(self._backlog_per_s * share, now_ns)
