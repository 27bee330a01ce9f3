"""The result of a power check, as a sentence for people and as data for programs. Pure."""

from dataclasses import asdict
from statistics import median

from gateway.calibrating.measuring.power import PowerResult, PowerVerdict, levels
from gateway.calibrating.view.scales import power_words


def power_sentence(result: PowerResult) -> str:
    """Compare the bike with the truth in a sentence, with the conclusion."""
    if not result.pairs:
        return f"Not usable: {result.reason}."
    in_force = result.in_force
    how = power_words(in_force.power_scale, in_force.power_offset_w)
    parts = []
    for level in levels(result.pairs):
        said_w, true_w = median(one.said_w for one in level), median(one.true_w for one in level)
        counted = "" if how == "× 1" else f", which counts as {in_force.power_w(said_w):.0f},"
        parts.append(f"{said_w:.0f} W{counted} while you ride at {true_w:.0f} W")
    return f"The bike reports {', and '.join(parts)}: {_conclusion(result)}."


def power_question(result: PowerResult) -> str:
    """Ask whether to save the correction of `result`."""
    in_force = result.in_force
    was = power_words(in_force.power_scale, in_force.power_offset_w)
    will_be = power_words(result.scale, result.offset_w)
    return f"Power: was {was}, will be {will_be}. Save this, and use it from now on?"


def power_data(result: PowerResult) -> dict[str, object]:
    """Return the result for JSON, with powers in W."""
    return {
        "verdict": result.verdict.value,
        "scale_in_force": result.in_force.power_scale,
        "offset_w_in_force": result.in_force.power_offset_w,
        "scale": result.scale if result.is_change else None,
        "offset_w": result.offset_w if result.is_change else None,
        "bias_w": round(result.bias_w, 1) if result.pairs else None,
        "error_w": round(result.error_w, 1) if result.pairs else None,
        "reason": result.reason,
        "pairs": [
            {name: round(value, 1) for name, value in asdict(one).items()} for one in result.pairs
        ],
    }


def _conclusion(result: PowerResult) -> str:
    match result.verdict:
        case PowerVerdict.FINE:
            return "this is correct"
        case PowerVerdict.NOT_USABLE:
            return f"not usable: {result.reason}"
        case _:
            how = power_words(result.scale, result.offset_w)
            return f"{how} corrects this, to within {result.error_w:.0f} W"
