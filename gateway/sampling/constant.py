"""Constant resistance: a knob at rest, or a number that means nothing. Pure.

Some bikes report a resistance although they have no sensor: always 0 (doudar/SmartSpin2k #573,
cagnulein/qdomyos-zwift #2527), or always 40 (cagnulein/qdomyos-zwift #4566). A rider who does not
touch the knob also sends a constant, so a constant alone is no evidence. The power is: at rest, a
brake needs the same power at the same cadence, and without resistance hardly any.
"""

from bisect import insort
from collections import defaultdict, deque

from drivers.magnetic_brake import power_w as brake_power_w

#: A zero is doubted after this many seconds in a row with real power. Accelerating a flywheel also
#: takes power, but not for as long.
RIDDEN_S = 10
#: Real power is at least this many times what belt and bearings need.
ZERO_DRAGS = 2.0
#: A knob was turned if the bike reports another number for this many seconds in a row; fewer are
#: a glitch.
TURNED_S = 3
#: Powers are compared at cadences that stayed within NEAR_RPM for SETTLED_S: a change of cadence
#: shows in the power only seconds later, and meanwhile the flywheel takes or gives some of it.
SETTLED_S = 10
NEAR_RPM = 10.0
#: A constant above 0 is doubted if, at one cadence, the RIDDEN_S strongest seconds are all at least
#: this many times as strong as the RIDDEN_S weakest. A brake at rest varies less, with its warmth
#: and the noise of its power, whether it has magnets, felt or a fan.
WIDE = 2.0
#: Slower turns are not compared: the rounding of cadence and power is too coarse for that.
SLOWEST_RPM = 30.0
#: The place of a Peloton's knob that powers are compared with; any other would do.
COMPARED_PERCENT = 50.0


class _Strengths:
    """The weakest and the strongest seconds of a brake at one cadence, each in rising order."""

    def __init__(self) -> None:
        self._weakest: list[float] = []
        self._strongest: list[float] = []

    def add(self, strength: float) -> None:
        insort(self._weakest, strength)
        insort(self._strongest, strength)
        del self._weakest[RIDDEN_S:]
        del self._strongest[:-RIDDEN_S]

    @property
    def are_wide(self) -> bool:
        is_full = len(self._weakest) == RIDDEN_S
        return is_full and self._strongest[0] >= WIDE * self._weakest[-1]


class ConstantResistance:
    """The evidence for and against the number that a bike reports as its resistance.

    It outlives a connection, as the bike usually does; it begins again whenever the number moves.
    A number below 0 counts as 0: no brake helps the rider.
    """

    def __init__(self) -> None:
        #: Why the number means nothing; empty if it may be real.
        self.doubt = ""
        #: The number that is judged; None before the first one.
        self.number: float | None = None
        #: The number that the bike reported last: for some seconds, a glitch may be another one.
        self._heard = 0.0
        #: Whether 0 is a place of a knob, because the number was above 0 on this connection.
        self._has_knob = False
        self._above_zero_s = 0
        self._forget_ride()

    def _forget_ride(self) -> None:
        self.doubt = ""
        #: For how many seconds the bike has reported another number than the judged one.
        self._moved_s = 0
        #: The length of the ride so far with real power, in seconds.
        self._ridden_s = 0
        self._cadences: deque[float] = deque(maxlen=SETTLED_S)
        #: By cadence, in steps of NEAR_RPM.
        self._strengths: defaultdict[int, _Strengths] = defaultdict(_Strengths)

    def connect(self) -> None:
        """Begin a connection: a knob must prove again that a zero is one of its places."""
        self._has_knob = False
        self._above_zero_s = 0

    def forget(self) -> None:
        """Forget all: another number counts now."""
        self.number = None
        self._forget_ride()

    def hear(self, number: float) -> None:
        """Add a number that the bike reported."""
        self._heard = number
        may_be_glitch = self.number is not None and (self.number <= 0 or self.doubt)
        if number != self.number and not may_be_glitch:
            self._judge(number)

    def ride(self, cadence_rpm: float | None, power_w: float | None) -> None:
        """Add a second of the ride."""
        if self.number is None:
            return
        self._notice_turn(self.number)
        if self.doubt or self._moved_s:
            return
        self._ride_at_zero(cadence_rpm or 0.0, power_w or 0.0)
        self._ride_above_zero(cadence_rpm or 0.0, power_w or 0.0)

    def _judge(self, number: float) -> None:
        self.number = number
        self._forget_ride()

    def _notice_turn(self, number: float) -> None:
        """Judge the last number instead of `number` once the knob was turned."""
        self._above_zero_s = self._above_zero_s + 1 if self._heard > 0 else 0
        self._has_knob = self._has_knob or self._above_zero_s >= TURNED_S
        is_same = self._heard == number or max(self._heard, number) <= 0
        self._moved_s = 0 if is_same else self._moved_s + 1
        if self._moved_s >= TURNED_S:
            self._judge(self._heard)

    def _ride_at_zero(self, cadence_rpm: float, power_w: float) -> None:
        is_real = self._heard <= 0 and power_w >= ZERO_DRAGS * brake_power_w(cadence_rpm, 0) > 0
        self._ridden_s = self._ridden_s + 1 if is_real else 0
        if self._ridden_s >= RIDDEN_S and not self._has_knob:
            self.doubt = (
                f"the reported resistance is always {self.number:g}, although the power shows that "
                "there is resistance"
            )

    def _ride_above_zero(self, cadence_rpm: float, power_w: float) -> None:
        cadences = self._cadences
        cadences.append(cadence_rpm)
        is_settled = len(cadences) == SETTLED_S and max(cadences) - min(cadences) <= NEAR_RPM
        is_ridden = cadence_rpm >= SLOWEST_RPM and power_w > brake_power_w(cadence_rpm, 0)
        if not (self._heard > 0 and is_settled and is_ridden):
            return
        strengths = self._strengths[round(cadence_rpm / NEAR_RPM)]
        strengths.add(power_w / brake_power_w(cadence_rpm, COMPARED_PERCENT))
        if strengths.are_wide:
            self.doubt = (
                f"the reported resistance is always {self.number:g}, while the power at the same "
                "cadence varies"
            )
