"""The magnetic brake: power from cadence and resistance, and speed from power."""

from math import inf, sqrt

# Fit over 803 seconds of two riders in ihaque/pelomon's recordings of a Peloton Bike (23 to 119
# rpm, 22 to 81 %): rmse 16.9 W, median relative error 3.2 %.
_MAGNET_FACTOR = 1.3798e-5
_CADENCE_EXPONENT = 1.6116
_RESISTANCE_EXPONENT = 2.3977

#: The drag of belt and bearings with the magnets out, W per rpm; from the same recordings.
_DRAG_W_PER_RPM = 0.175

_KM_PER_MILE = 1.609344
#: The power at which the display switches between its two speed curves, W.
_SPEED_KNEE_W = 27.0


def power_w(cadence_rpm: float, resistance_percent: float) -> float:
    """Return the power in W that a cadence and a resistance (0 to 100 %) require.

    The drag is a lower limit, not a summand: added on top it would bias the fit by 12.8 W.
    """
    return max(_DRAG_W_PER_RPM * cadence_rpm, magnet_power_w(cadence_rpm, resistance_percent))


def magnet_power_w(cadence_rpm: float, resistance_percent: float) -> float:
    """Return the power in W that the magnets alone require, which is 0 at 0 %."""
    per_percent = _MAGNET_FACTOR * cadence_rpm**_CADENCE_EXPONENT
    return float(per_percent * resistance_percent**_RESISTANCE_EXPONENT)


def resistance_percent(power_w: float, cadence_rpm: float) -> float:
    """Return the resistance at which `cadence_rpm` requires `power_w`: the inverse fit.

    It is infinite if the pedals turn too slowly for any resistance.
    """
    per_percent = _MAGNET_FACTOR * cadence_rpm**_CADENCE_EXPONENT
    if per_percent == 0:
        return inf
    return float((power_w / per_percent) ** (1 / _RESISTANCE_EXPONENT))


def speed_kmh(power_w: float) -> float:
    """Return the speed that a Peloton shows for a power (a published fit, rmse 0.056 mph)."""
    if power_w <= 0:
        return 0.0
    root = sqrt(power_w)
    if power_w < _SPEED_KNEE_W:
        mph = -0.07605 * root**3 + 0.74063 * root**2 - 0.14023 * root + 0.0466
    else:
        mph = 0.00087 * root**3 - 0.05685 * root**2 + 2.23594 * root - 1.31158
    return mph * _KM_PER_MILE
