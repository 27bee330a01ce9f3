"""Power check: compare the power that a bike reports with the true power. Pure.

The true power comes from a second sensor, or from a console or trainer that shows it. A factor is
preferred, because the typical errors are factors: a tenth of the power, or that of one pedal. An
offset is added only if no factor alone explains the powers.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations, pairwise
from statistics import fmean, median

from drivers import Reading
from drivers.power import OFFSET_MAX_W, POWER_MAX_W, SCALE_MAX, corrected_power_w
from gateway.calibrating.measuring.cadence import BIKE, NotUsable
from gateway.sampling.calibration import AS_SAID, Calibration
from gateway.sampling.sampler import Sampler
from gateway.timing.units import NS_PER_S

#: A bike that reports less is not being ridden, W.
RIDING_W = 1.0
#: The least true power that is compared, W: below it the errors of all sensors are large.
COMPARED_W = 20.0
#: The largest error of a correct power: a share of it, but at least some watts.
FINE = 0.03
FINE_W = 3.0
#: The largest typical error of a correction that explains the powers, as a share and in watts.
EXPLAINED = 0.05
EXPLAINED_W = 5.0
#: Two powers can distinguish an offset from a factor if they differ by at least this share of the
#: lowest.
APART = 0.3

#: Two sensors are compared over this many seconds at a time, longer than either lags …
BIN_S = 10
#: … and at least this many times.
MIN_BINS = 6
#: A power is valid for this long, in seconds: a slow crank meter sends nothing new for 4 s.
VALID_S = 4.0


class PowerVerdict(StrEnum):
    FINE = "fine"
    #: A factor corrects it.
    SCALE = "scale"
    #: A factor and an offset correct it.
    SCALE_AND_OFFSET = "scale_and_offset"
    NOT_USABLE = "not_usable"


@dataclass(frozen=True, slots=True)
class PowerPair:
    """The power that the bike reported over some seconds, uncorrected, and the true one, in W."""

    said_w: float
    true_w: float


@dataclass(frozen=True, slots=True)
class PowerResult:
    """The result of a check. `scale` and `offset_w` are those to use from now on.

    They are those of `in_force`, the calibration during the measurement, if nothing is to change.
    `reason`: why the measurement is not usable.
    """

    verdict: PowerVerdict
    pairs: tuple[PowerPair, ...]
    in_force: Calibration
    scale: float
    offset_w: float
    reason: str = ""

    @property
    def is_change(self) -> bool:
        return self.verdict in (PowerVerdict.SCALE, PowerVerdict.SCALE_AND_OFFSET)

    @property
    def bias_w(self) -> float:
        """The typical difference between the power in races and the true one until now, W."""
        return median(self.in_force.power_w(one.said_w) - one.true_w for one in self.pairs)

    @property
    def error_w(self) -> float:
        """The typical error of the corrected power, W."""
        return _error_w(self.pairs, self.scale, self.offset_w)


def by_watts(readings: Sequence[Reading], watts: float, start_ns: int, end_ns: int) -> PowerPair:
    """Compare with a known power, held meanwhile. Raises NotUsable."""
    _check_size(readings, start_ns, end_ns)
    seconds = _known(_power_by_second(readings, AS_SAID, start_ns, end_ns))
    if len(seconds) < (end_ns - start_ns) / NS_PER_S / 2:
        raise NotUsable(f"{BIKE} reported its power in only {len(seconds)} seconds")
    if fmean(seconds) < RIDING_W:
        raise NotUsable(f"{BIKE} reports {fmean(seconds):.0f} W while you ride at {watts:g} W")
    return PowerPair(fmean(seconds), watts)


def by_sensor(
    readings: Sequence[Reading],
    others: Sequence[Reading],
    start_ns: int,
    end_ns: int,
    calibration: Calibration = AS_SAID,
) -> list[PowerPair]:
    """Compare with `others`, the Readings of a second sensor, which `calibration` corrects.

    Raises NotUsable.
    """
    _check_size(readings, start_ns, end_ns)
    said = _power_by_second(readings, AS_SAID, start_ns, end_ns)
    true = _power_by_second(others, calibration, start_ns, end_ns)
    pairs = []
    for first in range(0, len(said) - BIN_S + 1, BIN_S):
        both = [
            PowerPair(said_w, true_w)
            for said_w, true_w in zip(
                said[first : first + BIN_S], true[first : first + BIN_S], strict=True
            )
            if said_w is not None and true_w is not None
        ]
        if len(both) < BIN_S / 2:
            continue
        pair = PowerPair(fmean(one.said_w for one in both), fmean(one.true_w for one in both))
        if pair.true_w >= COMPARED_W and pair.said_w >= RIDING_W:
            pairs.append(pair)
    if len(pairs) < MIN_BINS:
        raise NotUsable(
            f"both sensors reported a power in only {len(pairs)} periods of {BIN_S} s in which "
            f"you rode at {COMPARED_W:g} W or more; at least {MIN_BINS} are needed: measure for "
            "longer, and keep pedalling"
        )
    return pairs


def judge_power(pairs: Sequence[PowerPair], in_force: Calibration = AS_SAID) -> PowerResult:
    """Judge one or more pairs; different powers distinguish a factor from an offset."""
    scale, offset_w = in_force.power_scale, in_force.power_offset_w
    result = PowerResult(PowerVerdict.FINE, tuple(pairs), in_force, scale, offset_w)
    if not any(one.said_w > 0 for one in pairs):
        return power_not_usable(f"{BIKE} reports no power", result)
    if _explains(pairs, scale, offset_w, FINE, FINE_W):
        return result
    for share, least_w in ((FINE, FINE_W), (EXPLAINED, EXPLAINED_W)):
        for verdict, fitted in _corrections(pairs):
            if _explains(pairs, *fitted, share, least_w):
                new_scale, new_offset_w = fitted
                return _within_limits(
                    replace(result, verdict=verdict, scale=new_scale, offset_w=new_offset_w)
                )
    return power_not_usable(
        f"{BIKE}'s power does not follow yours, and no factor corrects that: if it stays the same "
        "at any effort, it can be computed with the option `power_from`",
        result,
    )


def power_not_usable(reason: str, before: PowerResult | None = None) -> PowerResult:
    """Return a result that is not usable, with the pairs of `before`."""
    blank = before or PowerResult(PowerVerdict.FINE, (), AS_SAID, 1.0, 0.0)
    return replace(blank, verdict=PowerVerdict.NOT_USABLE, reason=reason)


def _within_limits(result: PowerResult) -> PowerResult:
    if 0 < result.scale <= SCALE_MAX and abs(result.offset_w) <= OFFSET_MAX_W:
        return result
    unchanged = replace(
        result,
        scale=result.in_force.power_scale,
        offset_w=result.in_force.power_offset_w,
    )
    return power_not_usable(
        f"a scale of {result.scale:g} and an offset of {result.offset_w:g} W would be needed; "
        f"expected a scale above 0 and at most {SCALE_MAX:g}, and an offset within "
        f"± {OFFSET_MAX_W:g} W; ride at clearly different powers, and measure again",
        unchanged,
    )


def levels(pairs: Sequence[PowerPair]) -> list[list[PowerPair]]:
    """Return the pairs in up to three groups: those of low, middle and high power."""
    ordered = sorted(pairs, key=lambda one: one.true_w)
    count = min(3, len(ordered))
    ends = [len(ordered) * n // count for n in range(count + 1)]
    return [ordered[start:end] for start, end in pairwise(ends)]


def _corrections(
    pairs: Sequence[PowerPair],
) -> Iterator[tuple[PowerVerdict, tuple[float, float]]]:
    """Yield the corrections (scale, offset) that may explain the pairs, the likelier first."""
    factor = _rounded(median(one.true_w / one.said_w for one in pairs if one.said_w > 0))
    yield PowerVerdict.SCALE, (factor, 0.0)
    fitted = _line(pairs)
    if fitted is not None:
        yield PowerVerdict.SCALE_AND_OFFSET, fitted


def _line(pairs: Sequence[PowerPair]) -> tuple[float, float] | None:
    """Fit scale and offset robustly (Theil-Sen); None if the powers differ too little."""
    said = sorted(one.said_w for one in pairs)
    apart_w = said[0] * APART
    slopes = [
        (b.true_w - a.true_w) / (b.said_w - a.said_w)
        for a, b in combinations(pairs, 2)
        if abs(b.said_w - a.said_w) >= max(apart_w, 1e-9)
    ]
    if not slopes:
        return None
    scale = _rounded(median(slopes))
    return scale, round(median(one.true_w - one.said_w * scale for one in pairs), 1)


def _explains(
    pairs: Sequence[PowerPair], scale: float, offset_w: float, share: float, least_w: float
) -> bool:
    """Return whether the corrected power is typically right at low, middle and high power.

    Right: at most `share` of the true power away from it, or `least_w` watts.
    """
    for level in levels(pairs):
        bias_w = median(
            corrected_power_w(one.said_w, scale, offset_w) - one.true_w for one in level
        )
        if abs(bias_w) > max(least_w, share * median(one.true_w for one in level)):
            return False
    return True


def _error_w(pairs: Sequence[PowerPair], scale: float, offset_w: float) -> float:
    return median(abs(corrected_power_w(one.said_w, scale, offset_w) - one.true_w) for one in pairs)


def _rounded(scale: float) -> float:
    """Round a scale to four significant digits."""
    return float(f"{scale:.4g}")


def _check_size(readings: Sequence[Reading], start_ns: int, end_ns: int) -> None:
    """Raise NotUsable if the reported powers are too large for races, which leave them out."""
    said = [
        one.power_w
        for one in readings
        if one.power_w is not None and start_ns <= one.at_ns < end_ns
    ]
    if said and median(said) > POWER_MAX_W:
        raise NotUsable(
            f"{BIKE} reports {median(said):,.0f} W, more than any rider can produce "
            f"({POWER_MAX_W:,.0f} W): set its option power_scale first, such as 0.1 or 0.01"
        )


def _power_by_second(
    readings: Sequence[Reading], calibration: Calibration, start_ns: int, end_ns: int
) -> list[float | None]:
    """Return the mean power of each second, as a race would have it."""
    sampler = Sampler(calibration)
    first_ns = start_ns - round(VALID_S * NS_PER_S)
    sampler.connected(first_ns, VALID_S)
    waiting = deque(one for one in readings if first_ns <= one.at_ns < end_ns)
    powers_w = []
    for at_ns in range(start_ns, end_ns - NS_PER_S + 1, NS_PER_S):
        while waiting and waiting[0].at_ns < at_ns + NS_PER_S:
            sampler.add(waiting.popleft())
        powers_w.append(sampler.close_second(at_ns, at_ns + NS_PER_S).power_w)
    return powers_w


def _known(powers_w: Sequence[float | None]) -> list[float]:
    return [power_w for power_w in powers_w if power_w is not None]
