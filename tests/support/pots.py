"""Simulated knobs with a sensor, and a hand that turns them as a guide asks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp
from random import Random
from statistics import fmean

from gateway.calibrating.measuring.guide import Guide, Target
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CalibrationRecord

NS_PER_S = 1_000_000_000
#: A person reads the request for this many seconds, then turns at up to TURNS_PERCENT_PER_S.
READS_S = 1.8
#: A person begins only after the bike has sent this many values.
SEES = 4
TURNS_PERCENT_PER_S = 12.0
GIVES_UP_S = 60.0
STEEPNESS = 6.0


def s_shaped(percent: float) -> float:
    """Return a converter's counts, 150 … 950, on a logistic curve, as in real bikes' sensors."""

    def logistic(x: float) -> float:
        return 1 / (1 + exp(-STEEPNESS * (x - 0.5)))

    low, high = logistic(0), logistic(1)
    return 150 + 800 * (logistic(percent / 100) - low) / (high - low)


def reversed_s_shaped(percent: float) -> float:
    return 1100 - s_shaped(percent)


def linear(percent: float) -> float:
    return 150 + 8 * percent


@dataclass(frozen=True, slots=True)
class Pot:
    """A knob's sensor and its faults.

    `play` is hysteresis: the sensor follows only when the knob has turned through it, in raw units.
    """

    curve: Callable[[float], float] = s_shaped
    noise: float = 0.0
    play: float = 0.0
    outliers: float = 0.0
    drop_outs: float = 0.0
    rate_hz: float = 10 / 3
    step: float = 1.0

    def follow(self, felt: float, percent: float) -> float:
        """Return the sensor's value, without noise, once the knob is at `percent`."""
        raw = self.curve(percent)
        return min(max(felt, raw - self.play / 2), raw + self.play / 2)

    def says(self, felt: float, random: Random) -> float:
        if random.random() < self.outliers:
            return random.choice((0.0, 1023.0))
        return round((felt + random.gauss(0, self.noise)) / self.step) * self.step


class Hand:
    """A hand that turns the knob of `pot` to each target of `guide`."""

    def __init__(self, pot: Pot, guide: Guide, seed: int = 0) -> None:
        self.now_ns = 0
        self._percent = 5.0
        self._felt = pot.curve(self._percent)
        self._pot = pot
        self._guide = guide
        self._random = Random(seed)

    def follow(self) -> None:
        """Follow the guide to its end. Raises StepRefused if a target cannot be captured."""
        while (target := self._guide.target) is not None:
            self._turn_to(target)

    def _turn_to(self, target: Target) -> None:
        for percent in self._way_to(target.percent):
            self._percent = percent
            self._felt = self._pot.follow(self._felt, percent)
            self._send()
            if self._guide.target is not target:
                return
        # A user who sees that nothing happens presses Enter.
        self._guide.capture_now(self.now_ns)

    def _way_to(self, percent: float) -> Iterator[float]:
        """Yield the knob's position each time the bike sends."""
        rate_hz = self._pot.rate_hz
        for _ in range(max(SEES, round(READS_S * rate_hz))):
            yield self._percent
        while abs(self._percent - percent) > TURNS_PERCENT_PER_S / rate_hz:
            step = TURNS_PERCENT_PER_S / rate_hz * self._random.uniform(0.5, 1)
            yield self._percent + (step if percent > self._percent else -step)
        for _ in range(round(GIVES_UP_S * rate_hz)):
            yield percent

    def _send(self) -> None:
        random, period_s = self._random, 1 / self._pot.rate_hz
        if random.random() < self._pot.drop_outs:
            self.now_ns += round(random.uniform(0.3, 2.0) * NS_PER_S)
        self.now_ns += round(random.uniform(0.8, 1.2) * period_s * NS_PER_S)
        self._guide.hear(self.now_ns, self._pot.says(self._felt, random))


def calibrated(pot: Pot, asked: tuple[Target, ...], seed: int = 0) -> CalibrationRecord:
    """Return the record of a guided run on this pot."""
    guide = Guide(asked)
    hand = Hand(pot, guide, seed)
    hand.follow()
    return CalibrationRecord(
        bike_id="bike-1",
        device="pot",
        made_at=datetime.fromtimestamp(hand.now_ns // NS_PER_S, UTC),
        made_by="test",
        quantity="raw",
        points=guide.captured,
        rate_hz=guide.signal.rate_hz(hand.now_ns),
    )


@dataclass(frozen=True, slots=True)
class Errors:
    """The errors of a table in points of percent, with the knob turned all the way up and down."""

    worst: float
    mean: float


def errors(table: CalibrationTable, pot: Pot) -> Errors:
    felt, found = pot.curve(0) + pot.play / 2, []
    for tenth in (*range(1001), *range(1000, -1, -1)):
        felt = pot.follow(felt, tenth / 10)
        found.append(abs(table.percent_at(felt) - tenth / 10))
    return Errors(max(found), fmean(found))


def two_point_line(pot: Pot) -> CalibrationTable:
    """Return the line through both ends, as gain and offset give it."""
    return CalibrationTable([(pot.curve(0), 0), (pot.curve(100), 100)])
