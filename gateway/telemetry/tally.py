"""Tally: counts the messages of each race, so that the cloud can detect a gap. Pure."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.race.joins import RACES_MAX
from gateway.timing.units import NS_PER_S

#: Limit of undated seconds that a `final` can count: those of a race that lasts a day.
UNDATED_MAX = 86_400


@dataclass(frozen=True, slots=True)
class Undated:
    """A second whose race is not known yet, identified by its end."""

    end_ns: int
    is_pedalling: bool


class Tally:
    """The messages of one bike, counted by race and racer; each second counts once.

    `now_ns` is the monotonic time from which on every message is counted.
    """

    def __init__(self, now_ns: int) -> None:
        self._since_ns = now_ns
        #: A bit mask for each (race, racer), with one bit per second.
        self._seconds: OrderedDict[tuple[int, int], int] = OrderedDict()
        #: The seconds whose race is not known yet.
        self._undated: deque[Undated] = deque(maxlen=UNDATED_MAX)

    def count(self, race_id: int, racer_id: int, second: int) -> int:
        """Add a second; return the number of seconds that this racer now has in the race."""
        ride = race_id, racer_id
        seconds = self._seconds[ride] = self._seconds.get(ride, 0) | 1 << second
        self._seconds.move_to_end(ride)
        if len(self._seconds) > RACES_MAX:
            self._seconds.popitem(last=False)
        return seconds.bit_count()

    def keep_undated(self, second: Undated) -> None:
        """Keep a second until its race is known."""
        self._undated.append(second)

    def take_undated(self) -> Iterator[Undated]:
        """Yield and forget each second kept so far."""
        while self._undated:
            yield self._undated.popleft()

    def is_whole(self, race_start_ns: int) -> bool:
        """Return whether a race with this start has been counted from its first second."""
        return race_start_ns > self._since_ns - NS_PER_S
