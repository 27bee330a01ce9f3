"""What became of the fleet's messages, and how long it took. PURE.

Times are in nanoseconds since the end of the second that a message is about.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Of some times, in ms; all 0 if there were none."""

    p50_ms: float
    p99_ms: float
    max_ms: float

    @classmethod
    def of(cls, times_ns: Sequence[int]) -> "Spread":
        ordered = sorted(times_ns) or [0]
        last = len(ordered) - 1
        p50, p99, most = (ordered[round(last * part)] for part in (0.5, 0.99, 1.0))
        return cls(*(round(ns / NS_PER_MS, 1) for ns in (p50, p99, most)))


class Meter:
    """Counts and times of a whole run; the fleet's connections report to it."""

    def __init__(self) -> None:
        self.produced = 0
        #: Given to a connection; a message that is sent again counts again.
        self.sent = 0
        self.acknowledged = 0
        #: Acknowledged, but left behind by an earlier run.
        self.leftover = 0
        self.connected = 0
        #: Connections that ended, and why the last one did, or could not be made.
        self.drops = 0
        self.reason = ""
        self._sent_ns = array("q")
        self._acknowledged_ns = array("q")
        self._looked_at = 0

    def on_sent(self, late_ns: int) -> None:
        self.sent += 1
        self._sent_ns.append(late_ns)

    def on_acknowledged(self, late_ns: int) -> None:
        self.acknowledged += 1
        self._acknowledged_ns.append(late_ns)

    @property
    def unacknowledged(self) -> int:
        return self.produced - self.acknowledged

    def lately(self) -> Spread:
        """To PUBACK, of what was acknowledged since the last look."""
        times_ns = self._acknowledged_ns[self._looked_at :]
        self._looked_at = len(self._acknowledged_ns)
        return Spread.of(times_ns)

    def to_publish(self) -> Spread:
        """Until a message was given to its connection, over the whole run."""
        return Spread.of(self._sent_ns)

    def to_puback(self) -> Spread:
        """Until it was acknowledged, over the whole run."""
        return Spread.of(self._acknowledged_ns)
