"""The moving parts of the bike: the flywheel with its sensor, and the resistance knob."""

from math import copysign
from random import Random

from drivers.magnetic_brake import magnet_power_w

#: Joules per rpm² that the wheel holds, as the rider feels them: with it 80 rpm at 40 % coast
#: down in 3 s. A choice; no recording of it is known.
_INERTIA = 0.04

#: The wheel turns this often per turn of the cranks; from how long a Peloton repeats a value.
_GEAR = 3.65

#: Below this the sensor says 0: a Peloton's last value before it is 3 or 4.
STANDSTILL_RPM = 3.5

#: Legs take the wheel from standstill to a steady 80 rpm in 3 to 6 s, at most this fast.
_MOST_RPM_PER_S = 25.0
_PULL_PER_S = 1.5

#: A hand turns the knob so often …
TURN_S = 0.4
#: … by at most so much: more or less at each turn.
_MOST_PERCENT = (1.0, 3.0)


def slowdown_rpm_per_s(cadence_rpm: float, resistance_percent: float) -> float:
    """How fast a wheel left alone slows down.

    The first part is a fit to a recorded coast from 70 rpm with the magnets out (rmse 4.3 rpm).
    """
    friction = 1.5 + 0.14 * cadence_rpm
    if cadence_rpm <= 0:
        return friction
    return friction + magnet_power_w(cadence_rpm, resistance_percent) / (_INERTIA * cadence_rpm)


class SimulatedFlywheel:
    """Speed as the rider's cadence, and the cadence that the bike shows for it."""

    def __init__(self, cadence_rpm: float = 0.0) -> None:
        self.cadence_rpm = cadence_rpm
        self.shown_rpm = cadence_rpm
        self._turn = 0.0

    def step(self, legs_rpm: float, resistance_percent: float, step_s: float) -> None:
        """Turn for `step_s` while the legs want `legs_rpm`; 0 = they hang still."""
        coasting = (
            self.cadence_rpm - slowdown_rpm_per_s(self.cadence_rpm, resistance_percent) * step_s
        )
        pull = min((legs_rpm - self.cadence_rpm) * _PULL_PER_S, _MOST_RPM_PER_S)
        pedalling = self.cadence_rpm + pull * step_s
        self.cadence_rpm = max(coasting, pedalling) if legs_rpm > 0 else coasting
        self._watch(legs_rpm, step_s)

    def _watch(self, legs_rpm: float, step_s: float) -> None:
        """The sensor is passed once per turn of the wheel, so between turns the value stays."""
        if legs_rpm <= 0 and self.cadence_rpm < STANDSTILL_RPM:
            self.cadence_rpm = self.shown_rpm = self._turn = 0.0
            return
        self._turn += _GEAR * self.cadence_rpm / 60 * step_s
        if self._turn >= 1:
            self._turn %= 1
            self.shown_rpm = self.cadence_rpm


class Knob:
    """Where a hand has left it, 0 to 100 %, and which way it was turned last."""

    def __init__(self, random: Random, percent: float) -> None:
        self.percent = percent
        #: 1.0 up, -1.0 down.
        self.last_turn = 1.0
        self._random = random

    def turn(self, wanted_percent: float) -> None:
        """As far towards it as a hand gets in TURN_S; the last turn ends exactly there."""
        missing = wanted_percent - self.percent
        if missing == 0:
            return
        self.last_turn = copysign(1.0, missing)
        most = self._random.uniform(*_MOST_PERCENT)
        if abs(missing) <= most:
            self.percent = wanted_percent
        else:
            self.percent += self.last_turn * most
