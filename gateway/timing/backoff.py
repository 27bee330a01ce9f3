"""Backoff: the wait before the next attempt. Pure."""

from random import Random


class Backoff:
    """Doubling waits with jitter, so that many gateways do not reconnect at the same time.

    Each wait is drawn from the upper half of its step. The steps are first_s, 2 × first_s, … up to
    max_s.
    """

    def __init__(self, random: Random, *, first_s: float = 1.0, max_s: float = 60.0) -> None:
        self._random = random
        self._first_s = first_s
        self._max_s = max_s
        self._step_s = first_s

    def next_s(self) -> float:
        step_s = self._step_s
        self._step_s = min(self._max_s, 2 * step_s)
        return self._random.uniform(step_s / 2, step_s)

    def reset(self) -> None:
        self._step_s = self._first_s
