"""Rate: events per second over the last minute. Pure."""

from collections import deque

from gateway.timing.units import NS_PER_S

WINDOW_S = 60


class Rate:
    """A count of events per second; the current second does not count yet."""

    def __init__(self, now_ns: int) -> None:
        self._since_ns = now_ns
        #: (second, number of events) for seconds with events, oldest first; at most a minute.
        self._counts: deque[tuple[int, int]] = deque()

    def add(self, now_ns: int) -> None:
        """Count an event."""
        now_s = now_ns // NS_PER_S
        self._forget_before(now_s - WINDOW_S)
        count = 1
        if self._counts and self._counts[-1][0] == now_s:
            count += self._counts.pop()[1]
        self._counts.append((now_s, count))

    def per_s(self, now_ns: int) -> float:
        """Return the events per second over the last minute, or since the start if shorter."""
        now_s = now_ns // NS_PER_S
        self._forget_before(now_s - WINDOW_S)
        seconds = min((now_s * NS_PER_S - self._since_ns) / NS_PER_S, WINDOW_S)
        total = sum(count for second, count in self._counts if second < now_s)
        return round(total / seconds, 2) if seconds > 0 else 0.0

    def _forget_before(self, second: int) -> None:
        while self._counts and self._counts[0][0] < second:
            self._counts.popleft()
