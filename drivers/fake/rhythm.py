"""A rider who keeps to the cadence that a file says: so a metronome can be followed."""

from pathlib import Path

from drivers.fake.number_file import number_in
from drivers.fake.rider import Target

_MOST_RPM = 200.0


class Rhythm:
    """The file holds rpm, 0 to 200, as text. Whatever else is there leaves it to the rider."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def kept(self, target: Target) -> Target:
        """`target` at the cadence that the file says now."""
        rpm = number_in(self._file, _MOST_RPM)
        return target if rpm is None else target._replace(cadence_rpm=rpm, has_beat=True)
