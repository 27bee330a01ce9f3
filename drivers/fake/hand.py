"""A hand that holds the knob where a file says: so a test, or a second terminal, turns it."""

from pathlib import Path
from random import Random

from drivers.fake.knob import TURN_S, Knob
from drivers.fake.number_file import number_in
from drivers.fake.rider import BikeState, Profile

_TURN_NS = round(TURN_S * 1_000_000_000)


class Hand:
    """Looks into the file as often as it turns, and turns as fast as a rider does.

    The file holds a percent, 0 to 100, as text; whatever else is there, or nothing, leaves the
    knob where it is. At first that is where the file says, else where this rider likes it. It
    stays there from ride to ride and from connection to connection, as a real bike's does.
    """

    def __init__(self, file: Path, seed: int) -> None:
        self._file = file
        self._knob = Knob(Random(f"{seed}:hand"), Profile.from_seed(seed).resistance_percent)
        self._looked_ns: int | None = None

    def hold(self, state: BikeState, at_ns: int) -> BikeState:
        """`state` with the knob where the hand has it at this instant.

        Of an instant before the last one asked for nothing is known: the knob is where it was.
        """
        if self._looked_ns is None:
            self._looked_ns = at_ns
            self._knob.percent = self._wanted_percent()
        turns = (at_ns - self._looked_ns) // _TURN_NS
        if turns > 0:
            self._looked_ns += turns * _TURN_NS
            self._turn(turns)
        return state.with_knob(self._knob.percent, self._knob.last_turn)

    def _turn(self, turns: int) -> None:
        wanted_percent = self._wanted_percent()
        while turns and self._knob.percent != wanted_percent:
            self._knob.turn(wanted_percent)
            turns -= 1

    def _wanted_percent(self) -> float:
        """What the file says; where the knob is, if it says nothing."""
        percent = number_in(self._file, 100.0)
        return self._knob.percent if percent is None else percent
