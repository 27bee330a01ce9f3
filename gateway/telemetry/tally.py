"""How many messages a racer's race has, so that the cloud can tell a gap. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterator

from gateway.timing.units import NS_PER_S

#: A day without time has 288 races of five minutes; all are dated at once.
RACES_MAX = 4096

#: Undated seconds that a `final` can count: a race of a day.
UNDATED_MAX = 86_400


class Tally:
    """The messages of one bike, by race and racer; the same second counts once."""

    def __init__(self, now_ns: int) -> None:
        """`now_ns`: from when on every message is counted here, on the monotonic clock."""
        self._since_ns = now_ns
        #: Of each ride a bit for each second.
        self._seconds: OrderedDict[tuple[int, int], int] = OrderedDict()
        #: The ends of the seconds whose race is not known yet.
        self._undated_ns: deque[int] = deque(maxlen=UNDATED_MAX)

    def count(self, race_id: int, racer_id: int, second: int) -> int:
        """Add a second; return how many this racer has in the race now."""
        ride = race_id, racer_id
        seconds = self._seconds[ride] = self._seconds.get(ride, 0) | 1 << second
        self._seconds.move_to_end(ride)
        if len(self._seconds) > RACES_MAX:
            self._seconds.popitem(last=False)
        return seconds.bit_count()

    def keep_undated(self, end_ns: int) -> None:
        """Keep a second, by its end, until its race is known."""
        self._undated_ns.append(end_ns)

    def take_undated(self) -> Iterator[int]:
        """Yield the end of each second kept so far, and forget it."""
        while self._undated_ns:
            yield self._undated_ns.popleft()

    def is_whole(self, race_start_ns: int) -> bool:
        """Return whether a race that began then has been counted from its first second on."""
        return race_start_ns > self._since_ns - NS_PER_S
