"""Which values of a bike can be true: no absurd frame is ridden, and no real sprint is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import Frame, Reading
from drivers.protocols import PROTOCOLS
from drivers.protocols.bluetooth.flywheel import LiveData, encode_live_data
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.plausible import (
    OFTEN,
    PLAUSIBLE,
    Refusals,
    RefusedValues,
    implausible,
)
from gateway.sampling.sampler import Sample, Sampler

S = 1_000_000_000


def said(field: str, value: float) -> Reading:
    fields: dict[str, Any] = {field: value}
    return Reading(0, **fields)


#: The fields that become a Sample.
RACED = ["cadence_rpm", "power_w", "resistance_percent"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("power_w", 16_499, id="ptx2/gymnasticon #30"),
        pytest.param("power_w", 65_535, id="an unsigned field of ones"),
        pytest.param("power_w", -501, id="a power below zero"),
        pytest.param("cadence_rpm", 995, id="Berg0162/simcline #7"),
        pytest.param("cadence_rpm", 32_767.5, id="a cadence of ones"),
        pytest.param("cadence_rpm", -1, id="a cadence below zero"),
        pytest.param("speed_kmh", 6_543, id="an absurd speed"),
        pytest.param("speed_kmh", -1, id="a speed below zero"),
        pytest.param("speed_kmh", 255, id="a byte of ones"),
        pytest.param("speed_kmh", 655.35, id="a speed of ones"),
        pytest.param("heart_rate_bpm", 300, id="an absurd heart rate"),
        pytest.param("heart_rate_bpm", 255, id="a heart rate of ones"),
        pytest.param("distance_m", -1, id="a distance below zero"),
        pytest.param("distance_m", 4_294_967_295, id="a distance of ones"),
        pytest.param("resistance_percent", 6_553.5, id="an absurd percent"),
        pytest.param("resistance_percent", -3_276.8, id="a percent far below zero"),
    ],
)
def test_absurd_value_is_implausible(field: str, value: float) -> None:
    assert implausible(said(field, value)) == {field: value}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("power_w", 2_700, id="Jeffrey Hoogland's peak, record over 1 km in 2023"),
        pytest.param("power_w", 2_372, id="Jimmy Watkins' peak on a Wattbike"),
        pytest.param("cadence_rpm", 222, id="Jimmy Watkins on a Wattbike"),
        pytest.param("cadence_rpm", 227, id="Mark Cavendish"),
        pytest.param("speed_kmh", 144.17, id="AeroVelo Eta, the fastest human on wheels"),
        pytest.param("heart_rate_bpm", 240, id="the end of Polar's range"),
        pytest.param("distance_m", 16_777_215, id="the end of the counter of FTMS"),
        pytest.param("resistance_percent", 100.5, id="rounded at the end of the range"),
        *(pytest.param(field, 0, id=f"no {field}") for field in sorted(PLAUSIBLE)),
    ],
)
def test_extreme_value_that_was_measured_is_plausible(field: str, value: float) -> None:
    assert implausible(said(field, value)) == {}


def test_every_number_in_a_known_unit_has_limits() -> None:
    # A number of the bike's own has no unit: an ADC counts to 1023, another to 65535.
    numbers = set(Reading.__dataclass_fields__) - {"at_ns", "source", "resistance_raw"}
    assert set(PLAUSIBLE) == numbers


def test_refused_value_is_left_out_of_its_reading_and_the_others_stay() -> None:
    said = Reading(S, cadence_rpm=79, power_w=16_499, resistance_raw=12, source="flywheel")
    left = Reading(S, cadence_rpm=79, resistance_raw=12, source="flywheel")
    assert Refusals().without_refused(said) == left


def test_plausible_reading_is_unchanged() -> None:
    said = Reading(S, cadence_rpm=79, power_w=166)
    assert Refusals().without_refused(said) is said


def test_refused_values_are_counted_per_field_with_the_last_one() -> None:
    refusals = Refusals()
    for power_w, cadence_rpm in ((16_499, 995), (-501, 80), (166, 80)):
        refusals.without_refused(Reading(S, cadence_rpm=cadence_rpm, power_w=power_w))
    assert refusals.fields == (
        RefusedValues("cadence_rpm", 1, 995),
        RefusedValues("power_w", 2, -501),
    )


def test_refused_values_are_put_into_words() -> None:
    refused = RefusedValues("heart_rate_bpm", 1200, 300)
    assert str(refused) == "1,200 × heart rate, the last one 300 bpm"


@pytest.mark.parametrize(("apart_s", "are_frequent"), [(1, True), (6, True), (7, False)])
def test_refusals_are_frequent_if_many_came_within_a_minute(
    apart_s: int, are_frequent: bool
) -> None:
    refusals = Refusals()
    for number in range(OFTEN):
        assert not refusals.are_frequent(number * apart_s * S)
        refusals.without_refused(Reading(number * apart_s * S, power_w=16_499))
    last_ns = (OFTEN - 1) * apart_s * S
    assert refusals.are_frequent(last_ns) is are_frequent
    assert not refusals.are_frequent(last_ns + 61 * S)


def ride(readings: list[Reading], seconds: int, **calibration: Any) -> list[Sample]:
    """Return the seconds of a bike that was connected at 0."""
    sampler = Sampler(Calibration(**calibration))
    sampler.connected(0, stale_after_s=3)
    samples = []
    for second in range(seconds):
        for reading in readings:
            if second * S <= reading.at_ns < (second + 1) * S:
                sampler.add(reading)
        samples.append(sampler.close_second(second * S, (second + 1) * S))
    return samples


class TestSampler:
    """No absurd frame becomes a second of a race."""

    def test_absurd_power_before_a_stop_counts_in_no_second(self) -> None:
        """The case of ptx2/gymnasticon #30, at every offset from the second's start."""
        for offset_ns in range(0, S, S // 8):
            said = [
                Reading(0 * S + offset_ns, cadence_rpm=79, power_w=166),
                Reading(1 * S + offset_ns, cadence_rpm=79, power_w=16_499),
                Reading(2 * S + offset_ns, cadence_rpm=0, power_w=0),
                Reading(3 * S + offset_ns, cadence_rpm=0, power_w=0),
            ]
            powers = [sample.power_w for sample in ride(said, seconds=5)]
            assert all(power_w is None or power_w <= 166 for power_w in powers)
            assert powers[1] == 166, "the last power that was believed applies"
            assert powers[-1] == 0

    def test_frame_of_a_flywheel_with_an_absurd_power_is_in_no_second(self) -> None:
        """ptx2/gymnasticon #30. The first zero may be a drop-out, so 166 W count once more."""
        bike, readings = PROTOCOLS["flywheel"](), []
        for second, (power_w, cadence_rpm) in enumerate([(166, 79), (16_499, 79), (0, 0), (0, 0)]):
            data = encode_live_data(LiveData(power_w=power_w, cadence_rpm=cadence_rpm))
            readings += bike.feed(Frame(second * S, data))
        assert [sample.power_w for sample in ride(readings, seconds=4)] == [166, 166, 166, 0]

    def test_zero_cadence_with_an_absurd_power_is_a_stop(self) -> None:
        said = [Reading(0, cadence_rpm=80, power_w=166)]
        said += [Reading(n * S // 2, cadence_rpm=0, power_w=16_499) for n in (2, 3)]
        assert ride(said, seconds=2)[1].cadence_rpm == 0

    def test_negative_power_of_pedals_at_rest_is_a_power_of_0(self) -> None:
        said = [Reading(n * S, cadence_rpm=80, power_w=160) for n in range(3)]
        said += [Reading(n * S, cadence_rpm=0, power_w=-2) for n in range(3, 9)]
        samples = ride(said, seconds=9)
        assert [sample.power_w for sample in samples[-4:]] == [0, 0, 0, 0]

    def test_absurd_speed_alone_does_not_join_a_race(self) -> None:
        said = [Reading(0, speed_kmh=0), Reading(S // 2, speed_kmh=6_543)]
        assert not ride(said, seconds=1)[0].is_pedalling

    def test_absurd_percent_before_a_loss_is_not_the_last_known_resistance(self) -> None:
        said = [
            Reading(0, cadence_rpm=80, resistance_percent=40),
            Reading(S // 2, cadence_rpm=80, resistance_percent=6_553.5),
        ]
        assert [one.resistance_percent for one in ride(said, seconds=3)] == [40, 40, 40]

    def test_cadence_is_judged_after_its_scale(self) -> None:
        said = [Reading(0, cadence_rpm=320)]
        assert ride(said, seconds=1, cadence_scale=0.5)[0].cadence_rpm == 160
        said = [Reading(0, cadence_rpm=200)]
        assert ride(said, seconds=1, cadence_scale=2)[0].cadence_rpm == 0

    def test_power_is_judged_after_its_correction(self) -> None:
        said = [Reading(0, cadence_rpm=80, power_w=4_000)]
        assert ride(said, seconds=1, power_scale=0.1)[0].power_w == 400
        said = [Reading(0, cadence_rpm=80, power_w=1_600)]
        assert ride(said, seconds=1, power_scale=2)[0].power_w is None

    def test_number_that_a_calibration_converts_is_not_judged_as_percent(self) -> None:
        table = CalibrationTable([(0, 0), (1000, 100)])
        said = [Reading(0, cadence_rpm=80, resistance_percent=500)]
        sample = ride(said, seconds=1, table=table, quantity="percent")[0]
        assert sample.resistance_percent == 50

    def test_sampler_counts_what_it_refuses(self) -> None:
        sampler = Sampler()
        sampler.connected(0, stale_after_s=3)
        sampler.add(Reading(0, cadence_rpm=995, power_w=16_499, heart_rate_bpm=300))
        assert [one.name for one in sampler.refusals.fields] == [
            "cadence_rpm",
            "heart_rate_bpm",
            "power_w",
        ]

    @given(
        st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    field: st.floats(-1e12, 1e12) | st.floats(0, 300)
                    for field in (*RACED, "resistance_raw", "speed_kmh")
                },
            ),
            max_size=30,
        )
    )
    def test_no_second_is_outside_the_limits(self, said: list[dict[str, Any]]) -> None:
        readings = [Reading(number * S // 4, **fields) for number, fields in enumerate(said)]
        for sample in ride(readings, seconds=10):
            for field in RACED:
                value = getattr(sample, field)
                limits = PLAUSIBLE[field]
                assert value is None or limits.lowest <= value <= limits.highest
            assert 0 <= sample.resistance_percent <= 100
