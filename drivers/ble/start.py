"""What one connection shows about the commands that start a bike. Pure.

Some bikes disconnect at such a command, others stop sending for good, and the radio loses links by
chance. One rule distinguishes them: if nothing was heard from the bike after the command, the
connection ended because of it; otherwise by chance.
"""

from collections.abc import Iterable

from drivers.reading import Reading

#: What arrives within this time of a command was on its way before. A link that is lost within it
#: was ended by the bike, even if the bike has accepted the command.
AT_ONCE_NS = 500_000_000
#: A bike that did not move in this time, and got no command, may need one: starts begin earlier.
UNMOVED_NS = 8_000_000_000


class StartTrial:
    """The start of a bike on one connection, which began at `connected_ns`."""

    def __init__(self, connected_ns: int) -> None:
        self._connected_ns = connected_ns
        #: When the last command was sent; None: none has been.
        self._sent_ns: int | None = None
        self._was_heard = False
        self._has_moved = False

    def sent(self, at_ns: int) -> None:
        """Take note that a command that starts the bike is about to be sent."""
        self._sent_ns = at_ns
        self._was_heard = self._has_moved = False

    def accepted(self) -> None:
        """Take note that the bike has accepted a command."""
        self._was_heard = True

    def heard(self, at_ns: int, readings: Iterable[Reading]) -> None:
        """Take note of a notification of the bike, and of the Readings in it."""
        self._has_moved |= any(one.cadence_rpm or one.power_w or one.speed_kmh for one in readings)
        if self._sent_ns is not None and at_ns - self._sent_ns > AT_ONCE_NS:
            self._was_heard = True

    def was_the_end(self, end_ns: int) -> bool:
        """Return whether the bike has ended its connection, or fallen silent, at a command."""
        if self._sent_ns is None or self._has_moved:
            return False
        return not self._was_heard or end_ns - self._sent_ns <= AT_ONCE_NS

    def is_needed(self, end_ns: int) -> bool:
        """Return whether the bike did not move on a whole connection without a command."""
        is_whole = end_ns - self._connected_ns >= UNMOVED_NS
        return self._sent_ns is None and is_whole and not self._has_moved
