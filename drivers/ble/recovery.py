"""Recovery steps for a Bluetooth adapter on which connections keep failing. Pure."""

from collections import Counter
from enum import Enum

#: Consecutive failures of one bike after which BlueZ's memory of it may be wrong.
FORGET_AFTER = 3
#: Consecutive failures on one adapter, of any bikes, after which it is switched off and on.
POWER_CYCLE_AFTER = 8
#: The least time between two power cycles: they rarely help and disturb all users of the adapter.
POWER_CYCLE_EVERY_NS = 600 * 1_000_000_000


class RecoveryStep(Enum):
    #: Wait and try again.
    WAIT = "wait"
    #: Let BlueZ forget the bike: its services may have changed with its firmware.
    FORGET_BIKE = "forget bike"
    #: Switch the adapter off and on.
    POWER_CYCLE = "power-cycle"


class Recovery:
    """The failed connections of one adapter, and the step that each of them calls for."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._cycled_ns: int | None = None

    def succeeded(self) -> None:
        """Clear all failures: the adapter works, so the earlier ones were due to the bikes."""
        self._failures.clear()

    def failed(self, what: str, now_ns: int, others_connected: bool) -> RecoveryStep:
        """Count a failure of `what` and return the next step; never power-cycle a used adapter."""
        self._failures[what] += 1
        if (
            self._failures.total() >= POWER_CYCLE_AFTER
            and not others_connected
            and (self._cycled_ns is None or now_ns - self._cycled_ns >= POWER_CYCLE_EVERY_NS)
        ):
            self._cycled_ns = now_ns
            self._failures.clear()
            return RecoveryStep.POWER_CYCLE
        if self._failures[what] % FORGET_AFTER == 0:
            return RecoveryStep.FORGET_BIKE
        return RecoveryStep.WAIT
