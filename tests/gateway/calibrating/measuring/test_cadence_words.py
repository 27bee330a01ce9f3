"""What is said of a cadence check, word for word."""

import pytest

from gateway.calibrating.measuring.cadence import Measurement, TruthSource, judge, not_usable
from gateway.calibrating.measuring.cadence_words import as_data, question, sentence


def measured(
    said_rpm: float, true_rpm: float = 80.0, truth: TruthSource = TruthSource.COUNT
) -> Measurement:
    return Measurement(truth, said_rpm, true_rpm, 0.8, seconds=22.5, samples=90)


@pytest.mark.parametrize(
    ("said_rpm", "in_force", "words"),
    [
        (80.4, 1, "80.4 rpm while you pedal at 80 ± 0.8 (+0.5 %): this is correct."),
        (
            160.2,
            1,
            "160.2 rpm while you pedal at 80 ± 0.8 (+100.2 %): it reports twice your cadence; "
            "scale by 0.5.",
        ),
        (
            40,
            1,
            "40 rpm while you pedal at 80 ± 0.8 (-50.0 %): it reports half your cadence; "
            "scale by 2.",
        ),
        (
            805,
            1,
            "805 rpm while you pedal at 80 ± 0.8 (+906.2 %): it reports ten times your cadence; "
            "scale by 0.1.",
        ),
        (
            160.2,
            0.5,
            "160.2 rpm, which counts as 80.1 (× 0.5), while you pedal at 80 ± 0.8 (+0.1 %): "
            "this is correct.",
        ),
        (
            80.2,
            0.5,
            "80.2 rpm, which counts as 40.1 (× 0.5), while you pedal at 80 ± 0.8 (-49.9 %): "
            "the bike's own cadence is right; set the scale back to 1.",
        ),
        (
            72,
            1,
            "72 rpm while you pedal at 80 ± 0.8 (-10.0 %): the ratio is unusual, but a scale of "
            "1.111 would correct it.",
        ),
    ],
)
def test_sentence_of_one_measurement(said_rpm: float, in_force: float, words: str) -> None:
    assert sentence(judge([measured(said_rpm)], in_force)) == f"The bike reports {words}"


def test_sentence_of_two_measurements() -> None:
    assert sentence(judge([measured(65.5, 60), measured(95.5, 90)])) == (
        "The bike reports 65.5 rpm while you pedal at 60 ± 0.8 (+9.2 %), and 95.5 rpm while you "
        "pedal at 90 ± 0.8 (+6.1 %): that is 5.5 rpm too much at every cadence, which no scale can "
        "correct: check the bike's sensor and its magnet."
    )


def test_sentence_of_an_unusable_result() -> None:
    assert sentence(not_usable("nobody pedalled")) == "Not usable: nobody pedalled."
    both = sentence(judge([measured(75, 60), measured(75, 90)]))
    assert both.endswith(
        "not usable: neither a factor nor a constant explains the errors: stay on the beat, and "
        "measure again."
    )


def test_question_mentions_both_feet_only_where_feet_were_counted() -> None:
    assert "both feet" in question(judge([measured(40)]))
    assert "both feet" in question(judge([measured(80)], 0.5))
    assert "both feet" not in question(judge([measured(160)]))
    assert "both feet" not in question(judge([measured(40, truth=TruthSource.SENSOR)]))


def test_cadence_result_as_data_has_every_number() -> None:
    assert as_data(judge([measured(160.2)])) == {
        "verdict": "ratio",
        "scale_in_force": 1.0,
        "scale": 0.5,
        "reason": "",
        "measurements": [
            {
                "truth": "count",
                "said_rpm": 160.2,
                "true_rpm": 80.0,
                "precision_rpm": 0.8,
                "bias_rpm": 80.2,
                "bias_percent": 100.2,
                "seconds": 22.5,
                "samples": 90,
            }
        ],
    }
