"""Pulse: the heartbeat of a loop."""

from collections.abc import Callable

from gateway.timing.clock import GatewayClock


class Pulse:
    """The heartbeat of a loop, which beats in every iteration; `wake` starts an iteration.

    `patience`: how many times longer than others the loop may be silent before it counts as wedged.
    """

    def __init__(
        self, name: str, clock: GatewayClock, wake: Callable[[], None], patience: int = 1
    ) -> None:
        self.name = name
        self.wake = wake
        #: May change over time, because some work takes longer.
        self.patience = patience
        self._clock = clock
        self._beaten_ns = clock.monotonic_ns()

    def beat(self) -> None:
        self._beaten_ns = self._clock.monotonic_ns()

    def excuse(self, ns: int) -> None:
        """Leave out of its silence the time for which the whole process was stopped."""
        self._beaten_ns = min(self._beaten_ns + ns, self._clock.monotonic_ns())

    @property
    def silent_ns(self) -> int:
        return self._clock.monotonic_ns() - self._beaten_ns
