"""Checks of captured points before they are accepted as a calibration. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from gateway.calibrating.measuring.signal import MIN_SAMPLES
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint, mean_points
from gateway.terminal.finding import Finding, State, failed, ok, warning
from gateway.terminal.units import counted

#: The distance of neighbours, and of the two ends, exceeds the noise by these factors.
APART_NOISES = 3
SPAN_NOISES = 10
#: Smaller errors, in percentage points, do not matter: riders cannot feel them, and the promised
#: accuracy allows them.
SMALL_POINTS = 1.0
#: Without a point its neighbours are twice as far apart, which makes the error four times as large.
LEFT_OUT = 4

Curve = Sequence[tuple[float, float]]


def check_points(points: Sequence[CapturedPoint]) -> list[Finding]:
    """Return the findings about the captured points. Never raises.

    If one has failed, the points make no reliable table.
    """
    curve = mean_points(tuple(points))
    if len(curve) < 2:
        what = f"captured {counted(len(curve), 'position')}; expected at least 2"
        return [
            failed("points", what, "capture at least two, preferably five: 0, 25, 50, 75 and 100 %")
        ]
    order = _check_order(curve)
    findings = [_check_samples(points), order, *_check_distances(points, curve)]
    if order.state is State.OK:
        findings += _check_curve(curve)
        findings += _check_hysteresis(points, curve)
    return [*findings, _check_ends(curve)]


def is_acceptable(findings: Sequence[Finding]) -> bool:
    return all(finding.state is not State.FAILED for finding in findings)


def _check_samples(points: Sequence[CapturedPoint]) -> Finding:
    few = [point for point in points if point.samples < MIN_SAMPLES]
    if few:
        named = ", ".join(f"{point.percent:g} % has {point.samples}" for point in few)
        return warning(
            "samples", f"few samples: {named}", "recapture them, and hold the knob longer"
        )
    fewest = min(point.samples for point in points)
    return ok("samples", f"{len(points)} points, each with at least {fewest} samples")


def _check_order(curve: Curve) -> Finding:
    steps = [raw_b - raw_a for (raw_a, _), (raw_b, _) in pairwise(curve)]
    rises = sum(step > 0 for step in steps) >= sum(step < 0 for step in steps)
    wrong = [
        f"{percent_a:g} % at {raw_a:g} and {percent_b:g} % at {raw_b:g}"
        for (raw_a, percent_a), (raw_b, percent_b) in pairwise(curve)
        if raw_a == raw_b or (raw_b > raw_a) != rises
    ]
    way = "rises" if rises else "falls"
    if wrong:
        what = f"the bike's value {way} with the resistance, but not between {'; '.join(wrong)}"
        return failed(
            "order", what, "recapture these points: turn to each one, and hold the knob still"
        )
    what = f"the bike's value {way} throughout, from {curve[0][0]:g} to {curve[-1][0]:g}"
    return ok("order", what)


def _check_distances(points: Sequence[CapturedPoint], curve: Curve) -> list[Finding]:
    noise = {percent: 0.0 for _, percent in curve}
    for point in points:
        noise[point.percent] = max(noise[point.percent], point.noise)
    near = [
        f"{percent_a:g} and {percent_b:g} % ({abs(raw_b - raw_a):.3g} apart)"
        for (raw_a, percent_a), (raw_b, percent_b) in pairwise(curve)
        if abs(raw_b - raw_a) <= APART_NOISES * max(noise[percent_a], noise[percent_b])
    ]
    worst = max(noise.values())
    if near:
        what = f"too close, less than {APART_NOISES} times the noise apart: {', '.join(near)}"
        apart = failed("distance", what, "recapture them, or skip one of each pair")
    else:
        apart = ok("distance", f"neighbours are more than {APART_NOISES} × the noise apart")
    span = max(raw for raw, _ in curve) - min(raw for raw, _ in curve)
    if span <= SPAN_NOISES * worst:
        what = f"the bike's value changes by only {span:g}, with a noise of {worst:.2g}"
        remedy = f"expected more than {SPAN_NOISES} × the noise: is the sensor in place?"
        return [apart, failed("span", what, remedy)]
    what = f"the bike's value changes by {span:g}, and the noise is {worst:.2g}"
    return [apart, ok("span", what)]


def _check_curve(curve: Curve) -> list[Finding]:
    """Check how much the points between the ends improve the curve."""
    if len(curve) < 3:
        what = "two points make a straight line, but real curves are S-shaped"
        return [warning("curve", what, "capture points between them")]
    return [_check_line(curve), _check_bends(curve)]


def _check_line(curve: Curve) -> Finding:
    line = CalibrationTable([curve[0], curve[-1]])
    error, percent = max((abs(line.percent_at(raw) - at), at) for raw, at in curve[1:-1])
    what = f"a line through the two ends would be off by up to {error:.1f} percentage points"
    if error <= SMALL_POINTS:
        return ok("line", f"{what}: two points would be enough")
    return ok("line", f"{what}, at {percent:g} %")


def _check_bends(curve: Curve) -> Finding:
    """Check the error at each point if it is left out."""
    errors = [
        abs(CalibrationTable([before, after]).percent_at(raw) - percent)
        for before, (raw, percent), after in zip(curve, curve[1:], curve[2:], strict=False)
    ]
    error = max(errors)
    index = errors.index(error) + 1
    what = (
        f"without the point at {curve[index][1]:g} % the curve would be off there by "
        f"{error:.1f} percentage points"
    )
    if error <= LEFT_OUT * SMALL_POINTS:
        return ok("bends", what)
    low, high = _steeper(curve[index - 1 : index + 2])
    points = sorted({*(percent for _, percent in curve), float(f"{(low + high) / 2:.3g}")})
    bend = (
        f"the curve bends most between {low:g} and {high:g} % and may be inaccurate there: {what}"
    )
    more = ",".join(f"{percent:g}" for percent in points)
    return warning("bends", bend, f"next time capture one more point, with --points {more}")


def _steeper(three: Curve) -> tuple[float, float]:
    """Return the steeper of two neighbouring intervals, in percent.

    There an unnoticed change of the number makes the largest error.
    """
    (low_raw, low), (raw, middle), (high_raw, high) = three
    below = (middle - low) * abs(high_raw - raw)
    above = (high - middle) * abs(raw - low_raw)
    return (low, middle) if below >= above else (middle, high)


def _check_hysteresis(points: Sequence[CapturedPoint], curve: Curve) -> list[Finding]:
    """Check how far up and down differ; return nothing if only one way was captured."""
    table = CalibrationTable(curve)
    up, down = (
        {
            percent: raw
            for raw, percent in mean_points(tuple(p for p in points if p.direction == way))
        }
        for way in ("up", "down")
    )
    differences = [
        (abs(table.percent_at(up[percent]) - table.percent_at(down[percent])), percent)
        for percent in up.keys() & down.keys()
    ]
    if not differences:
        return []
    in_points, percent = max(differences)
    what = (
        f"up and down differ most at {percent:g} %: by {abs(up[percent] - down[percent]):.3g}, "
        f"which is {in_points:.1f} percentage points"
    )
    if in_points <= 2 * SMALL_POINTS:
        return [ok("both ways", f"{what}; the gateway uses their mean")]
    remedy = (
        f"the gateway uses their mean, which can be wrong by {in_points / 2:.1f} percentage points "
        "in either direction; if that is too much, reduce the play of the knob or sensor"
    )
    return [warning("both ways", what, remedy)]


def _check_ends(curve: Curve) -> Finding:
    low, high = curve[0][1], curve[-1][1]
    missing = [
        f"{end} % was not captured, so {side} {nearest:g} % the gateway will always report "
        f"{nearest:g} %"
        for end, side, nearest in ((0, "below", low), (100, "above", high))
        if nearest != end
    ]
    if missing:
        return warning("ends", "; ".join(missing), "turn the knob to its ends, and capture them")
    return ok("ends", "0 and 100 % were captured")
