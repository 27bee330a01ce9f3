"""Files by which a test or a second terminal tells the fake rider what to do: cadence and knob."""

from pathlib import Path
from random import Random

from drivers.fake.physics import TURN_S, Knob
from drivers.fake.rider import BikeState, RiderProfile, RiderTarget

#: More than any number in words has; a file is not read beyond it.
_MOST_BYTES = 64
_MOST_RPM = 200.0
_TURN_NS = round(TURN_S * 1_000_000_000)


def number_in(file: Path, most: float) -> float | None:
    """From 0 to `most`, as text. None: there is no such number, or no file."""
    try:
        with file.open("rb") as opened:
            number = float(opened.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None
    return number if 0 <= number <= most else None


class Rhythm:
    """A cadence in a file, kept by the rider, so that a metronome can be followed.

    The file holds rpm, 0 to 200, as text. Whatever else is there leaves it to the rider.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def kept(self, target: RiderTarget) -> RiderTarget:
        """`target` at the cadence that the file says now."""
        rpm = number_in(self._file, _MOST_RPM)
        return target if rpm is None else target._replace(cadence_rpm=rpm, has_beat=True)


class Hand:
    """A hand that holds the knob where a file says.

    Looks into the file as often as it turns, and turns as fast as a rider does.

    The file holds a percent, 0 to 100, as text; whatever else is there, or nothing, leaves the
    knob where it is. At first that is where the file says, else where this rider likes it. It
    stays there from ride to ride and from connection to connection, as a real bike's does.
    """

    def __init__(self, file: Path, seed: int) -> None:
        self._file = file
        self._knob = Knob(Random(f"{seed}:hand"), RiderProfile.from_seed(seed).resistance_percent)
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
