"""Units of time. Instants and durations are integer nanoseconds. Pure."""

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


def seconds_between(from_ns: int, to_ns: int) -> float:
    """Return the age in seconds, rounded to tenths for display; never negative."""
    return round(max(0, to_ns - from_ns) / NS_PER_S, 1)
