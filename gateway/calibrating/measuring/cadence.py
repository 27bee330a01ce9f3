"""Does the bike count the turns of the cranks rightly? What it says beside the truth. Pure.

The truth is one of three: turns counted between two presses of a key, a metronome's beat, or a
second sensor. Typical errors are plain ratios: a bike that counts two magnets says twice what is
pedalled.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import sqrt

from drivers import Reading
from gateway.host.errors import GatewayError
from gateway.sampling.sampler import DROPOUT_NS
from gateway.timing.units import NS_PER_S

#: A cadence that is off by no more is right.
FINE_RPM = 2.0
#: By what a bike that counts wrong is multiplied, most likely first; 1 takes a scale away.
PLAIN_SCALES = (0.5, 2.0, 0.1, 1.0)
#: So near to a plain scale, it is that one: a share.
NEAR = 0.03

#: A key is pressed so much too early or too late, both presses together.
KEY_S = 0.2
#: Who follows a metronome may lose or win so much of a turn on the way.
BEAT_TURNS = 0.5
#: What a sensor says is so old: it has waited for a turn, and for its time to speak.
LAG_S = 1.0

MIN_SAMPLES = 10
#: A bike that says no cadence for longer has not been heard.
SILENCE_S = 5.0
#: Standard deviation of the cadence over its mean: above it the mean means little.
MAX_WANDER = 0.15
#: Slower nobody pedals, faster nobody can.
PEDALLED_RPM = (20.0, 200.0)
#: A bike that says less says that nobody pedals.
STANDING_RPM = 1.0
#: Who says it, in words.
BIKE = "the bike"
#: Steady is who has kept to a cadence for so long, within this share of it.
STEADY_S = 5.0
_STEADY = 0.06


class NotUsable(GatewayError):
    """What was heard says nothing about the bike. The text says why, and what to do."""


class CadenceVerdict(StrEnum):
    FINE = "fine"
    #: A plain scale makes it right.
    RATIO = "ratio"
    #: A scale makes it right that no miscounting explains: not without being asked.
    ODD_SCALE = "odd_scale"
    #: The same error at every cadence, which no scale mends.
    OFFSET = "offset"
    NOT_USABLE = "not_usable"


class TruthSource(StrEnum):
    """Where it comes from."""

    COUNT = "count"
    METRONOME = "metronome"
    SENSOR = "sensor"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the bike itself said of some seconds, unscaled, and what was true, `precision_rpm` more
    or less."""

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
    """`scale` is what to multiply what the bike says by from now on; None: nothing to change.

    `reason`: why it is not usable.
    """

    verdict: CadenceVerdict
    measurements: tuple[Measurement, ...]
    #: By which what the bike says has been multiplied until now.
    scale_in_force: float
    scale: float | None = None
    reason: str = ""

    def bias_rpm(self, one: Measurement) -> float:
        """How much more the race counts than is pedalled."""
        return one.said_rpm * self.scale_in_force - one.true_rpm

    def bias_percent(self, one: Measurement) -> float:
        return 100 * self.bias_rpm(one) / one.true_rpm


def by_count(readings: Sequence[Reading], turns: int, first_ns: int, last_ns: int) -> Measurement:
    """Between two presses of a key lie so many whole turns. Raises NotUsable."""
    seconds = (last_ns - first_ns) / NS_PER_S
    slowest_rpm, fastest_rpm = PEDALLED_RPM
    if seconds <= 0 or not slowest_rpm <= 60 * turns / seconds <= fastest_rpm:
        raise NotUsable(
            f"{turns} turns in {seconds:.1f} s are no cadence ({slowest_rpm:g} … {fastest_rpm:g} "
            f"rpm): press at a stroke, and again {turns} turns later"
        )
    true_rpm = 60 * turns / seconds
    said = _said(readings, first_ns, last_ns, BIKE)
    return said.beside(TruthSource.COUNT, true_rpm, true_rpm * KEY_S / seconds)


def by_metronome(
    readings: Sequence[Reading], rpm: float, start_ns: int, end_ns: int
) -> Measurement:
    """One turn a beat, once settled. Raises NotUsable."""
    said = _said(readings, start_ns, end_ns, BIKE)
    return said.beside(TruthSource.METRONOME, rpm, 60 * BEAT_TURNS / said.seconds)


def by_sensor(
    readings: Sequence[Reading], others: Sequence[Reading], start_ns: int, end_ns: int
) -> Measurement:
    """`others` is what a second sensor said over the same time. Raises NotUsable."""
    true = _said(others, start_ns, end_ns, "the second sensor")
    if true.mean_rpm < PEDALLED_RPM[0]:
        raise NotUsable(f"nobody pedalled: the second sensor says {true.mean_rpm:.0f} rpm")
    true.expect_enough()
    said = _said(readings, start_ns, end_ns, BIKE)
    return said.beside(TruthSource.SENSOR, true.mean_rpm, true.lag_rpm)


def is_steady(readings: Sequence[Reading], now_ns: int) -> bool:
    """The bike has said much the same cadence for some seconds."""
    try:
        said = _said(readings, now_ns - round(STEADY_S * NS_PER_S), now_ns, BIKE)
    except NotUsable:
        return False
    is_pedalled = said.mean_rpm >= STANDING_RPM and said.silence_s < STEADY_S / 2
    return is_pedalled and said.deviation_rpm <= _STEADY * said.mean_rpm


def judge(measurements: Sequence[Measurement], scale_in_force: float = 1.0) -> CadenceResult:
    """At least one; at several cadences a factor and a constant are told apart."""
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
            "that is too much to be fine, and too little to be told from chance: "
            "measure for longer",
            result,
        )
    return _by_fit(result, biases_rpm)


def not_usable(reason: str, before: CadenceResult | None = None) -> CadenceResult:
    """With what was measured `before` it turned out so."""
    blank = before or CadenceResult(CadenceVerdict.NOT_USABLE, (), 1.0)
    return _changed(blank, CadenceVerdict.NOT_USABLE, reason=reason)


def _changed(
    result: CadenceResult, verdict: CadenceVerdict, scale: float | None = None, reason: str = ""
) -> CadenceResult:
    return CadenceResult(verdict, result.measurements, result.scale_in_force, scale, reason)


def _plain_scale(measurements: Sequence[Measurement], scale_in_force: float) -> float | None:
    """The nearest of those near enough at every cadence; the one in force is what is wrong."""

    def distance(scale: float) -> float:
        return max(abs(one.true_rpm / one.said_rpm / scale - 1) for one in measurements)

    others = [scale for scale in PLAIN_SCALES if scale != scale_in_force]
    nearest = min(others, key=distance)
    return nearest if distance(nearest) <= NEAR else None


def _by_fit(result: CadenceResult, biases_rpm: Sequence[float]) -> CadenceResult:
    """A factor or a constant, whichever leaves the smaller error, if it explains them all."""
    all_ = result.measurements
    scale = sum(one.said_rpm * one.true_rpm for one in all_) / sum(one.said_rpm**2 for one in all_)
    scaled_off = max(abs(one.said_rpm * scale - one.true_rpm) for one in all_)
    offset_rpm = sum(biases_rpm) / len(biases_rpm)
    offset_off = max(abs(bias_rpm - offset_rpm) for bias_rpm in biases_rpm)
    believable_off = FINE_RPM + max(one.precision_rpm for one in all_)
    if min(scaled_off, offset_off) > believable_off:
        return not_usable(
            "neither a factor nor a constant explains that: stay on the beat, and measure again",
            result,
        )
    if len(all_) > 1 and offset_off < scaled_off:
        return _changed(result, CadenceVerdict.OFFSET)
    return _changed(result, CadenceVerdict.ODD_SCALE, scale=round(scale, 3))


@dataclass(frozen=True, slots=True)
class _Said:
    """A sensor's cadence over some time: mean and standard deviation weighted by time."""

    who: str
    mean_rpm: float
    deviation_rpm: float
    seconds: float
    samples: int
    silence_s: float

    @property
    def lag_rpm(self) -> float:
        """What the lag costs at both ends, where the cadence was not quite the mean."""
        return 2 * self.deviation_rpm * LAG_S / self.seconds

    def beside(self, truth: TruthSource, true_rpm: float, method_rpm: float) -> Measurement:
        """`method_rpm`: how far off the truth may be, but for the bike's own lag."""
        if self.mean_rpm < STANDING_RPM:
            raise NotUsable(
                f"{self.who} says {self.mean_rpm:.0f} rpm where you pedal {true_rpm:.0f}: "
                "look after its sensor and its magnet"
            )
        self.expect_enough()
        precision_rpm = method_rpm + self.lag_rpm * true_rpm / self.mean_rpm
        return Measurement(
            truth, self.mean_rpm, true_rpm, precision_rpm, self.seconds, self.samples
        )

    def expect_enough(self) -> None:
        if self.silence_s > SILENCE_S:
            raise NotUsable(f"{self.who} said no cadence for {self.silence_s:.0f} s")
        if self.samples < MIN_SAMPLES:
            raise NotUsable(
                f"{self.who} said its cadence {self.samples} times, and {MIN_SAMPLES} are "
                "needed: measure for longer"
            )
        if self.deviation_rpm > MAX_WANDER * self.mean_rpm:
            raise NotUsable(
                f"the cadence wandered by ± {100 * self.deviation_rpm / self.mean_rpm:.0f} %: "
                "pedal more evenly"
            )


def _said(readings: Sequence[Reading], start_ns: int, end_ns: int, who: str) -> _Said:
    """Each value holds until the next. Raises NotUsable if there is none."""
    values = list(_without_dropouts([one for one in readings if one.at_ns < end_ns]))
    before = [rpm for at_ns, rpm in values if at_ns < start_ns][-1:]
    heard = [(at_ns, rpm) for at_ns, rpm in values if at_ns >= start_ns]
    if not heard:
        raise NotUsable(f"{who} said no cadence")
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
    return _Said(who, mean_rpm, sqrt(variance), seconds, len(heard), silence_ns / NS_PER_S)


def _without_dropouts(readings: Sequence[Reading]) -> Iterator[tuple[int, float]]:
    """Cadences by instant, without a lone zero: the sampler does not believe it either."""
    said = [(one.at_ns, one.cadence_rpm) for one in readings if one.cadence_rpm is not None]
    for index, (at_ns, rpm) in enumerate(said):
        neighbours = said[max(0, index - 1) : index] + said[index + 1 : index + 2]
        is_lone = len(neighbours) == 2 and all(other for _, other in neighbours)
        if rpm or not is_lone or neighbours[1][0] - at_ns > DROPOUT_NS:
            yield at_ns, rpm
