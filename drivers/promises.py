"""The promises of a driver that can be checked while it runs. Pure.

The gateway checks every Reading with them, and `drivers.testing` the same way in a test.
"""

from typing import TypeGuard

from drivers.reading import Reading

#: The range of `stale_after_s`, in seconds.
STALE_AFTER_MAX_S = 60.0
#: A Reading may be this far ahead of the clock, in nanoseconds: a timer may end a little early.
AHEAD_MAX_NS = 10_000_000
#: No bike reports a number beyond this, in any unit; NaN is not below it either.
NUMBER_MAX = 1e12
#: Characters. A longer value is cut in a message.
SHOWN_MAX = 60

_NUMBERS = (
    "cadence_rpm",
    "resistance_raw",
    "resistance_percent",
    "power_w",
    "speed_kmh",
    "distance_m",
    "heart_rate_bpm",
)


def reading_fault(reading: object, after_ns: int, now_ns: int) -> str:
    """Return in words what is wrong with a Reading that a driver yielded; empty if it is valid.

    `after_ns` is the instant of the Reading before it, or of the opening; `now_ns` is the present.
    """
    if not isinstance(reading, Reading):
        return f"the driver yielded {_shown(reading)}; expected a Reading"
    for name in _NUMBERS:
        value = getattr(reading, name)
        if value is not None and not _is_number(value):
            return f"{name} is {_shown(value)}; expected a finite number, or None if not reported"
    if not isinstance(reading.source, str):
        return f"source is {_shown(reading.source)}; expected text"
    return _instant_fault(reading.at_ns, after_ns, now_ns)


def staleness_fault(stale_after_s: object) -> str:
    """Return in words what is wrong with a driver's `stale_after_s`; empty if it is valid."""
    if _is_number(stale_after_s) and 0 < stale_after_s <= STALE_AFTER_MAX_S:
        return ""
    return (
        f"stale_after_s is {_shown(stale_after_s)}; "
        f"expected seconds, more than 0 and at most {STALE_AFTER_MAX_S:.0f}"
    )


def _instant_fault(at_ns: object, after_ns: int, now_ns: int) -> str:
    expected = "expected clock.monotonic_ns() at the arrival of its last byte"
    if not isinstance(at_ns, int) or isinstance(at_ns, bool):
        return f"at_ns is {_shown(at_ns)}; {expected}"
    if at_ns > now_ns + AHEAD_MAX_NS:
        return f"at_ns is {at_ns}, {_seconds(at_ns - now_ns)} in the future; {expected}"
    if at_ns < after_ns:
        return (
            f"at_ns is {at_ns}, {_seconds(after_ns - at_ns)} before the opening or the previous "
            f"Reading; {expected}"
        )
    return ""


def _is_number(value: object) -> TypeGuard[int | float]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return -NUMBER_MAX < value < NUMBER_MAX


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / 1e9:.3g} s"


def _shown(value: object) -> str:
    """Return the value as Python writes it, with its type, even if it cannot be printed."""
    kind = type(value).__name__
    try:
        text = repr(value)
    # The value comes from a third-party driver.
    except Exception:
        return f"a {kind}"
    text = text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
    return text if value is None else f"{text} ({kind})"
