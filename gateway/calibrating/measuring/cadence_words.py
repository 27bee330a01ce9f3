"""The result of a cadence check, as a sentence for people and as data for programs. Pure."""

from gateway.calibrating.measuring.cadence import (
    CadenceResult,
    CadenceVerdict,
    Measurement,
    TruthSource,
)

_CONCLUSIONS = {
    0.5: "it reports twice your cadence; scale by 0.5",
    2.0: "it reports half your cadence; scale by 2",
    0.1: "it reports ten times your cadence; scale by 0.1",
    1.0: "the bike's own cadence is right; set the scale back to 1",
}


def sentence(result: CadenceResult) -> str:
    """Compare the bike with the truth in a sentence, with the conclusion."""
    if not result.measurements:
        return f"Not usable: {result.reason}."
    return f"{_comparison(result)}: {_conclusion(result)}."


def question(result: CadenceResult) -> str:
    """Ask whether to save the scale of `result`."""
    hint = ""
    by_feet = any(one.truth is not TruthSource.SENSOR for one in result.measurements)
    if by_feet and result.scale == 2 * result.scale_in_force:
        hint = (
            "\nOne turn is one stroke of the right foot. If you counted, or kept the beat, "
            "with both feet, answer no and measure again: that mistake produces the same numbers."
        )
    return f"Save the cadence scale {result.scale:g}, and use it from now on?{hint}"


def as_data(result: CadenceResult) -> dict[str, object]:
    """Return the result for JSON, with numbers in rpm, percent and seconds."""
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
            scaled = f", which counts as {counted} (× {result.scale_in_force:g}),"
        parts.append(
            f"{in_rpm(one.said_rpm)} rpm{scaled} while you pedal at {in_rpm(one.true_rpm)} "
            f"± {one.precision_rpm:.1f} ({result.bias_percent(one):+.1f} %)"
        )
    return "The bike reports " + ", and ".join(parts)


def _conclusion(result: CadenceResult) -> str:
    match result.verdict:
        case CadenceVerdict.FINE:
            return "this is correct"
        case CadenceVerdict.RATIO:
            assert result.scale is not None
            return _CONCLUSIONS[result.scale]
        case CadenceVerdict.ODD_SCALE:
            return f"the ratio is unusual, but a scale of {result.scale:g} would correct it"
        case CadenceVerdict.OFFSET:
            biases_rpm = [result.bias_rpm(one) for one in result.measurements]
            bias_rpm = sum(biases_rpm) / len(biases_rpm)
            more = "too much" if bias_rpm > 0 else "too little"
            return (
                f"that is {in_rpm(abs(bias_rpm))} rpm {more} at every cadence, which no scale "
                "can correct: check the bike's sensor and its magnet"
            )
        case CadenceVerdict.NOT_USABLE:
            return f"not usable: {result.reason}"
