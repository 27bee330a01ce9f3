"""Knobs with a sensor of their own, and a hand that turns them as a guide asks."""

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
#: A person reads what is asked for, and then turns so fast. Nobody stands still to the percent.
READS_S = 1.8
#: Nor does anybody begin before the bike has said its number this often.
SEES = 4
TURNS_PERCENT_PER_S = 12.0
GIVES_UP_S = 60.0
STEEPNESS = 6.0


def s_shaped(percent: float) -> float:
    """Counts of a converter, 150 … 950: a logistic curve, as the sensors of real bikes have."""

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
    """A knob's sensor and what is wrong with it.

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
        """What the sensor feels, without noise, when the knob gets to `percent`."""
        raw = self.curve(percent)
        return min(max(felt, raw - self.play / 2), raw + self.play / 2)

    def says(self, felt: float, random: Random) -> float:
        if random.random() < self.outliers:
            return random.choice((0.0, 1023.0))
        return round((felt + random.gauss(0, self.noise)) / self.step) * self.step


class Hand:
    """Turns the knob of `pot` to what `guide` asks for, until all is done."""

    def __init__(self, pot: Pot, guide: Guide, seed: int = 0) -> None:
        self.now_ns = 0
        self._percent = 5.0
        self._felt = pot.curve(self._percent)
        self._pot = pot
        self._guide = guide
        self._random = Random(seed)

    def follow(self) -> None:
        """Raises StepRefused if a target cannot be captured."""
        while (target := self._guide.target) is not None:
            self._turn_to(target)

    def _turn_to(self, target: Target) -> None:
        for percent in self._way_to(target.percent):
            self._percent = percent
            self._felt = self._pot.follow(self._felt, percent)
            self._say()
            if self._guide.target is not target:
                return
        # Whoever sees that nothing happens presses Enter.
        self._guide.capture_now(self.now_ns)

    def _way_to(self, percent: float) -> Iterator[float]:
        """Where the knob is, each time the bike speaks."""
        rate_hz = self._pot.rate_hz
        for _ in range(max(SEES, round(READS_S * rate_hz))):
            yield self._percent
        while abs(self._percent - percent) > TURNS_PERCENT_PER_S / rate_hz:
            step = TURNS_PERCENT_PER_S / rate_hz * self._random.uniform(0.5, 1)
            yield self._percent + (step if percent > self._percent else -step)
        for _ in range(round(GIVES_UP_S * rate_hz)):
            yield percent

    def _say(self) -> None:
        random, period_s = self._random, 1 / self._pot.rate_hz
        if random.random() < self._pot.drop_outs:
            self.now_ns += round(random.uniform(0.3, 2.0) * NS_PER_S)
        self.now_ns += round(random.uniform(0.8, 1.2) * period_s * NS_PER_S)
        self._guide.hear(self.now_ns, self._pot.says(self._felt, random))


def calibrated(pot: Pot, asked: tuple[Target, ...], seed: int = 0) -> CalibrationRecord:
    """What a guided run on this pot makes."""
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
    """In points of percent, over the whole knob turned up and down again."""

    worst: float
    mean: float


def errors(table: CalibrationTable, pot: Pot) -> Errors:
    felt, found = pot.curve(0) + pot.play / 2, []
    for tenth in (*range(1001), *range(1000, -1, -1)):
        felt = pot.follow(felt, tenth / 10)
        found.append(abs(table.percent_at(felt) - tenth / 10))
    return Errors(max(found), fmean(found))


def two_point_line(pot: Pot) -> CalibrationTable:
    """Through the ends alone, as gain and offset have it."""
    return CalibrationTable([(pot.curve(0), 0), (pot.curve(100), 100)])
