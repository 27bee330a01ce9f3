"""The moving parts of the bike: the flywheel with its sensor, and the resistance knob."""

from math import copysign
from random import Random

from drivers.magnetic_brake import magnet_power_w

#: The wheel's inertia as the rider feels it, J per rpm²: with it, 80 rpm at 40 % coast down in 3 s.
#: Chosen freely, because no recording is known.
_INERTIA = 0.04

#: Turns of the wheel per turn of the cranks; derived from how long a Peloton repeats a value.
_GEAR = 3.65

#: Below this cadence the sensor reports 0: the last value of a Peloton before 0 is 3 or 4.
STANDSTILL_RPM = 3.5

#: The largest acceleration: legs bring the wheel from standstill to a steady 80 rpm in 3 to 6 s.
_MOST_RPM_PER_S = 25.0
#: The acceleration per rpm that is missing, 1/s.
_PULL_PER_S = 1.5

#: The time between two turns of the knob by a hand.
TURN_S = 0.4
#: The most that one turn moves the knob, in percent: random within these limits.
_MOST_PERCENT = (1.0, 3.0)


def slowdown_rpm_per_s(cadence_rpm: float, resistance_percent: float) -> float:
    """Return how fast a coasting wheel slows down, in rpm/s.

    The friction is a fit to a recorded coast from 70 rpm with the magnets out (rmse 4.3 rpm).
    """
    friction = 1.5 + 0.14 * cadence_rpm
    if cadence_rpm <= 0:
        return friction
    return friction + magnet_power_w(cadence_rpm, resistance_percent) / (_INERTIA * cadence_rpm)


class SimulatedFlywheel:
    """The wheel's speed in terms of cadence, and the cadence that the bike's sensor shows."""

    def __init__(self, cadence_rpm: float = 0.0) -> None:
        self.cadence_rpm = cadence_rpm
        self.shown_rpm = cadence_rpm
        self._turn = 0.0

    def step(self, legs_rpm: float, resistance_percent: float, step_s: float) -> None:
        """Turn for `step_s` while the legs aim at `legs_rpm`; 0 means that they do not pedal."""
        coasting = (
            self.cadence_rpm - slowdown_rpm_per_s(self.cadence_rpm, resistance_percent) * step_s
        )
        pull = min((legs_rpm - self.cadence_rpm) * _PULL_PER_S, _MOST_RPM_PER_S)
        pedalling = self.cadence_rpm + pull * step_s
        self.cadence_rpm = max(coasting, pedalling) if legs_rpm > 0 else coasting
        self._watch(legs_rpm, step_s)

    def _watch(self, legs_rpm: float, step_s: float) -> None:
        """Update the shown cadence: once per turn of the wheel, when it passes the sensor."""
        if legs_rpm <= 0 and self.cadence_rpm < STANDSTILL_RPM:
            self.cadence_rpm = self.shown_rpm = self._turn = 0.0
            return
        self._turn += _GEAR * self.cadence_rpm / 60 * step_s
        if self._turn >= 1:
            self._turn %= 1
            self.shown_rpm = self.cadence_rpm


class Knob:
    """The knob's position, 0 to 100 %, and the direction of its last turn."""

    def __init__(self, random: Random, percent: float) -> None:
        self.percent = percent
        #: 1.0 up, -1.0 down.
        self.last_turn = 1.0
        self._random = random

    def turn(self, wanted_percent: float) -> None:
        """Turn towards a position as far as a hand gets in TURN_S; the last turn ends exactly."""
        missing = wanted_percent - self.percent
        if missing == 0:
            return
        self.last_turn = copysign(1.0, missing)
        most = self._random.uniform(*_MOST_PERCENT)
        if abs(missing) <= most:
            self.percent = wanted_percent
        else:
            self.percent += self.last_turn * most
