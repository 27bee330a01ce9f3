"""What a bike said of its cadence, beside what was true: the right conclusion comes of it."""

from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import Reading
from gateway.calibrating.measuring.cadence import (
    FINE_RPM,
    KEY_S,
    NEAR,
    PLAIN_SCALES,
    CadenceResult,
    CadenceVerdict,
    Measurement,
    NotUsable,
    TruthSource,
    by_count,
    by_metronome,
    by_sensor,
    judge,
)
from tests.support.virtual_clock import NS_PER_S

START_NS = 11 * NS_PER_S

true_rpms = st.floats(40, 130)
wrong_scales = st.sampled_from([scale for scale in PLAIN_SCALES if scale != 1])
rates_hz = st.sampled_from([1.0, 2.0, 4.0, 10.0])
seeds = st.integers(0, 2**32)


def at(seconds: float) -> int:
    return START_NS + round(seconds * NS_PER_S)


def said(
    rpm: Callable[[float], float] | float,
    seconds: float,
    rate_hz: float = 4.0,
    from_s: float = -1.0,
) -> list[Reading]:
    """A bike's Readings, at a rate; `rpm` may be a function of the second."""
    count = round((seconds - from_s) * rate_hz)
    instants_s = [from_s + number / rate_hz for number in range(count)]
    return [Reading(at(s), cadence_rpm=rpm(s) if callable(rpm) else rpm) for s in instants_s]


def measured(said_rpm: float, true_rpm: float, precision_rpm: float = 0.8) -> Measurement:
    return Measurement(
        TruthSource.COUNT, said_rpm, true_rpm, precision_rpm, seconds=22.5, samples=90
    )


# What is measured


def test_thirty_turns_in_22_and_a_half_seconds_are_80_rpm() -> None:
    one = by_count(said(81.0, 22.5), 30, at(0), at(22.5))
    assert (one.said_rpm, one.true_rpm, one.samples) == (81.0, 80.0, 90)
    assert one.rate_hz == 4.0


def test_hand_pressed_keys_tell_80_rpm_to_one_percent_with_30_turns_and_to_three_with_10() -> None:
    thirty = by_count(said(80.0, 22.5), 30, at(0), at(22.5))
    assert thirty.precision_rpm / thirty.true_rpm == pytest.approx(KEY_S / 22.5)
    assert 0.008 < thirty.precision_rpm / thirty.true_rpm < 0.01
    ten = by_count(said(80.0, 7.5), 10, at(0), at(7.5))
    assert ten.precision_rpm == pytest.approx(3 * thirty.precision_rpm)


def test_cadence_counts_for_as_long_as_it_held() -> None:
    readings = [Reading(at(-0.5), cadence_rpm=60.0), Reading(at(2), cadence_rpm=90.0)]
    readings += [Reading(at(5 + s), cadence_rpm=90.0) for s in range(5)]
    readings += [Reading(at(9.0 + n / 10), cadence_rpm=90.0) for n in range(1, 10)]
    readings += [Reading(at(10), cadence_rpm=600.0)]  # holds from the end on
    one = by_metronome(readings, 84, at(0), at(10))
    assert one.said_rpm == pytest.approx((2 * 60 + 8 * 90) / 10)
    assert one.precision_rpm == pytest.approx(3.0 + 2 * 12 / 10)


def test_cadence_zero_alone_is_a_drop_out_and_two_are_a_stop() -> None:
    steady = said(80.0, 60)
    lone = [*steady[:40], Reading(steady[40].at_ns, cadence_rpm=0.0), *steady[41:]]
    assert by_metronome(lone, 80, at(0), at(60)).said_rpm == pytest.approx(80.0)
    two = [*lone[:41], Reading(steady[41].at_ns, cadence_rpm=0.0), *steady[42:]]
    assert by_metronome(two, 80, at(0), at(60)).said_rpm == pytest.approx(80 * (1 - 0.5 / 60))


def test_readings_without_a_cadence_are_not_samples() -> None:
    others = [Reading(at(s), power_w=150.0) for s in range(20)]
    both = sorted([*said(80.0, 20, rate_hz=2), *others], key=lambda one: one.at_ns)
    assert by_metronome(both, 80, at(0), at(20)).samples == 40
    with pytest.raises(NotUsable, match="the bike reported no cadence"):
        by_metronome(others, 80, at(0), at(20))


def test_second_sensor_may_give_the_truth() -> None:
    one = by_sensor(said(160.0, 60), said(80.0, 60, rate_hz=1), at(0), at(60))
    assert (one.said_rpm, one.true_rpm) == (160.0, 80.0)
    assert one.precision_rpm == 0, "both are perfectly even"


def test_an_uneven_cadence_is_less_precise() -> None:
    def uneven(second: float) -> float:
        return 85.0 if second < 30 else 75.0

    one = by_sensor(said(uneven, 60), said(uneven, 60), at(0), at(60))
    assert one.precision_rpm == pytest.approx(2 * 2 * 5 / 60, rel=0.02)


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ([], "the bike reported no cadence"),
        (said(0.0, 20), "the bike reports 0 rpm while you pedal at 80: check its sensor"),
        (said(80.0, 20, rate_hz=0.4), "reported its cadence only 7 of the 10 times"),
        ([*said(80.0, 7), *said(80.0, 20, from_s=14)], "reported no cadence for 7 s"),
        (said(80.0, 13), "reported no cadence for 7 s"),
        (said(80.0, 20, from_s=7), "reported no cadence for 7 s"),
        (said(lambda s: 100.0 if s < 10 else 60.0, 20), "varied by ± 25 %: pedal more evenly"),
    ],
)
def test_unusable_readings_are_refused_with_the_reason(
    readings: list[Reading], reason: str
) -> None:
    with pytest.raises(NotUsable, match=reason):
        by_metronome(readings, 80, at(0), at(20))


def test_a_second_sensor_that_hears_nobody_pedal_says_so() -> None:
    with pytest.raises(NotUsable, match="the second sensor reports 0 rpm: pedal during"):
        by_sensor(said(0.0, 60), said(0.0, 60), at(0), at(60))
    with pytest.raises(NotUsable, match="the second sensor reported no cadence"):
        by_sensor(said(80.0, 60), [], at(0), at(60))


@pytest.mark.parametrize("seconds", [0.0, 0.4, 8.9, 91.0])
def test_presses_that_no_legs_can_count_are_not_usable(seconds: float) -> None:
    with pytest.raises(NotUsable, match=r"30 turns in .* s is outside 20 … 200 rpm"):
        by_count(said(80.0, 100), 30, at(0), at(seconds))


# What is concluded


def counted(
    true_rpm: float, wrong_by: float, rate_hz: float, seed: int, scale_in_force: float = 1.0
) -> CadenceResult:
    """30 turns by a person with human hands, on a bike whose sensor is not quite steady.

    It says `wrong_by` times what it should.
    """
    random = Random(seed)
    dt_s = 30 * 60 / true_rpm
    readings = said(
        lambda _: wrong_by * true_rpm * random.uniform(0.98, 1.02),
        dt_s + 1,
        max(rate_hz, 12 / dt_s),
    )
    early_s = random.uniform(0, KEY_S)
    pressed = by_count(readings, 30, at(0), at(dt_s + early_s - KEY_S / 2))
    return judge([pressed], scale_in_force)


@given(true_rpm=true_rpms, scale=wrong_scales, rate_hz=rates_hz, seed=seeds)
def test_whatever_the_cadence_the_right_ratio_comes_first(
    true_rpm: float, scale: float, rate_hz: float, seed: int
) -> None:
    result = counted(true_rpm, 1 / scale, rate_hz, seed)
    assert (result.verdict, result.scale) == (CadenceVerdict.RATIO, scale)


@given(true_rpm=true_rpms, rate_hz=rates_hz, seed=seeds, scale=wrong_scales)
def test_verdict_is_fine_where_the_scale_in_force_mends(
    true_rpm: float, rate_hz: float, seed: int, scale: float
) -> None:
    result = counted(true_rpm, 1 / scale, rate_hz, seed, scale_in_force=scale)
    assert result.verdict is CadenceVerdict.FINE
    assert result.scale is None


@given(true_rpm=true_rpms, in_force=wrong_scales, wrong=wrong_scales, rate_hz=rates_hz, seed=seeds)
def test_scale_is_of_what_the_bike_says_whatever_is_in_force(
    true_rpm: float, in_force: float, wrong: float, rate_hz: float, seed: int
) -> None:
    result = counted(true_rpm, 1 / wrong, rate_hz, seed, scale_in_force=in_force)
    if in_force == wrong:
        return  # it is fine: see above
    assert (result.verdict, result.scale) == (CadenceVerdict.RATIO, wrong)
    [one] = result.measurements
    assert one.said_rpm * wrong == pytest.approx(one.true_rpm, rel=0.03)


def test_a_bike_that_is_right_by_itself_has_its_scale_taken_away() -> None:
    result = judge([measured(80.3, 80.0)], scale_in_force=0.5)
    assert (result.verdict, result.scale) == (CadenceVerdict.RATIO, 1.0)
    assert result.bias_rpm(result.measurements[0]) == pytest.approx(-39.85)


@given(true_rpm=true_rpms, bias_rpm=st.floats(-FINE_RPM, FINE_RPM), in_force=st.floats(0.1, 4))
def test_a_bias_of_up_to_two_rpm_is_fine(true_rpm: float, bias_rpm: float, in_force: float) -> None:
    one = measured((true_rpm + bias_rpm * 0.999) / in_force, true_rpm)
    result = judge([one], in_force)
    assert (result.verdict, result.scale, result.reason) == (CadenceVerdict.FINE, None, "")


@given(true_rpm=true_rpms, off=st.sampled_from([0.6, 0.8, 0.9, 1.1, 1.25, 1.5, 3.0]))
def test_verdict_without_a_plain_ratio_is_an_odd_scale(true_rpm: float, off: float) -> None:
    result = judge([measured(true_rpm * off, true_rpm)])
    assert result.verdict is CadenceVerdict.ODD_SCALE
    assert result.scale == round(1 / off, 3)


def test_scale_in_force_is_never_proposed_again() -> None:
    """It is near enough to be the plain one, and leaves more than 2 rpm."""
    result = judge([measured(164.8, 80.0)], scale_in_force=0.5)
    assert (result.verdict, result.scale) == (CadenceVerdict.ODD_SCALE, 0.485)


def test_bias_within_precision_is_not_usable() -> None:
    few_turns = judge([measured(82.5, 80.0, precision_rpm=2.6)])
    assert few_turns.verdict is CadenceVerdict.NOT_USABLE
    assert few_turns.scale is None
    assert "measure for longer" in few_turns.reason
    enough = judge([measured(82.5, 80.0, precision_rpm=0.8)])
    assert enough.verdict is CadenceVerdict.ODD_SCALE


# At two cadences


def at_beats(says: Callable[[float], float]) -> Sequence[Measurement]:
    return [by_metronome(said(says(rpm), 30), rpm, at(0), at(30)) for rpm in (60.0, 90.0)]


@given(
    factor=st.floats(0.3, 3).filter(lambda one: abs(one - 1) > 0.07),
    jitter_rpm=st.floats(-0.4, 0.4),
)
def test_a_factor_is_not_taken_for_a_constant(factor: float, jitter_rpm: float) -> None:
    result = judge(at_beats(lambda rpm: rpm * factor + (jitter_rpm if rpm > 80 else 0)))
    assert result.verdict in (CadenceVerdict.RATIO, CadenceVerdict.ODD_SCALE)
    assert result.scale == pytest.approx(1 / factor, rel=NEAR / (1 - NEAR))


@given(offset_rpm=st.floats(4, 25), sign=st.sampled_from([-1, 1]), jitter_rpm=st.floats(-0.4, 0.4))
def test_a_constant_is_not_taken_for_a_factor(
    offset_rpm: float, sign: int, jitter_rpm: float
) -> None:
    result = judge(at_beats(lambda rpm: rpm + sign * offset_rpm + (jitter_rpm if rpm > 80 else 0)))
    assert (result.verdict, result.scale) == (CadenceVerdict.OFFSET, None)


def test_verdict_is_not_usable_for_who_left_the_beat() -> None:
    result = judge(at_beats(lambda rpm: 75.0))
    assert result.verdict is CadenceVerdict.NOT_USABLE
    assert "stay on the beat" in result.reason


def test_verdict_is_fine_only_if_both_cadences_are() -> None:
    assert judge(at_beats(lambda rpm: rpm + 1.5)).verdict is CadenceVerdict.FINE
    assert judge(at_beats(lambda rpm: rpm * 1.05)).verdict is CadenceVerdict.ODD_SCALE
