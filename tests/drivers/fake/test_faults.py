"""Each fault, by the questions that the bike asks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.fake.faults import FaultOptions, Faults
from drivers.fake.rider import BikeState

RIDE_S = 300
STATE = BikeState(80.0, 40.0, 112.0, 27.0, 140.0)
NOISY = STATE._replace(sensor_noise=-2.5)
PER_MIN = [name for name in FaultOptions.model_fields if name.endswith("_per_min")]


def faults(**options: float) -> Faults:
    return Faults(FaultOptions.model_validate(options), seed=1, ride_s=RIDE_S)


def struck_ms(some: Faults, fault: str, span_ms: int = 250) -> list[int]:
    """The spans of the ride in which `fault` strikes, by their starts."""
    starts = range(0, RIDE_S * 1000, span_ms)
    return [start for start in starts if some.hits(fault, start, start + span_ms)]


def distorted(some: Faults) -> list[BikeState]:
    """What becomes of the same state in every quarter second of the ride."""
    return [some.distort(STATE, ms, ms + 250) for ms in range(0, RIDE_S * 1000, 250)]


def test_default_faults_change_nothing() -> None:
    some = faults()
    assert set(distorted(some)) == {STATE}
    for ms in range(0, RIDE_S * 1000, 100):
        assert some.lost_because(ms) is None
        assert not some.is_missing(ms)
        assert some.shown_ms(ms) == ms
        assert some.repeat([b"ab"], ms, ms + 100) == [b"ab"]
        assert some.damage([b"ab"], ms, ms + 100) == [b"ab"]


@pytest.mark.parametrize("fault", PER_MIN)
def test_fault_rate_is_kept_over_the_ride(fault: str) -> None:
    assert len(struck_ms(faults(**{fault: 2}), fault)) == 10


@pytest.mark.parametrize("fault", PER_MIN)
@given(rate=st.floats(0.1, 30))
def test_faults_of_one_kind_never_strike_in_succession(fault: str, rate: float) -> None:
    struck = struck_ms(faults(**{fault: rate}), fault, span_ms=100)
    assert all(after - before >= 900 for before, after in pairwise(struck))


def test_faults_have_no_influence_on_each_other() -> None:
    alone = faults(zero_power_per_min=3)
    among_others = faults(zero_power_per_min=3, missing_per_min=5, duplicate_per_min=7)
    assert struck_ms(alone, "zero_power_per_min") == struck_ms(among_others, "zero_power_per_min")
    both = faults(zero_power_per_min=3, zero_cadence_per_min=3)
    assert struck_ms(both, "zero_power_per_min") != struck_ms(both, "zero_cadence_per_min")


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("zero_power_per_min", STATE._replace(power_w=0)),
        ("zero_cadence_per_min", STATE._replace(cadence_rpm=0)),
        ("resistance_glitch_per_min", STATE._replace(knob_percent=100)),
    ],
)
def test_value_fault_strikes_one_value_and_spares_the_next(fault: str, wrong: BikeState) -> None:
    states = distorted(faults(**{fault: 1}))
    struck = [index for index, state in enumerate(states) if state != STATE]
    assert [states[index] for index in struck] == [wrong] * 5
    assert all(states[index + 1] == STATE for index in struck)


def test_a_high_resistance_glitches_to_the_low_end() -> None:
    some = faults(resistance_glitch_per_min=1)
    state = some.distort(STATE._replace(knob_percent=70), 0, 60_000)
    assert state.resistance_percent == 0


def test_a_glitch_goes_to_the_very_end_of_the_scale() -> None:
    state = faults(resistance_glitch_per_min=1).distort(NOISY, 0, 60_000)
    assert (state.resistance_percent, state.sensor_noise) == (100, 0)


def test_dead_sensor_zeroes_cadence_power_and_speed() -> None:
    states = distorted(faults(dead_sensor_at_s=100, dead_sensor_for_s=50))
    dead = BikeState(0, STATE.resistance_percent, 0, 0, STATE.heart_rate_bpm)
    assert states[400:600] == [dead] * 200
    assert {*states[:400], *states[600:]} == {STATE}


@pytest.mark.parametrize("factor", [0.5, 2])
def test_cadence_factor_multiplies_the_cadence(factor: float) -> None:
    assert set(distorted(faults(cadence_factor=factor))) == {
        STATE._replace(cadence_rpm=80 * factor)
    }


@pytest.mark.parametrize("factor", [0.1, 10])
def test_power_factor_multiplies_the_power(factor: float) -> None:
    assert set(distorted(faults(power_factor=factor))) == {
        STATE._replace(power_w=STATE.power_w * factor)
    }


def test_frozen_bike_shows_one_instant_until_its_time_is_over() -> None:
    some = faults(frozen_at_s=20, frozen_for_s=5)
    shown = [some.shown_ms(ms) for ms in (19_750, 20_000, 22_300, 24_999, 25_000)]
    assert shown == [19_750, 20_000, 20_000, 20_000, 25_000]


def test_missing_fault_is_a_gap_of_a_third_to_two_seconds() -> None:
    some = faults(missing_per_min=4)
    silent = [some.is_missing(ms) for ms in range(0, RIDE_S * 1000, 10)]
    starts = sum(now and not before for before, now in pairwise(silent))
    assert starts == 20
    assert 0.3 <= sum(silent) * 0.01 / starts <= 2


def test_a_dropped_link_comes_back() -> None:
    some = faults(disconnect_at_s=50, disconnect_for_s=10)
    assert some.lost_because(49_999) is None
    assert some.lost_because(50_000) == "the fake bike dropped the link for 10 s"
    assert some.lost_because(60_000) is None


def test_vanished_bike_does_not_come_back() -> None:
    some = faults(vanish_at_s=50)
    assert some.lost_because(49_999) is None
    for ms in (50_000, 299_999):
        assert some.lost_because(ms) == "the fake bike vanished for the rest of the ride"


def test_duplicate_fault_repeats_the_messages() -> None:
    assert faults(duplicate_per_min=1).repeat([1, 2], 0, 60_000) == [1, 2, 1, 2]


def test_a_cut_message_loses_its_end() -> None:
    assert faults(cut_per_min=1).damage([b"abcdef"], 0, 60_000) == [b"abc"]


def test_a_corrupt_message_has_one_bit_turned() -> None:
    [message] = faults(corrupt_per_min=1).damage([b"abcdef"], 0, 60_000)
    turned = [one ^ other for one, other in zip(message, b"abcdef", strict=True)]
    assert sum(bits.bit_count() for bits in turned) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"zero_power_per_min": -1},
        {"zero_power_per_min": 31},
        {"disconnect_at_s": -1},
        {"disconnect_for_s": 0},
        {"cadence_factor": 0},
        {"power_factor": 0},
        {"no_such_fault": 1},
    ],
)
def test_impossible_fault_options_are_refused_by_name(options: dict[str, float]) -> None:
    [name] = options
    with pytest.raises(ValidationError, match=name):
        FaultOptions.model_validate(options)
