"""A clock for drivers that jumps to the end of every sleep."""

import asyncio

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class ManualClock:
    """The drivers' Clock with its own time. Sleeping moves it forward at once.

    `wall_ms` is the wall time at the monotonic instant `monotonic_ns`.
    """

    def __init__(self, wall_ms: int = 0, monotonic_ns: int = 7_000_000_000) -> None:
        self._now_ns = monotonic_ns
        self._wall_minus_monotonic_ns = wall_ms * NS_PER_MS - monotonic_ns

    def shift_wall(self, step_ns: int) -> None:
        """Step the wall clock as NTP does: forward, or back if negative."""
        self._wall_minus_monotonic_ns += step_ns

    def advance(self, duration_ns: int) -> None:
        self._now_ns += duration_ns

    def monotonic_ns(self) -> int:
        return self._now_ns

    def wall_ms_at(self, monotonic_ns: int) -> int:
        return (monotonic_ns + self._wall_minus_monotonic_ns) // NS_PER_MS

    def monotonic_ns_at(self, wall_ms: int) -> int:
        return wall_ms * NS_PER_MS - self._wall_minus_monotonic_ns

    async def sleep_until(self, monotonic_ns: int) -> None:
        self._now_ns = max(self._now_ns, monotonic_ns)

    def timeout(self, _seconds: float) -> asyncio.Timeout:
        """Return a timeout that never ends, since time only passes by sleeping."""
        return asyncio.timeout(None)
