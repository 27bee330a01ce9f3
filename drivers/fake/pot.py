"""The potentiometer on the knob of a home-made rig, as read by an ADC. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import atanh, tanh
from typing import Literal, Self

from pydantic import Field, model_validator

from drivers.contract import DriverOptions
from drivers.protocols.serial.peloton_table import (
    DEFAULT_RESISTANCE_TABLE,
    resistance_percent,
    resistance_raw,
)

CurveName = Literal["linear", "s_shaped", "peloton"]

#: The steepness of the logistic curve. At 6, a line through its ends is off by 10 percent points,
#: one through 11 equidistant points by 0.7 (0.8 in whole counts); at 8 the latter exceeds 1.
_STEEPNESS = 6.0


class PotOptions(DriverOptions):
    """`[bikes.options.pot]`: the characteristics of the pot. Default: a good pot on 10 bits."""

    curve: CurveName = "linear"
    #: Whether the number falls when the knob is turned up.
    reversed: bool = False
    #: The counts of the ADC at the two ends of the knob.
    raw_min: int = Field(default=60, ge=0)
    raw_max: int = Field(default=960, le=65_535)
    #: The standard deviation of the noise.
    noise_counts: float = Field(default=1.5, ge=0, le=1000)
    #: The difference in the middle between turning up and turning down to the same position: the
    #: wiper lags behind the knob. It is 0 at the ends, which are reached from one side only.
    hysteresis_counts: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_a_range(self) -> Self:
        if self.raw_min >= self.raw_max:
            raise ValueError(
                f"raw_min {self.raw_min}: expected a number below raw_max, {self.raw_max}"
            )
        most = (self.raw_max - self.raw_min) / 2
        if self.hysteresis_counts > most:
            raise ValueError(
                f"hysteresis_counts {self.hysteresis_counts:g}: expected at most {most:g}, half "
                "the range from raw_min to raw_max"
            )
        return self


@dataclass(frozen=True, slots=True)
class _Curve:
    """The conversions between the knob, 0 … 100 %, and its share of the raw range, 0 … 1."""

    share_at: Callable[[float], float]
    percent_at: Callable[[float], float]


class Pot:
    """A pot: it converts the position of the knob to the counts of the ADC, and back."""

    def __init__(self, options: PotOptions) -> None:
        self._options = options
        self._curve = _CURVES[options.curve]
        self._span_counts = options.raw_max - options.raw_min

    def counts_at(self, percent: float, last_turn: float, noise: float) -> int:
        """Return the counts of the ADC with the knob at `percent`.

        `last_turn`: 1.0 up, -1.0 down. `noise`: the present noise, in standard deviations.
        """
        options = self._options
        share = self._curve.share_at(percent)
        lag = last_turn * options.hysteresis_counts / 2 * 4 * share * (1 - share)
        if options.reversed:
            share, lag = 1 - share, -lag
        counts = options.raw_min + share * self._span_counts - lag + noise * options.noise_counts
        return max(0, round(counts))

    def percent_at(self, counts: float) -> float:
        """Return the true position for `counts`, without noise and hysteresis. Clamped."""
        share = min(1.0, max(0.0, (counts - self._options.raw_min) / self._span_counts))
        return self._curve.percent_at(1 - share if self._options.reversed else share)


# The logistic curve, normalised to 0 and 1 at the ends, is a hyperbolic tangent.
_END = tanh(_STEEPNESS / 4)


def _s_shaped_share(percent: float) -> float:
    return (1 + tanh(_STEEPNESS / 2 * (percent / 100 - 0.5)) / _END) / 2


def _s_shaped_percent(share: float) -> float:
    return 100 * (0.5 + atanh((2 * share - 1) * _END) * 2 / _STEEPNESS)


_PELOTON_MIN = DEFAULT_RESISTANCE_TABLE[0]
_PELOTON_SPAN = DEFAULT_RESISTANCE_TABLE[-1] - _PELOTON_MIN

_CURVES: Mapping[CurveName, _Curve] = {
    "linear": _Curve(lambda percent: percent / 100, lambda share: share * 100),
    "s_shaped": _Curve(_s_shaped_share, _s_shaped_percent),
    "peloton": _Curve(
        lambda percent: (resistance_raw(percent) - _PELOTON_MIN) / _PELOTON_SPAN,
        lambda share: resistance_percent(_PELOTON_MIN + share * _PELOTON_SPAN),
    ),
}
