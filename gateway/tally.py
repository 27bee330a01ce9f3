"""How many messages a racer's race has, so that the cloud can tell a gap. Pure."""

from collections import OrderedDict

#: Races that can be on or being named at once, with room to spare.
RACES_MAX = 64


class Tally:
    """Counts the seconds of each race; the same second counts once, however often it is told."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[tuple[int, int], set[int]] = OrderedDict()

    def count(self, race_id: int, racer_id: int, second: int) -> int:
        """Add a second; gives how many this racer has in the race now."""
        ride = race_id, racer_id
        seconds = self._seconds.setdefault(ride, set())
        seconds.add(second)
        self._seconds.move_to_end(ride)
        if len(self._seconds) > RACES_MAX:
            self._seconds.popitem(last=False)
        return len(seconds)
