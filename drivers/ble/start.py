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
#: A bike that has accepted a command, but was not heard for this long before the connection ended,
#: had locked up: bikes notify once in two seconds or more often.
LOCKED_UP_NS = 5_000_000_000
#: A bike that did not move in this time, and got no command, may need one: starts begin earlier.
UNMOVED_NS = 8_000_000_000


class StartTrial:
    """The start of a bike on one connection, which began at `connected_ns`."""

    def __init__(self, connected_ns: int) -> None:
        self._connected_ns = connected_ns
        #: The last new command, and when it was sent; None: none has been.
        self._command = b""
        self._sent_ns: int | None = None
        #: Those after which the bike was heard. Consoles get them again and again while they rest.
        self._survived: set[bytes] = set()
        self._was_accepted = False
        self._has_moved = False

    def sent(self, at_ns: int, command: bytes) -> None:
        """Take note that a command that starts the bike is about to be sent."""
        if command not in self._survived:
            self._command, self._sent_ns = command, at_ns
            self._was_accepted = self._has_moved = False

    def accepted(self) -> None:
        """Take note that the bike has accepted a command."""
        self._was_accepted = True

    def heard(self, at_ns: int, readings: Iterable[Reading]) -> None:
        """Take note of a notification of the bike, and of the Readings in it."""
        self._has_moved |= any(one.cadence_rpm or one.power_w or one.speed_kmh for one in readings)
        if self._sent_ns is not None and at_ns - self._sent_ns > AT_ONCE_NS:
            self._survived.add(self._command)

    def was_the_end(self, end_ns: int) -> bool:
        """Return whether the bike has ended its connection, or fallen silent, at a command."""
        if self._sent_ns is None or self._has_moved:
            return False
        after_ns = end_ns - self._sent_ns
        if after_ns <= AT_ONCE_NS:
            return True
        is_accepted = self._was_accepted and after_ns <= LOCKED_UP_NS
        return not is_accepted and self._command not in self._survived

    def is_needed(self, end_ns: int) -> bool:
        """Return whether the bike did not move on a whole connection without a command."""
        is_whole = end_ns - self._connected_ns >= UNMOVED_NS
        return self._sent_ns is None and is_whole and not self._has_moved
