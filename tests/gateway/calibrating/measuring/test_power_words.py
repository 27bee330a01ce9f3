"""The result of a power check, for people and for programs."""

import json

from gateway.calibrating.measuring.power import PowerPair, judge_power, power_not_usable
from gateway.calibrating.measuring.power_words import power_data, power_question, power_sentence
from gateway.sampling.calibration import Calibration

MOVED = [PowerPair(70, 100), PowerPair(170, 200)]


def test_power_is_compared_in_a_sentence() -> None:
    assert power_sentence(judge_power([PowerPair(15, 150)])) == (
        "The bike reports 15 W while you ride at 150 W: × 10 corrects this, to within 0 W."
    )
    assert power_sentence(judge_power(MOVED)) == (
        "The bike reports 70 W while you ride at 100 W, and 170 W while you ride at 200 W: "
        "× 1 + 30 W corrects this, to within 0 W."
    )
    assert power_sentence(judge_power([PowerPair(50, 100)], Calibration(power_scale=2))) == (
        "The bike reports 50 W, which counts as 100, while you ride at 100 W: this is correct."
    )


def test_question_shows_old_and_new_correction() -> None:
    result = judge_power(MOVED, Calibration(power_scale=2))
    assert power_question(result) == (
        "Power: was × 2, will be × 1 + 30 W. Save this, and use it from now on?"
    )


def test_result_that_is_not_usable_says_why() -> None:
    result = power_not_usable("the bike fell silent")
    assert power_sentence(result) == "Not usable: the bike fell silent."
    assert power_data(result)["reason"] == "the bike fell silent"


def test_power_data_has_the_correction_only_if_something_is_to_change() -> None:
    moved = json.loads(json.dumps(power_data(judge_power(MOVED))))
    assert (moved["verdict"], moved["scale"], moved["offset_w"]) == ("scale_and_offset", 1, 30)
    assert (moved["bias_w"], moved["error_w"]) == (-30, 0)
    assert moved["pairs"] == [{"said_w": 70, "true_w": 100}, {"said_w": 170, "true_w": 200}]
    fine = power_data(judge_power([PowerPair(100, 100)]))
    assert (fine["verdict"], fine["scale"], fine["offset_w"]) == ("fine", None, None)
