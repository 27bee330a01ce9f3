"""Faults between a bike and the gateway: at a rate, or in a window of the ride.

All of them have been reported of real bikes. Each fault has its own random source, so switching
one on changes neither the ride nor the other faults.
"""

from bisect import bisect_left
from collections.abc import Iterator
from random import Random
from typing import Annotated, TypeVar

from pydantic import Field

from drivers.contract import DriverOptions
from drivers.fake.rider import BikeState

#: The least time between two faults of the same kind, so that a single zero remains single.
_APART_MS = 1000

#: The shortest and the longest gap of `missing_per_min`.
_GAP_MS = (300, 2000)

_Message = TypeVar("_Message")

Rate = Annotated[float, Field(ge=0, le=30)]
Second = Annotated[float, Field(ge=0)]
Duration = Annotated[float, Field(gt=0)]


class FaultOptions(DriverOptions):
    """The faults of a ride; none by default.

    `*_per_min` is a rate, at random instants; `*_at_s` and `*_for_s` are seconds of the ride.
    """

    #: One power, or cadence, of 0 between good ones.
    zero_power_per_min: Rate = 0
    zero_cadence_per_min: Rate = 0
    #: One resistance at the opposite end of the scale.
    resistance_glitch_per_min: Rate = 0
    #: No data arrives for 0.3 to 2 s.
    missing_per_min: Rate = 0
    #: A message arrives twice.
    duplicate_per_min: Rate = 0
    #: A message arrives in two parts: on a serial wire cut in the middle; over Bluetooth as two
    #: notifications or more, in reverse order.
    split_per_min: Rate = 0
    #: A message ends in the middle.
    cut_per_min: Rate = 0
    #: One bit of a message is inverted. Serial wires only: Bluetooth has its own checksum.
    corrupt_per_min: Rate = 0

    #: The bike repeats its last values.
    frozen_at_s: Second | None = None
    frozen_for_s: Duration = 10
    #: The cadence sensor fails: cadence, and all values computed from it, are 0.
    dead_sensor_at_s: Second | None = None
    dead_sensor_for_s: Duration = 60
    #: The link drops; reconnecting is possible only after `disconnect_for_s`.
    disconnect_at_s: Second | None = None
    disconnect_for_s: Duration = 20
    #: The link drops; reconnecting is impossible until the end of the ride.
    vanish_at_s: Second | None = None

    #: 2 or 0.5 simulates a bike that counts its magnets incorrectly.
    cadence_factor: float = Field(default=1, gt=0, le=4)
    #: 0.5 simulates a meter that measures one pedal, 0.1 a bike that reports a tenth of its power.
    power_factor: float = Field(default=1, gt=0, le=10)


class Faults:
    """The faults of one ride, decided in advance and looked up by millisecond of the ride."""

    def __init__(self, options: FaultOptions, seed: int, ride_s: int) -> None:
        self._options = options
        self._instants_ms = {
            name: list(_instants_ms(rate, ride_s, _random(seed, name)))
            for name, rate in options
            if name.endswith("_per_min")
        }
        lengths = _random(seed, "gaps")
        self._gaps_ms = [
            (start_ms, start_ms + lengths.uniform(*_GAP_MS))
            for start_ms in self._instants_ms["missing_per_min"]
        ]

    def lost_because(self, ms: int) -> str | None:
        """Return the reason why the bike cannot be reached; None if it can."""
        faults = self._options
        if faults.vanish_at_s is not None and ms >= faults.vanish_at_s * 1000:
            return "the fake bike vanished for the rest of the ride"
        if _within(ms, faults.disconnect_at_s, faults.disconnect_for_s):
            return f"the fake bike dropped the link for {faults.disconnect_for_s:g} s"
        return None

    def is_missing(self, ms: int) -> bool:
        return any(start_ms <= ms < end_ms for start_ms, end_ms in self._gaps_ms)

    def shown_ms(self, ms: int) -> int:
        """Return the instant whose values the bike sends at `ms`: an earlier one while frozen."""
        faults = self._options
        if faults.frozen_at_s is not None and _within(ms, faults.frozen_at_s, faults.frozen_for_s):
            return int(faults.frozen_at_s * 1000)
        return ms

    def distort(self, state: BikeState, from_ms: int, until_ms: int) -> BikeState:
        """Return the distorted state, for a span in which the bike sends every value once."""
        faults = self._options
        state = state._replace(
            cadence_rpm=state.cadence_rpm * faults.cadence_factor,
            power_w=state.power_w * faults.power_factor,
        )
        if _within(from_ms, faults.dead_sensor_at_s, faults.dead_sensor_for_s):
            state = state._replace(cadence_rpm=0.0, power_w=0.0, speed_kmh=0.0)
        if self.hits("zero_power_per_min", from_ms, until_ms):
            state = state._replace(power_w=0.0)
        if self.hits("zero_cadence_per_min", from_ms, until_ms):
            state = state._replace(cadence_rpm=0.0)
        if self.hits("resistance_glitch_per_min", from_ms, until_ms):
            far_percent = 0.0 if state.knob_percent > 50 else 100.0
            state = state._replace(knob_percent=far_percent, sensor_noise=0.0)
        return state

    def repeat(self, messages: list[_Message], from_ms: int, until_ms: int) -> list[_Message]:
        """Return the messages of a span, doubled if they arrive twice."""
        return messages * 2 if self.hits("duplicate_per_min", from_ms, until_ms) else messages

    def damage(self, messages: list[bytes], from_ms: int, until_ms: int) -> list[bytes]:
        """Return the messages of a span as they arrive: possibly cut or corrupted."""
        if self.hits("cut_per_min", from_ms, until_ms):
            messages = [message[: len(message) // 2] for message in messages]
        if self.hits("corrupt_per_min", from_ms, until_ms):
            messages = [_with_bit_turned(message) for message in messages]
        return messages

    def hits(self, fault: str, from_ms: int, until_ms: int) -> bool:
        """Return whether `fault`, the name of an option, occurs in this span."""
        instants_ms = self._instants_ms[fault]
        return bisect_left(instants_ms, from_ms) < bisect_left(instants_ms, until_ms)


def _instants_ms(rate_per_min: float, ride_s: int, random: Random) -> Iterator[int]:
    """Yield one random instant in each interval, but none at the end of the interval."""
    if rate_per_min == 0:
        return
    interval_ms = 60_000 / rate_per_min
    start_ms = 0.0
    while start_ms < ride_s * 1000:
        yield int(start_ms + random.uniform(0, interval_ms - _APART_MS))
        start_ms += interval_ms


def _within(ms: int, at_s: float | None, for_s: float) -> bool:
    return at_s is not None and at_s * 1000 <= ms < (at_s + for_s) * 1000


def _with_bit_turned(message: bytes) -> bytes:
    turned = bytearray(message)
    turned[len(message) // 2] ^= 0x01
    return bytes(turned)


def _random(seed: int, fault: str) -> Random:
    return Random(f"{seed}:faults:{fault}")
