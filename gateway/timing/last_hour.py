"""LastHour: the number of events in the last hour. Pure."""

from collections import deque

from gateway.timing.units import NS_PER_S

HOUR_NS = 3600 * NS_PER_S
#: Limits the events that are remembered, and therefore the count.
MOST_EVENTS = 3600


class LastHour:
    """A count of the events in the last hour."""

    def __init__(self) -> None:
        self._events_ns: deque[int] = deque(maxlen=MOST_EVENTS)

    def add(self, now_ns: int) -> None:
        """Count an event."""
        self._events_ns.append(now_ns)

    def count(self, now_ns: int) -> int:
        """Return the number of events less than an hour ago."""
        while self._events_ns and now_ns - self._events_ns[0] >= HOUR_NS:
            self._events_ns.popleft()
        return len(self._events_ns)
