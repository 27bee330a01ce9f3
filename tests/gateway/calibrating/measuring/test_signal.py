"""The number of a knob: a hold is found on every kind of bike; a knob that is turned is none."""

from itertools import pairwise
from math import inf, nan, sqrt
from random import Random
from statistics import median, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calibrating.measuring.signal import MIN_SAMPLES, WINDOW_SAMPLES, Hold, RawSignal

NS_PER_S = 1_000_000_000
RATES_HZ = (1.0, 3.3, 10.0, 25.0)
#: What a bike says: its span, the step in which it says it, and the noise of its sensor.
LEVELS = (31.0, 1.0)
PERCENT = (100.0, 1.0)
TENTHS = (100.0, 0.1)
COUNTS_10_BIT = (900.0, 1.0)
COUNTS_12_BIT = (3600.0, 1.0)

seeds = st.integers(0, 2**32)


class Bike:
    """Says numbers to a signal, with chance in when it speaks and what it says."""

    def __init__(self, rate_hz: float, span: float, step: float, seed: int = 0) -> None:
        self.signal = RawSignal()
        self.now_ns = 0
        self.random = Random(seed)
        self.noise = self.outliers = 0.0
        self._period_ns = NS_PER_S / rate_hz
        self._step = step
        for raw in (0.0, span / 3, span / 2, span, span, span, span, span):
            self.say(raw)

    def say(self, raw: float) -> None:
        self.now_ns += round(self._period_ns * self.random.uniform(0.8, 1.2))
        raw = round((raw + self.random.gauss(0, self.noise)) / self._step) * self._step
        if self.random.random() < self.outliers:
            raw = self.random.choice((-1000.0, 9999.0))
        self.signal.hear(self.now_ns, raw)

    def hold(self, raw: float, most_s: float = 60) -> Hold | None:
        """The first hold that is found while the knob stands at `raw`."""
        until_ns = self.now_ns + most_s * NS_PER_S
        self.signal.restart()
        while self.now_ns < until_ns:
            self.say(raw)
            if self.signal.hold is not None:
                return self.signal.hold
        return None


def heard(*numbers: float | None, every_s: float = 0.1, start_s: float = 0) -> RawSignal:
    signal = RawSignal()
    for index, number in enumerate(numbers):
        signal.hear(round((start_s + index * every_s) * NS_PER_S), number)
    return signal


@given(
    st.sampled_from(RATES_HZ),
    st.sampled_from([LEVELS, PERCENT, TENTHS, COUNTS_10_BIT, COUNTS_12_BIT]),
    st.floats(0, 1),
    st.floats(0, 0.0045),
    st.sampled_from([0.0, 1 / 300, 1 / 50]),
    seeds,
)
def test_a_hold_is_found_where_the_knob_stands(
    rate_hz: float,
    kind: tuple[float, float],
    place: float,
    noise: float,
    outliers: float,
    seed: int,
) -> None:
    span, step = kind
    bike = Bike(rate_hz, span, step, seed)
    bike.noise, bike.outliers = noise * span, outliers
    hold = bike.hold(place * span)
    assert hold is not None
    assert hold.samples >= MIN_SAMPLES
    assert hold.held_s >= 2
    assert abs(hold.raw - place * span) <= step / 2 + 2 * bike.noise + 1e-9


@given(
    st.sampled_from(RATES_HZ),
    st.sampled_from([COUNTS_10_BIT, COUNTS_12_BIT, TENTHS]),
    st.floats(0.02, 0.3),
    st.floats(0, 0.002),
    st.sampled_from([-1, 1]),
    seeds,
)
def test_a_knob_that_is_turned_is_no_hold(
    rate_hz: float, kind: tuple[float, float], per_s: float, noise: float, way: int, seed: int
) -> None:
    span, step = kind
    bike = Bike(rate_hz, span, step, seed)
    bike.noise = noise * span
    began_ns = bike.now_ns
    bike.signal.restart()
    while (turned := per_s * (bike.now_ns - began_ns) / NS_PER_S) < 1:
        bike.say(span * (turned if way > 0 else 1 - turned))
        assert bike.signal.hold is None


@given(st.integers(1, 4), st.integers(10, 60), st.sampled_from([1.0, 0.5, 0.3]))
def test_levels_that_are_stepped_through_are_no_hold(
    samples_a_level: int, levels: int, every_s: float
) -> None:
    numbers = [1 + index // samples_a_level for index in range(levels * samples_a_level)]
    signal = RawSignal()
    for index, number in enumerate(numbers):
        signal.hear(round(index * every_s * NS_PER_S), number)
        assert signal.hold is None


def test_a_knob_that_is_turned_there_and_back_is_no_hold() -> None:
    there = list(range(500, 540, 4))
    assert heard(*there, *reversed(there), *there, *reversed(there)).hold is None


@given(
    st.lists(st.sampled_from([499.0, 500.0, 501.0]), min_size=30, max_size=30),
    st.sets(st.integers(0, 14), max_size=4),
    st.lists(st.sampled_from([0.0, 4095.0]), min_size=4, max_size=4),
)
def test_hold_is_the_same_with_lone_glitches_anywhere(
    numbers: list[float], places: set[int], glitches: list[float]
) -> None:
    """Among samples 0.1 s apart, after every other one at most, on a bike that was heard before."""
    numbers = [*[499.0, 500.0, 501.0, 500.0] * 3, *numbers]
    clean, with_glitches = RawSignal(), RawSignal()
    wrong = dict(zip((12 + 2 * place for place in places), glitches, strict=False))
    for index, number in enumerate(numbers):
        at_ns = index * NS_PER_S // 10
        clean.hear(at_ns, number)
        with_glitches.hear(at_ns, number)
        if index in wrong:
            with_glitches.hear(at_ns + NS_PER_S // 20, wrong[index])
    assert with_glitches.hold == clean.hold


def test_hold_raw_is_the_median_and_its_noise_the_deviation() -> None:
    numbers = [437.0, 438, 437, 437, 436, 437, 438, 437, 436, 437, 437, 438, 437, 436, 437] * 2
    hold = heard(*numbers, every_s=0.3).hold
    assert hold is not None
    assert (hold.raw, hold.noise, hold.samples) == (median(numbers), pstdev(numbers), 30)
    assert hold.held_s == pytest.approx(8.7)


def test_hold_needs_ten_samples_and_two_seconds() -> None:
    assert heard(*[437.0] * 9, every_s=0.3).hold is None
    assert heard(*[437.0] * 10, every_s=0.3).hold is not None
    assert heard(*[437.0] * 20, every_s=0.1).hold is None
    assert heard(*[437.0] * 21, every_s=0.1).hold is not None
    assert heard(*[17.0] * 10, every_s=2).hold is not None


def test_hold_that_begins_is_shown_before_it_is_believed() -> None:
    signal = heard(100, 101, 130, 170, 240, 330, *[437.0] * 9, every_s=0.3)
    assert signal.hold is None
    assert signal.latest_hold is not None
    assert (signal.latest_hold.samples, signal.latest_hold.raw) == (9, 437)


def test_hold_ends_with_the_second_sample_elsewhere() -> None:
    held = [437.0] * 30
    assert heard(*held, 460.0).hold is not None
    assert heard(*held, 460.0, 470.0).hold is None


def test_a_knob_turned_slowly_in_small_steps_is_told_from_noise() -> None:
    """963 and then 967, as a Peloton has said it: within half a percent of its range."""
    way = [*[155.0] * 5, *[968.0] * 5, 900.0, 910.0, 905.0]
    turning = [963.0] * 7 + [964.0, 966.0, 967.0]
    assert heard(*way, *turning, every_s=0.3).hold is None
    hold = heard(*way, *turning, *[967.0] * 11, every_s=0.3).hold
    assert hold is not None
    assert hold.raw == 967


def test_silence_of_two_seconds_does_not_end_a_hold() -> None:
    signal = heard(*[437.0] * 6, every_s=0.3)
    for index in range(6):
        signal.hear(round((1.5 + 2 + index * 0.3) * NS_PER_S), 437)
    assert signal.hold is not None
    assert signal.hold.samples == 12


def test_number_said_twice_at_once_counts_once() -> None:
    signal = RawSignal()
    for index in range(9):
        for late_ns in (0, 0, 5_000_000):
            signal.hear(index * NS_PER_S // 3 + late_ns, 437)
    assert signal.latest_hold is not None
    assert signal.latest_hold.samples == 9
    assert signal.hold is None


def test_a_level_said_only_when_it_changes_holds_while_the_bike_speaks() -> None:
    signal = heard(7.0, 8.0, *[None] * 12, every_s=1)
    assert signal.hold is not None
    assert signal.hold.raw == 8
    assert heard(7.0, 8.0, every_s=1).hold is None
    assert heard(*[None] * 30, every_s=1).last is None


def test_other_things_said_between_the_numbers_are_no_numbers() -> None:
    """A Peloton says cadence, power and resistance in turn."""
    signal = heard(*[437.0, None, None] * 8, every_s=0.1)
    assert signal.latest_hold is not None
    assert signal.latest_hold.samples == 8


def test_two_glitches_do_not_pass_the_filter() -> None:
    signal = heard(437.0, 438.0, 4095.0, 437.0, 4095.0)
    assert signal.last == 4095
    assert signal.filtered == 438
    assert heard(437.0, 4095.0).filtered is None


def test_a_glitch_does_not_widen_the_range_by_which_holds_are_judged() -> None:
    turned = [100.0] * 5 + [500.0] * 5
    with_glitch = [*turned, 4095.0, *[500.0] * 4]
    assert heard(*turned).tolerance == heard(*with_glitch).tolerance == pytest.approx(2)


@given(st.floats(0.5, 20), seeds)
def test_noise_is_the_deviation_whatever_glitches_there_are(sd: float, seed: int) -> None:
    random = Random(seed)
    numbers = [random.gauss(500, sd) for _ in range(WINDOW_SAMPLES)]
    for index in (9, 31, 50):
        numbers[index] = 4095
    assert sd / 3 < heard(*numbers).noise < sd * 2


def test_until_there_was_a_hold_the_noise_is_that_around_the_movement() -> None:
    random = Random(1)
    signal = heard(*[10.0 * index + random.gauss(0, 2) for index in range(60)])
    assert not signal.had_hold
    assert 1 < signal.noise < 4


def test_while_the_knob_is_turned_the_noise_is_that_of_the_last_hold() -> None:
    signal = heard(*[437.0, 438.0] * 20, *range(450, 600, 10))
    assert signal.hold is None
    assert signal.had_hold
    assert signal.noise == pytest.approx(0.5, abs=0.05)


def test_what_is_discernible_is_more_than_noise_and_rounding() -> None:
    assert heard(*[430.0, 440.0] * 20).discernible == pytest.approx(3 * 5)
    one_step = heard(*range(1, 6), *[6.0] * 30).discernible
    assert one_step == pytest.approx(3 / sqrt(12))
    assert one_step < 1


@pytest.mark.parametrize("wander", [[437.0] * 4, [437.0, 438.0] * 20, [437.0, 438.0, 439.0] * 20])
def test_a_converter_that_wanders_by_a_step_or_two_is_not_turned(wander: list[float]) -> None:
    """As a Peloton's does at rest; until its noise is known, too."""
    assert heard(*wander).discernible >= 3 - 1e-9


def test_signal_knows_its_rate_and_age() -> None:
    signal = heard(*[437.0] * 30, every_s=0.3)
    now_ns = round(8.7 * NS_PER_S)
    assert signal.rate_hz(now_ns) == pytest.approx(1 / 0.3)
    assert signal.rate_hz(now_ns + 6 * NS_PER_S) == 0
    assert signal.age_s(now_ns + NS_PER_S) == pytest.approx(1)
    assert RawSignal().age_s(now_ns) is None
    assert RawSignal().rate_hz(now_ns) == 0


def test_signal_after_a_restart_knows_the_bike_but_not_the_knob() -> None:
    signal = heard(*[100.0] * 5, *[500.0] * 30)
    tolerance = signal.tolerance
    signal.restart()
    assert signal.hold is None
    assert signal.last is None
    assert signal.filtered is None
    assert signal.age_s(0) is None
    assert signal.rate_hz(4 * NS_PER_S) == 0
    assert signal.tolerance == tolerance > 0
    signal.hear(0, None)
    assert signal.last is None


def test_signal_ignores_what_comes_out_of_order() -> None:
    signal = heard(*[437.0] * 5, start_s=10)
    signal.hear(NS_PER_S, 9)
    assert signal.last == 437


@pytest.mark.parametrize("number", [inf, -inf, nan])
def test_signal_refuses_inf_and_nan(number: float) -> None:
    with pytest.raises(ValueError, match="not a number that a bike can send"):
        heard(number)


def test_a_bike_that_speaks_a_thousand_times_a_second_is_held_in_bounds() -> None:
    signal = heard(*[437.0] * 10_000, every_s=0.001)
    assert signal.hold is not None
    assert signal.hold.samples <= WINDOW_SAMPLES
    instants_ns = [at_ns for at_ns, _ in signal.hold.members]
    assert all(after - before >= 40_000_000 for before, after in pairwise(instants_ns))


def test_signal_forgets_what_was_heard_long_ago() -> None:
    signal = heard(*[437.0] * 20, every_s=2)
    assert signal.hold is not None
    assert signal.hold.held_s == 30
