"""The result of a cadence check, in a sentence for people and as data for programs. Pure."""

from gateway.calibrating.measuring.cadence import (
    CadenceResult,
    CadenceVerdict,
    Measurement,
    TruthSource,
)

_WHAT_IT_SAYS = {
    0.5: "that is twice what you pedal: scale by 0.5",
    2.0: "that is half of what you pedal: scale by 2",
    0.1: "that is ten times what you pedal: scale by 0.1",
    1.0: "the bike is right by itself: no scale any more",
}


def sentence(result: CadenceResult) -> str:
    """What the bike says, what is true, and what follows from it."""
    if not result.measurements:
        return f"Not usable: {result.reason}."
    return f"{_comparison(result)}: {_conclusion(result)}."


def question(result: CadenceResult) -> str:
    """Whether to save its scale."""
    hint = ""
    by_feet = any(one.truth is not TruthSource.SENSOR for one in result.measurements)
    if by_feet and result.scale == 2 * result.scale_in_force:
        hint = "\nA turn is the right foot down once: with both feet counted it looks the same."
    return f"Save the cadence scale {result.scale:g}, and race by it from now on?{hint}"


def as_data(result: CadenceResult) -> dict[str, object]:
    """For JSON: numbers in rpm, percent and seconds."""
    return {
        "verdict": result.verdict.value,
        "scale_in_force": result.scale_in_force,
        "scale": result.scale,
        "reason": result.reason,
        "measurements": [_measurement(result, one) for one in result.measurements],
    }


def in_rpm(rpm: float) -> str:
    return f"{rpm:.1f}".removesuffix(".0")


def _measurement(result: CadenceResult, one: Measurement) -> dict[str, object]:
    return {
        "truth": one.truth.value,
        "said_rpm": round(one.said_rpm, 2),
        "true_rpm": round(one.true_rpm, 2),
        "precision_rpm": round(one.precision_rpm, 2),
        "bias_rpm": round(result.bias_rpm(one), 2),
        "bias_percent": round(result.bias_percent(one), 1),
        "seconds": round(one.seconds, 1),
        "samples": one.samples,
    }


def _comparison(result: CadenceResult) -> str:
    parts = []
    for one in result.measurements:
        scaled = ""
        if result.scale_in_force != 1:
            counted = in_rpm(one.said_rpm * result.scale_in_force)
            scaled = f", × {result.scale_in_force:g} is {counted},"
        parts.append(
            f"{in_rpm(one.said_rpm)} rpm{scaled} where you pedal {in_rpm(one.true_rpm)} "
            f"± {one.precision_rpm:.1f} ({result.bias_percent(one):+.1f} %)"
        )
    return "The bike says " + ", and ".join(parts)


def _conclusion(result: CadenceResult) -> str:
    match result.verdict:
        case CadenceVerdict.FINE:
            return "that is fine"
        case CadenceVerdict.RATIO:
            assert result.scale is not None
            return _WHAT_IT_SAYS[result.scale]
        case CadenceVerdict.ODD_SCALE:
            return f"no plain ratio, but scaled by {result.scale:g} it would be right"
        case CadenceVerdict.OFFSET:
            biases_rpm = [result.bias_rpm(one) for one in result.measurements]
            bias_rpm = sum(biases_rpm) / len(biases_rpm)
            more = "too much" if bias_rpm > 0 else "too little"
            return (
                f"always {in_rpm(abs(bias_rpm))} rpm {more}, whatever the cadence, which no scale "
                "mends: look after its sensor and its magnet"
            )
        case CadenceVerdict.NOT_USABLE:
            return f"not usable: {result.reason}"
