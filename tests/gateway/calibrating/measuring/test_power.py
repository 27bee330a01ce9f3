"""What a bike reports as its power, next to the true one: the right correction comes of it."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import Reading
from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.measuring.power import (
    PowerPair,
    PowerResult,
    PowerVerdict,
    by_sensor,
    by_watts,
    judge_power,
)
from gateway.calibrating.measuring.power_words import power_data, power_sentence
from gateway.sampling.calibration import AS_SAID, Calibration
from tests.support.virtual_clock import NS_PER_S

START_NS = 11 * NS_PER_S
END_NS = START_NS + 180 * NS_PER_S


def ridden_w(seconds: float) -> float:
    """Easy, medium, hard: a minute each, as `calibrate power` asks for."""
    return (90.0, 150.0, 220.0)[min(2, max(0, int(seconds // 60)))]


def said(
    power_w: Callable[[float], float], rate_hz: float = 2.0, noise: float = 0.0, seed: int = 1
) -> list[Reading]:
    random = Random(seed)
    return [
        Reading(
            START_NS + round(n / rate_hz * NS_PER_S),
            power_w=round(power_w(n / rate_hz) * random.gauss(1, noise)),
            cadence_rpm=80,
        )
        for n in range(round(-4 * rate_hz), round(180 * rate_hz))
    ]


def against(said_w: Callable[[float], float], **noise: Any) -> PowerResult:
    """Compare with a second sensor that lags by two seconds."""
    true = said(lambda seconds: ridden_w(seconds - 2), 1.0, 0.02, seed=2)
    return judge_power(by_sensor(said(said_w, **noise), true, START_NS, END_NS))


@pytest.mark.parametrize("factor", [30, 100])
def test_power_that_races_leave_out_must_be_scaled_first(factor: int) -> None:
    bike = said(lambda seconds: factor * ridden_w(seconds))
    with pytest.raises(NotUsable, match="set its option power_scale first"):
        by_sensor(bike, said(ridden_w), START_NS, END_NS)
    with pytest.raises(NotUsable, match="set its option power_scale first"):
        by_watts(said(lambda _: factor * 200.0), 200, START_NS, START_NS + 20 * NS_PER_S)


@pytest.mark.parametrize(
    ("factor", "scale"),
    [
        pytest.param(0.1, 10, id="a tenth: qdomyos-zwift #4591"),
        pytest.param(0.5, 2, id="one pedal: SmartSpin2k #70"),
        pytest.param(10, 0.1, id="ten times"),
        pytest.param(1.25, 0.8, id="reads high: gymnasticon #34"),
    ],
)
@given(noise=st.floats(0, 0.05), rate_hz=st.sampled_from([1.0, 4.0, 10.0]), seed=st.integers(0, 99))
def test_factor_is_found_against_a_second_sensor(
    factor: float, scale: float, noise: float, rate_hz: float, seed: int
) -> None:
    result = against(
        lambda seconds: ridden_w(seconds) * factor, noise=noise, rate_hz=rate_hz, seed=seed
    )
    assert result.verdict is PowerVerdict.SCALE
    assert result.scale == pytest.approx(scale, rel=0.03)
    assert result.offset_w == 0


def test_factor_and_offset_are_found_against_a_second_sensor() -> None:
    result = against(lambda seconds: (ridden_w(seconds) - 30) / 0.8, noise=0.01)
    assert result.verdict is PowerVerdict.SCALE_AND_OFFSET
    assert result.scale == pytest.approx(0.8, rel=0.05)
    assert result.offset_w == pytest.approx(30, abs=6)
    assert result.error_w < 5


def test_outliers_do_not_move_the_factor() -> None:
    """For a quarter of a minute the bike reports another power."""
    result = against(
        lambda seconds: ridden_w(seconds) / 2 if not 70 <= seconds < 85 else 400, noise=0.01
    )
    for power_w in (90, 150, 220):
        corrected_w = power_w / 2 * result.scale + result.offset_w
        assert corrected_w == pytest.approx(power_w, rel=0.03)


@given(noise=st.floats(0, 0.03), seed=st.integers(0, 99))
def test_power_that_is_right_is_fine(noise: float, seed: int) -> None:
    result = against(ridden_w, noise=noise, seed=seed)
    assert result.verdict is PowerVerdict.FINE
    assert not result.is_change
    assert abs(result.bias_w) < 5


def test_power_that_follows_nothing_is_not_usable() -> None:
    """A Merach S26C reports a constant, low power: qdomyos-zwift #3641."""
    result = against(lambda seconds: 60)
    assert result.verdict is PowerVerdict.NOT_USABLE
    assert "does not follow yours" in result.reason


def test_correction_in_force_is_replaced_not_added_to() -> None:
    pairs = [PowerPair(50, 100), PowerPair(100, 200)]
    assert judge_power(pairs, Calibration(power_scale=2)).verdict is PowerVerdict.FINE
    wrong = judge_power(pairs, Calibration(power_scale=4, power_offset_w=3))
    assert (wrong.scale, wrong.offset_w) == (2, 0)
    assert wrong.bias_w == pytest.approx(153)
    mended = judge_power([PowerPair(100, 100), PowerPair(200, 200)], Calibration(power_scale=2))
    assert (mended.verdict, mended.scale) == (PowerVerdict.SCALE, 1)


@pytest.mark.parametrize(
    ("pairs", "scale", "offset_w"),
    [
        ([PowerPair(10, 100)], 10, 0),
        ([PowerPair(10.2, 100), PowerPair(19.9, 200)], 9.927, 0),
        ([PowerPair(70, 100), PowerPair(170, 200)], 1, 30),
        ([PowerPair(70, 100), PowerPair(121, 150), PowerPair(169, 200)], 1.01, 29.3),
    ],
)
def test_correction_is_found_from_known_watts(
    pairs: list[PowerPair], scale: float, offset_w: float
) -> None:
    result = judge_power(pairs)
    assert result.scale == pytest.approx(scale, rel=0.01)
    assert result.offset_w == pytest.approx(offset_w, abs=0.7)


@pytest.mark.parametrize(
    "said_w", [(), (0,), (0, 0), (0, 100), (-5, 0), (0, 100, 200)], ids=lambda said: f"{said}"
)
def test_powers_that_no_correction_explains_are_not_usable(said_w: tuple[float, ...]) -> None:
    """Not even a bike that reports no power at all, and not without any power."""
    result = judge_power([PowerPair(one_w, one_w + 100) for one_w in said_w])
    assert result.verdict is PowerVerdict.NOT_USABLE
    assert result.reason
    assert power_sentence(result)
    assert power_data(result)


def test_correction_beyond_the_limits_is_not_usable() -> None:
    result = judge_power([PowerPair(1, 200), PowerPair(2, 400)])
    assert result.verdict is PowerVerdict.NOT_USABLE
    assert "a scale of 200" in result.reason
    assert (result.scale, result.offset_w) == (1, 0)


def test_known_watts_are_compared_with_the_mean_power() -> None:
    readings = said(lambda seconds: 100 if seconds < 10 else 120)
    pair = by_watts(readings, 150, START_NS, START_NS + 20 * NS_PER_S)
    assert (round(pair.said_w), pair.true_w) == (110, 150)


def test_dropped_zero_is_not_part_of_the_mean() -> None:
    readings = said(lambda seconds: 0 if seconds == 5 else 100, rate_hz=1)
    assert by_watts(readings, 100, START_NS, START_NS + 20 * NS_PER_S).said_w == 100


def test_second_sensor_is_corrected_by_its_own_calibration() -> None:
    half = Calibration(power_scale=2)
    pairs = by_sensor(said(lambda _: 100), said(lambda _: 60), START_NS, END_NS, half)
    assert {(one.said_w, one.true_w) for one in pairs} == {(100, 120)}


@pytest.mark.parametrize(
    ("readings", "complaint"),
    [
        ([], "reported its power in only 0 seconds"),
        (said(lambda _: 0), "the bike reports 0 W while you ride at 100 W"),
    ],
)
def test_known_watts_need_a_power(readings: list[Reading], complaint: str) -> None:
    with pytest.raises(NotUsable, match=complaint):
        by_watts(readings, 100, START_NS, END_NS)


@pytest.mark.parametrize(
    ("bike", "sensor"),
    [
        pytest.param([], said(ridden_w), id="bike without a power"),
        pytest.param(said(ridden_w), [], id="silent sensor"),
        pytest.param(said(ridden_w), said(lambda _: 10), id="hardly any power"),
        pytest.param(said(ridden_w)[:60], said(ridden_w), id="bike that stopped"),
    ],
)
def test_sensors_must_be_heard_together_for_long_enough(
    bike: list[Reading], sensor: list[Reading]
) -> None:
    with pytest.raises(
        NotUsable, match=r"a power in only \d periods of 10 s .* at least 6 are needed"
    ):
        by_sensor(bike, sensor, START_NS, END_NS)


@given(
    st.lists(st.builds(PowerPair, st.floats(1, 5000), st.floats(20, 2000)), min_size=1, max_size=20)
)
def test_judging_is_total_and_never_proposes_what_cannot_be_saved(pairs: list[PowerPair]) -> None:
    result = judge_power(pairs, AS_SAID)
    assert 0 < result.scale <= 100
    assert -500 <= result.offset_w <= 500
