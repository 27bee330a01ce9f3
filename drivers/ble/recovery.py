"""What to do about a Bluetooth adapter on which connections fail again and again. Pure."""

from collections import Counter
from enum import Enum

#: After this many failures in a row of one bike, what BlueZ remembers of it may be wrong …
FORGET_AFTER = 3
#: … and after this many on the adapter, of whichever bikes, it may need to be switched off and on …
POWER_CYCLE_AFTER = 8
#: … which helps seldom, and disturbs everybody, so not more often than this.
POWER_CYCLE_EVERY_NS = 600 * 1_000_000_000


class RecoveryStep(Enum):
    #: Wait and try again.
    WAIT = "wait"
    #: Let BlueZ forget the bike: its services may have changed with its firmware.
    FORGET_BIKE = "forget bike"
    #: Switch the adapter off and on.
    POWER_CYCLE = "power-cycle"


class Recovery:
    """Counts one adapter's failed connections and says what each of them calls for."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._cycled_ns: int | None = None

    def succeeded(self) -> None:
        """The adapter works, so the other failures were the other bikes' own."""
        self._failures.clear()

    def failed(self, what: str, now_ns: int, others_connected: bool) -> RecoveryStep:
        """The step after a failed connection; the adapter is left alone while it serves others."""
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
