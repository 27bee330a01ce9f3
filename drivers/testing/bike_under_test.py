"""The bike that the contract tests open, with all that they may do to it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from drivers.clock import MachineClock
from drivers.contract import Clock
from drivers.testing.fast_clock import FastClock

#: How fast the time-outs of a driver pass in a test that waits for a loss.
HASTE = 15


@dataclass(frozen=True)
class BikeUnderTest:
    """A bike that is there and sends Readings, usually simulated by the test.

    `driver` and `options` are its entries in a config. A bike that the test does not control, such
    as a real one, has no `vanish`, `come_back` and `babble`: the tests that need them are skipped.
    """

    driver: str
    options: Mapping[str, object]
    #: Makes the bike disappear, as if it were switched off.
    vanish: Callable[[], None] | None = None
    #: Makes it appear again, sending Readings.
    come_back: Callable[[], Awaitable[None]] | None = None
    #: Makes it send only bytes that mean nothing, at its usual rate, until it comes back.
    babble: Callable[[], None] | None = None
    #: The driver's clock.
    clock: Clock = field(default_factory=MachineClock)
    #: The driver's clock in a test that waits for a loss.
    fast_clock: Clock = field(default_factory=lambda: FastClock(HASTE))
