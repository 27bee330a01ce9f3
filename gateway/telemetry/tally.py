"""How many messages a racer's race has, so that the cloud can tell a gap. Pure."""

from collections import OrderedDict

#: A day without time has 288 races of five minutes; all are named at once.
RACES_MAX = 4096


class Tally:
    """Counts the seconds of each race; the same second counts once, however often it is told."""

    def __init__(self) -> None:
        #: Of each ride a bit for each second.
        self._seconds: OrderedDict[tuple[int, int], int] = OrderedDict()

    def count(self, race_id: int, racer_id: int, second: int) -> int:
        """Add a second; gives how many this racer has in the race now."""
        ride = race_id, racer_id
        seconds = self._seconds[ride] = self._seconds.get(ride, 0) | 1 << second
        self._seconds.move_to_end(ride)
        if len(self._seconds) > RACES_MAX:
            self._seconds.popitem(last=False)
        return seconds.bit_count()
