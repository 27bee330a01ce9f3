"""The scales of the cadence and of the power, in words."""

import pytest

from gateway.calibrating.view.scales import power_words, scale_changes, scale_words
from gateway.sampling.calibration import Calibration
from tests.support.calibrations import record


@pytest.mark.parametrize(
    ("scale", "offset_w", "words"),
    [(1, 0, "× 1"), (2, 0, "× 2"), (0.95, 7.5, "× 0.95 + 7.5 W"), (1, -5, "× 1 - 5 W")],
)
def test_power_correction_in_words(scale: float, offset_w: float, words: str) -> None:
    assert power_words(scale, offset_w) == words


def test_only_scales_that_change_something_are_named() -> None:
    assert list(scale_words(Calibration())) == []
    assert list(scale_words(record(cadence_scale=0.5, power_offset_w=3))) == [
        "cadence × 0.5",
        "power × 1 + 3 W",
    ]


def test_only_scales_that_differ_are_compared() -> None:
    old = Calibration(cadence_scale=0.5, power_scale=2)
    assert list(scale_changes(old, record(cadence_scale=0.5, power_scale=2))) == []
    assert list(scale_changes(old, record(power_scale=2, power_offset_w=5))) == [
        "cadence: was × 0.5, will be × 1",
        "power: was × 2, will be × 2 + 5 W",
    ]
