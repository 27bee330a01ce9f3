"""Files with which a test or a second terminal controls the fake bike: cadence and knob."""

from pathlib import Path
from random import Random

from drivers.fake.physics import TURN_S, Knob
from drivers.fake.rider import BikeState, RiderProfile, RiderTarget

#: At most this much of a file is read; no number needs more.
_MOST_BYTES = 64
_MOST_RPM = 200.0
_TURN_NS = round(TURN_S * 1_000_000_000)


def number_in(file: Path, most: float) -> float | None:
    """Read a number from 0 to `most`, as text; return None if there is none, or no file."""
    try:
        with file.open("rb") as opened:
            number = float(opened.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None
    return number if 0 <= number <= most else None


class Rhythm:
    """A cadence in a file, which the rider keeps, so that the rider can follow a metronome.

    The file contains rpm, 0 to 200, as text. With any other content the scenario's cadence
    applies.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def kept(self, target: RiderTarget) -> RiderTarget:
        """Return `target` with the cadence that the file contains now."""
        rpm = number_in(self._file, _MOST_RPM)
        return target if rpm is None else target._replace(cadence_rpm=rpm, has_beat=True)


class Hand:
    """A hand that turns the knob to the position in a file.

    It turns as fast as a rider does, and reads the file before each turn.

    The file contains a percentage, 0 to 100, as text. With any other content, or none, the knob
    stays where it is. It starts at the file's position, or else at the rider's preferred
    resistance, and keeps its position across rides and connections, as on a real bike.
    """

    def __init__(self, file: Path, seed: int) -> None:
        self._file = file
        self._knob = Knob(Random(f"{seed}:hand"), RiderProfile.from_seed(seed).resistance_percent)
        self._looked_ns: int | None = None

    def hold(self, state: BikeState, at_ns: int) -> BikeState:
        """Return `state` with the hand's position of the knob at this instant.

        The knob never turns back in time: for an earlier instant it keeps its current position.
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
        """Return the position in the file, or the knob's current one if there is none."""
        percent = number_in(self._file, 100.0)
        return self._knob.percent if percent is None else percent
