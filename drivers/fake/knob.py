"""The resistance knob, and how fast a hand turns it."""

from math import copysign
from random import Random

#: A hand turns it so often …
TURN_S = 0.4
#: … by at most so much: more or less at each turn.
_MOST_PERCENT = (1.0, 3.0)


class Knob:
    """Where a hand has left it, 0 to 100 %, and which way it was turned last."""

    def __init__(self, random: Random, percent: float) -> None:
        self.percent = percent
        #: 1.0 up, -1.0 down.
        self.last_turn = 1.0
        self._random = random

    def turn(self, wanted_percent: float) -> None:
        """As far towards it as a hand gets in TURN_S; the last turn ends exactly there."""
        missing = wanted_percent - self.percent
        if missing == 0:
            return
        self.last_turn = copysign(1.0, missing)
        most = self._random.uniform(*_MOST_PERCENT)
        if abs(missing) <= most:
            self.percent = wanted_percent
        else:
            self.percent += self.last_turn * most
