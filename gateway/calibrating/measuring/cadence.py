"""Cadence check: compare the cadence that a bike reports with the true cadence. Pure.

The true cadence comes from turns counted between two presses of a key, from a metronome, or from a
second sensor. Typical errors are plain ratios: a bike that counts two magnets reports twice the
cadence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import sqrt

from drivers import Reading
from gateway.host.errors import GatewayError
from gateway.sampling.series import DROPOUT_NS
from gateway.timing.units import NS_PER_S

#: The largest error of a correct cadence, rpm.
FINE_RPM = 2.0
#: The usual corrections, the most likely first; 1 removes a scale.
PLAIN_SCALES = (0.5, 2.0, 0.1, 1.0)
#: A measured scale counts as a plain one if their relative difference is at most this.
NEAR = 0.03

#: The timing error of both presses of a key together, in seconds.
KEY_S = 0.2
#: How much a rider may fall behind or get ahead of a metronome while measuring, in turns.
BEAT_TURNS = 0.5
#: The age of a sensor's cadence, in seconds: it waits for a turn, and for its time to send.
LAG_S = 1.0

MIN_SAMPLES = 10
#: The longest gap between two cadences of a usable measurement, in seconds.
SILENCE_S = 5.0
#: The largest standard deviation of a usable cadence, as a share of its mean.
MAX_WANDER = 0.15
#: The slowest and the fastest cadence that people pedal, rpm.
PEDALLED_RPM = (20.0, 200.0)
#: A bike that reports less is not being pedalled, rpm.
STANDING_RPM = 1.0
#: The name of the bike in messages, next to "the second sensor".
BIKE = "the bike"
#: A steady rider keeps the cadence for STEADY_S seconds, with a standard deviation of at most
#: this share of it.
STEADY_S = 5.0
_STEADY = 0.06


class NotUsable(GatewayError):
    """A measurement that allows no conclusion. The text gives the reason and the remedy."""


class CadenceVerdict(StrEnum):
    FINE = "fine"
    #: A plain scale corrects it.
    RATIO = "ratio"
    #: A scale that no miscounting explains corrects it; it is never saved without confirmation.
    ODD_SCALE = "odd_scale"
    #: The error is the same at every cadence, which no scale corrects.
    OFFSET = "offset"
    NOT_USABLE = "not_usable"


class TruthSource(StrEnum):
    """The source of the true cadence."""

    COUNT = "count"
    METRONOME = "metronome"
    SENSOR = "sensor"


@dataclass(frozen=True, slots=True)
class Measurement:
    """The cadence that the bike reported over some seconds, unscaled, and the true one.

    The true cadence is accurate to ± `precision_rpm`.
    """

    truth: TruthSource
    said_rpm: float
    true_rpm: float
    precision_rpm: float
    seconds: float
    samples: int

    @property
    def rate_hz(self) -> float:
        return self.samples / self.seconds


@dataclass(frozen=True, slots=True)
class CadenceResult:
    """The result of a check. `scale` is the factor to use from now on; None: keep the present one.

    `reason`: why the measurement is not usable.
    """

    verdict: CadenceVerdict
    measurements: tuple[Measurement, ...]
    #: The factor that was in use during the measurement.
    scale_in_force: float
    scale: float | None = None
    reason: str = ""

    def bias_rpm(self, one: Measurement) -> float:
        """Return by how much the cadence in races exceeds the true one."""
        return one.said_rpm * self.scale_in_force - one.true_rpm

    def bias_percent(self, one: Measurement) -> float:
        return 100 * self.bias_rpm(one) / one.true_rpm


def by_count(readings: Sequence[Reading], turns: int, first_ns: int, last_ns: int) -> Measurement:
    """Measure `turns` whole turns between two presses of a key. Raises NotUsable."""
    seconds = (last_ns - first_ns) / NS_PER_S
    slowest_rpm, fastest_rpm = PEDALLED_RPM
    if seconds <= 0 or not slowest_rpm <= 60 * turns / seconds <= fastest_rpm:
        raise NotUsable(
            f"{turns} turns in {seconds:.1f} s is outside {slowest_rpm:g} … {fastest_rpm:g} rpm: "
            f"measure again, and press Enter at stroke 0 and at stroke {turns}"
        )
    true_rpm = 60 * turns / seconds
    said = _mean_cadence(readings, first_ns, last_ns, BIKE)
    return said.compared(TruthSource.COUNT, true_rpm, true_rpm * KEY_S / seconds)


def by_metronome(
    readings: Sequence[Reading], rpm: float, start_ns: int, end_ns: int
) -> Measurement:
    """Measure one turn per beat, with a settled rider. Raises NotUsable."""
    said = _mean_cadence(readings, start_ns, end_ns, BIKE)
    return said.compared(TruthSource.METRONOME, rpm, 60 * BEAT_TURNS / said.seconds)


def by_sensor(
    readings: Sequence[Reading], others: Sequence[Reading], start_ns: int, end_ns: int
) -> Measurement:
    """Compare with `others`, the Readings of a second sensor. Raises NotUsable."""
    true = _mean_cadence(others, start_ns, end_ns, "the second sensor")
    if true.mean_rpm < PEDALLED_RPM[0]:
        raise NotUsable(
            f"the second sensor reports {true.mean_rpm:.0f} rpm: pedal during the measurement"
        )
    true.expect_enough()
    said = _mean_cadence(readings, start_ns, end_ns, BIKE)
    return said.compared(TruthSource.SENSOR, true.mean_rpm, true.lag_rpm)


def is_steady(readings: Sequence[Reading], now_ns: int) -> bool:
    """Return whether the bike has reported nearly the same cadence for STEADY_S."""
    try:
        said = _mean_cadence(readings, now_ns - round(STEADY_S * NS_PER_S), now_ns, BIKE)
    except NotUsable:
        return False
    is_pedalled = said.mean_rpm >= STANDING_RPM and said.silence_s < STEADY_S / 2
    return is_pedalled and said.deviation_rpm <= _STEADY * said.mean_rpm


def judge(measurements: Sequence[Measurement], scale_in_force: float = 1.0) -> CadenceResult:
    """Judge one or more measurements; several cadences distinguish a factor from an offset."""
    result = CadenceResult(CadenceVerdict.FINE, tuple(measurements), scale_in_force)
    biases_rpm = [result.bias_rpm(one) for one in measurements]
    if all(abs(bias_rpm) <= FINE_RPM for bias_rpm in biases_rpm):
        return result
    plain = _plain_scale(measurements, scale_in_force)
    if plain is not None:
        return _changed(result, CadenceVerdict.RATIO, scale=plain)
    if all(
        abs(bias_rpm) <= max(FINE_RPM, one.precision_rpm)
        for bias_rpm, one in zip(biases_rpm, measurements, strict=True)
    ):
        return not_usable(
            "the error is too large to ignore, but too small to distinguish from chance: "
            "measure for longer",
            result,
        )
    return _by_fit(result, biases_rpm)


def not_usable(reason: str, before: CadenceResult | None = None) -> CadenceResult:
    """Return a result that is not usable, with the measurements of `before`."""
    blank = before or CadenceResult(CadenceVerdict.NOT_USABLE, (), 1.0)
    return _changed(blank, CadenceVerdict.NOT_USABLE, reason=reason)


def _changed(
    result: CadenceResult, verdict: CadenceVerdict, scale: float | None = None, reason: str = ""
) -> CadenceResult:
    return CadenceResult(verdict, result.measurements, result.scale_in_force, scale, reason)


def _plain_scale(measurements: Sequence[Measurement], scale_in_force: float) -> float | None:
    """Return the nearest plain scale that is near at every cadence; never the one in use."""

    def distance(scale: float) -> float:
        return max(abs(one.true_rpm / one.said_rpm / scale - 1) for one in measurements)

    others = [scale for scale in PLAIN_SCALES if scale != scale_in_force]
    nearest = min(others, key=distance)
    return nearest if distance(nearest) <= NEAR else None


def _by_fit(result: CadenceResult, biases_rpm: Sequence[float]) -> CadenceResult:
    """Fit a factor and an offset; use the better one if it explains all measurements."""
    all_ = result.measurements
    scale = sum(one.said_rpm * one.true_rpm for one in all_) / sum(one.said_rpm**2 for one in all_)
    scaled_off = max(abs(one.said_rpm * scale - one.true_rpm) for one in all_)
    offset_rpm = sum(biases_rpm) / len(biases_rpm)
    offset_off = max(abs(bias_rpm - offset_rpm) for bias_rpm in biases_rpm)
    believable_off = FINE_RPM + max(one.precision_rpm for one in all_)
    if min(scaled_off, offset_off) > believable_off:
        return not_usable(
            "neither a factor nor a constant explains the errors: "
            "stay on the beat, and measure again",
            result,
        )
    if len(all_) > 1 and offset_off < scaled_off:
        return _changed(result, CadenceVerdict.OFFSET)
    return _changed(result, CadenceVerdict.ODD_SCALE, scale=round(scale, 3))


@dataclass(frozen=True, slots=True)
class _MeanCadence:
    """A sensor's cadence over some time: mean and standard deviation, weighted by time."""

    who: str
    mean_rpm: float
    deviation_rpm: float
    seconds: float
    samples: int
    silence_s: float

    @property
    def lag_rpm(self) -> float:
        """The error due to the lag at both ends, where the cadence may differ from the mean."""
        return 2 * self.deviation_rpm * LAG_S / self.seconds

    def compared(self, truth: TruthSource, true_rpm: float, method_rpm: float) -> Measurement:
        """Compare with the truth, whose error without the bike's lag is `method_rpm`.

        Raises NotUsable.
        """
        if self.mean_rpm < STANDING_RPM:
            raise NotUsable(
                f"{self.who} reports {self.mean_rpm:.0f} rpm while you pedal at {true_rpm:.0f}: "
                "check its sensor and its magnet"
            )
        self.expect_enough()
        precision_rpm = method_rpm + self.lag_rpm * true_rpm / self.mean_rpm
        return Measurement(
            truth, self.mean_rpm, true_rpm, precision_rpm, self.seconds, self.samples
        )

    def expect_enough(self) -> None:
        if self.silence_s > SILENCE_S:
            raise NotUsable(f"{self.who} reported no cadence for {self.silence_s:.0f} s")
        if self.samples < MIN_SAMPLES:
            raise NotUsable(
                f"{self.who} reported its cadence only {self.samples} of the {MIN_SAMPLES} times "
                "that are needed: measure for longer"
            )
        if self.deviation_rpm > MAX_WANDER * self.mean_rpm:
            raise NotUsable(
                f"the cadence varied by ± {100 * self.deviation_rpm / self.mean_rpm:.0f} %: "
                "pedal more evenly"
            )


def _mean_cadence(
    readings: Sequence[Reading], start_ns: int, end_ns: int, who: str
) -> _MeanCadence:
    """Average the cadences; each is valid until the next. Raises NotUsable if there is none."""
    values = list(_without_dropouts([one for one in readings if one.at_ns < end_ns]))
    before = [rpm for at_ns, rpm in values if at_ns < start_ns][-1:]
    heard = [(at_ns, rpm) for at_ns, rpm in values if at_ns >= start_ns]
    if not heard:
        raise NotUsable(f"{who} reported no cadence")
    steps = [(start_ns, rpm) for rpm in before] + heard
    spans = [
        (rpm, until_ns - at_ns) for (at_ns, rpm), (until_ns, _) in pairwise([*steps, (end_ns, 0.0)])
    ]
    whole_ns = sum(span_ns for _, span_ns in spans)
    mean_rpm = sum(rpm * span_ns for rpm, span_ns in spans) / whole_ns
    variance = sum((rpm - mean_rpm) ** 2 * span_ns for rpm, span_ns in spans) / whole_ns
    instants_ns = [start_ns, *(at_ns for at_ns, _ in heard), end_ns]
    silence_ns = max(later_ns - at_ns for at_ns, later_ns in pairwise(instants_ns))
    seconds = (end_ns - start_ns) / NS_PER_S
    return _MeanCadence(who, mean_rpm, sqrt(variance), seconds, len(heard), silence_ns / NS_PER_S)


def _without_dropouts(readings: Sequence[Reading]) -> Iterator[tuple[int, float]]:
    """Yield (at_ns, rpm) without single zeros, which the sampler ignores, too."""
    said = [(one.at_ns, one.cadence_rpm) for one in readings if one.cadence_rpm is not None]
    for index, (at_ns, rpm) in enumerate(said):
        neighbours = said[max(0, index - 1) : index] + said[index + 1 : index + 2]
        is_lone = len(neighbours) == 2 and all(other for _, other in neighbours)
        if rpm or not is_lone or neighbours[1][0] - at_ns > DROPOUT_NS:
            yield at_ns, rpm
