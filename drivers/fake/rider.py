"""A simulated rider: preferences and limits from a seed, legs that tire, a heart that follows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from typing import NamedTuple, Self

from drivers.fake.physics import TURN_S, Knob, SimulatedFlywheel
from drivers.magnetic_brake import power_w, resistance_percent, speed_kmh

#: The step of the simulation: fine enough for a coast-down, and coarse enough to catch up with a
#: ride quickly.
STEP_S = 0.1

_SENSOR_SD_W = 1.5
#: About one count of a Peloton's sensor at medium resistance.
_SENSOR_SD_PERCENT = 0.1

_TURN_STEPS = round(TURN_S / STEP_S)
#: A rider ignores smaller differences from the wanted resistance.
_WORTH_TURNING_PERCENT = 1.0
#: An exhausted rider lowers the wanted resistance by this much.
_EASE_PERCENT = 6.0


class BikeState(NamedTuple):
    """The bike's values at one instant, before rounding for the wire."""

    cadence_rpm: float
    #: The exact position of the knob.
    knob_percent: float
    power_w: float
    speed_kmh: float
    heart_rate_bpm: float
    #: The direction of the knob's last turn: 1.0 up, -1.0 down.
    last_turn: float = 1.0
    #: The present noise of the resistance sensor, in standard deviations.
    sensor_noise: float = 0.0

    @property
    def resistance_percent(self) -> float:
        """The position of the knob as measured by a good bike's sensor."""
        percent = self.knob_percent + self.sensor_noise * _SENSOR_SD_PERCENT
        return min(100.0, max(0.0, percent))

    def with_knob(self, percent: float, last_turn: float) -> Self:
        """Return this state at the same cadence, with the knob at another position."""
        taken_w = power_w(self.cadence_rpm, percent)
        return self._replace(
            knob_percent=percent,
            last_turn=last_turn,
            power_w=taken_w,
            speed_kmh=speed_kmh(taken_w),
        )


class RiderTarget(NamedTuple):
    """The target that a scenario sets for one instant. Cadence 0 means: stop pedalling."""

    cadence_rpm: float
    resistance_percent: float
    #: Whether the rider follows a metronome.
    has_beat: bool = False


@dataclass(frozen=True, slots=True)
class RiderProfile:
    """The individual traits of a rider, within textbook ranges of recreational riders."""

    cadence_rpm: float
    resistance_percent: float
    #: Critical power, which can be sustained; power above it uses up the reserve.
    critical_w: float
    reserve_j: float
    resting_bpm: float

    @classmethod
    def from_seed(cls, seed: int) -> Self:
        """Derive the rider from a seed: the same seed always gives the same rider."""
        random = _random(seed, "profile")
        cadence_rpm = random.uniform(70, 98)
        critical_w = random.uniform(150, 250)
        effort = random.uniform(0.75, 1.1)
        return cls(
            cadence_rpm=cadence_rpm,
            resistance_percent=resistance_percent(effort * critical_w, cadence_rpm),
            critical_w=critical_w,
            reserve_j=random.uniform(14_000, 21_000),
            resting_bpm=random.uniform(55, 75),
        )


class Wander:
    """An Ornstein-Uhlenbeck process: a value that wanders around 0 and is drawn back to it."""

    def __init__(self, random: Random, sd: float, return_s: float) -> None:
        self.value = 0.0
        self._random = random
        self._keep = exp(-STEP_S / return_s)
        self._push = sd * sqrt(1 - self._keep**2)

    def step(self) -> float:
        self.value = self._keep * self.value + self._push * self._random.gauss(0.0, 1.0)
        return self.value


class Reserve:
    """The work above critical power that a rider still has in reserve (W'), and the tiredness."""

    _TIRED_BELOW = 0.2
    _RECOVERY_S = 450.0

    def __init__(self, critical_w: float, most_j: float) -> None:
        self.left_j = most_j
        self._critical_w = critical_w
        self._most_j = most_j
        self._recovery = 1 - exp(-STEP_S / self._RECOVERY_S)

    def step(self, power_w: float) -> None:
        if power_w > self._critical_w:
            self.left_j = max(0.0, self.left_j - (power_w - self._critical_w) * STEP_S)
        else:
            self.left_j += (self._most_j - self.left_j) * self._recovery

    @property
    def tiredness(self) -> float:
        """From 0 while at least a fifth of the reserve is left, to 1 when it is empty."""
        return max(0.0, 1 - self.left_j / self._most_j / self._TIRED_BELOW)


class Heart:
    """A heart rate that follows power with a lag, longer downwards. Rates and gain are a choice."""

    _BPM_PER_W = 0.45
    _UP_S = 30.0
    _DOWN_S = 60.0

    def __init__(self, resting_bpm: float) -> None:
        self.rate_bpm = resting_bpm
        self._resting_bpm = resting_bpm

    def step(self, power_w: float) -> None:
        aim_bpm = min(190.0, self._resting_bpm + self._BPM_PER_W * power_w)
        lag_s = self._UP_S if aim_bpm > self.rate_bpm else self._DOWN_S
        self.rate_bpm += (aim_bpm - self.rate_bpm) * STEP_S / lag_s


class Legs:
    """The rider's legs: they keep a cadence with noise, and slow by up to 15 % when tired.

    With a metronome they do not slow down, and make up for the turns by which they are behind it.
    """

    _SAG = 0.15
    #: The additional cadence for each turn that the metronome is ahead. Chosen freely.
    _CATCH_UP_RPM = 12.0

    def __init__(self, random: Random) -> None:
        self._turns_lost = 0.0
        # Measured at steady riding: 1.2 rpm, drawn back in 5 s; a slow drift is added to it.
        self._noise = Wander(random, sd=1.2, return_s=5)
        self._drift = Wander(random, sd=3, return_s=60)

    def step(self, target: RiderTarget, tiredness: float) -> float:
        noise_rpm, drift_rpm = self._noise.step(), self._drift.step()
        if target.cadence_rpm <= 0:
            return 0.0
        if target.has_beat:
            return self._to_the_beat(target.cadence_rpm, noise_rpm)
        wander_rpm = noise_rpm + drift_rpm
        return max(0.0, target.cadence_rpm * (1 - self._SAG * tiredness) + wander_rpm)

    def _to_the_beat(self, beat_rpm: float, noise_rpm: float) -> float:
        rpm = max(0.0, beat_rpm + noise_rpm + self._CATCH_UP_RPM * self._turns_lost)
        self._turns_lost += (beat_rpm - rpm) / 60 * STEP_S
        return rpm


def adjust(knob: Knob, target_percent: float, tiredness: float) -> None:
    """Turn the knob once, as a rider does, if the resistance differs enough."""
    wanted = min(100.0, max(0.0, target_percent - _EASE_PERCENT * tiredness))
    if abs(wanted - knob.percent) >= _WORTH_TURNING_PERCENT:
        knob.turn(wanted)


def simulate(
    profile: RiderProfile, target_at: Callable[[float], RiderTarget], seed: int
) -> Iterator[BikeState]:
    """Simulate an endless ride from standstill; yield a state every STEP_S.

    `target_at` maps seconds of the ride to the RiderTarget. The same arguments give the same ride.
    """
    wheel = SimulatedFlywheel()
    legs = Legs(_random(seed, "legs"))
    knob = Knob(_random(seed, "knob"), target_at(0.0).resistance_percent)
    reserve = Reserve(profile.critical_w, profile.reserve_j)
    heart = Heart(profile.resting_bpm)
    sensors = _random(seed, "sensors")
    step = 0
    while True:
        yield _sensed(wheel, knob, heart, sensors)
        target = target_at(step * STEP_S)
        if step % _TURN_STEPS == 0:
            adjust(knob, target.resistance_percent, reserve.tiredness)
        wheel.step(legs.step(target, reserve.tiredness), knob.percent, STEP_S)
        given_w = power_w(wheel.cadence_rpm, knob.percent) if target.cadence_rpm > 0 else 0.0
        reserve.step(given_w)
        heart.step(given_w)
        step += 1


def _sensed(wheel: SimulatedFlywheel, knob: Knob, heart: Heart, sensors: Random) -> BikeState:
    """Return the bike's values: with noise, and with a power that is 0 while the sensor shows 0."""
    power_noise_w = sensors.gauss(0.0, _SENSOR_SD_W)
    sensor_noise = sensors.gauss(0.0, 1.0)
    exact_w = power_w(wheel.shown_rpm, knob.percent)
    shown_w = max(0.0, exact_w + power_noise_w) if exact_w > 0 else 0.0
    return BikeState(
        wheel.shown_rpm,
        knob.percent,
        shown_w,
        speed_kmh(shown_w),
        heart.rate_bpm,
        knob.last_turn,
        sensor_noise,
    )


def _random(seed: int, concern: str) -> Random:
    """Create a random source per concern, so that using one more often does not change another."""
    return Random(f"{seed}:{concern}")
