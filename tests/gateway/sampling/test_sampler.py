"""One second of a bike out of what it said: averaged, judged, and nothing made up."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import Reading
from gateway.sampling.calibration import Calibration, CalibrationTable, ResistanceSource
from gateway.sampling.sampler import Sample, Sampler
from gateway.sampling.series import FieldState
from tests.support.sampled_ride import START_NS, SampledRide

NS_PER_MS = 1_000_000

RIDING = ["cadence_rpm", "power_w"]
FIELDS = [*RIDING, "resistance_percent"]


def by(points: list[tuple[float, float]], cadence_scale: float = 1.0) -> Calibration:
    return Calibration(CalibrationTable(points), cadence_scale=cadence_scale)


def means(field: str, said: list[tuple[float, float]], seconds: int = 1) -> list[Any]:
    """What each second says of `field`, on a connected bike that said (at_s, value) of it."""
    ride = SampledRide().connect()
    waiting = list(said)
    samples = []
    for second in range(1, seconds + 1):
        while waiting and waiting[0][0] < second:
            at_s, value = waiting.pop(0)
            ride.say(at_s, **{field: value})
        samples.append(getattr(ride.close(second), field))
    return samples


class TestMean:
    """Time-weighted over what was valid in the second."""

    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            ([(0, 80)], [80]),
            ([(0, 80), (0.5, 90)], [85]),
            ([(0, 60), (0.9, 90)], [63]),
            ([(0, 80), (0.5, 80)], [80]),
            ([(0.9, 80)], [80]),
            ([(0.4, 60), (0.8, 90)], [70]),
            ([(0.5, 80), (1.25, 100)], [80, 95]),
            ([(0, 70), (1, 90)], [70, 90]),
            ([(0, 70), (0.999, 70), (1.001, 90)], [70, 90]),
            ([(0, 80.04)], [80]),
            ([(0, 80.06)], [80.1]),
            ([(0, 80), (2.5, 90)], [80, 80, 85]),
        ],
    )
    def test_field_mean_is_weighted_by_time(
        self, field: str, said: list[tuple[float, float]], seconds: list[float]
    ) -> None:
        assert means(field, said, len(seconds)) == seconds

    def test_reading_at_the_end_of_a_second_belongs_to_the_next(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80)
        ride.say(1, 100)
        assert (ride.close(1).cadence_rpm, ride.close(2).cadence_rpm) == (80, 100)

    def test_raw_resistance_is_calibrated_before_it_is_averaged(self) -> None:
        ride = SampledRide(calibration=by([(0, 0), (100, 80), (200, 100)])).connect()
        ride.say(0, 80, resistance_raw=100)
        ride.say(0.5, resistance_raw=200)
        assert ride.close(1).resistance_percent == 90

    def test_field_that_was_never_reported_is_unknown(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80)
        assert ride.close(1) == Sample(
            present=True,
            cadence_rpm=80,
            resistance_percent=0,
            power_w=None,
            resistance=FieldState.UNKNOWN,
        )


class TestStaleness:
    """Each field has its own age; what is too old is no longer believed, but the knob stays."""

    def test_cadence_gone_stale_is_zero_and_resistance_the_last_known(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_percent=40)
        ride.say(0.5, 80, resistance_percent=60)
        seconds = [ride.close(second) for second in range(1, 6)]
        assert [sample.cadence_rpm for sample in seconds] == [80, 80, 80, 80, 0]
        assert [sample.resistance_percent for sample in seconds] == [50, 60, 60, 60, 60]
        assert all(sample.present for sample in seconds)

    @pytest.mark.parametrize(("stale_after_s", "riding"), [(1, 1), (1.5, 2), (3, 3), (10, 10)])
    def test_cadence_goes_stale_after_the_limit_of_its_bike(
        self, stale_after_s: float, riding: int
    ) -> None:
        ride = SampledRide(stale_after_s).connect()
        ride.say(0, 80)
        cadences = [ride.close(second).cadence_rpm for second in range(1, 13)]
        assert cadences == [80] * riding + [0] * (12 - riding)

    def test_field_does_not_keep_another_fresh(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, power_w=100)
        seconds = []
        for second in range(1, 6):
            ride.say(second - 0.5, power_w=100, resistance_percent=40)
            seconds.append(ride.close(second))
        assert [sample.cadence_rpm for sample in seconds] == [80, 80, 80, 0, 0]
        assert [sample.power_w for sample in seconds] == [100] * 5

    def test_power_gone_stale_is_none(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, power_w=100)
        assert [ride.close(second).power_w for second in range(1, 5)] == [100, 100, 100, None]

    def test_repeated_value_is_fresh(self) -> None:
        assert means("cadence_rpm", [(0, 80), (2.9, 80)], seconds=7) == [80] * 6 + [0]

    def test_resistance_never_ages(self) -> None:
        said: list[tuple[float, float]] = [(0, 40), (299.5, 60)]
        assert means("resistance_percent", said, seconds=300) == [40] * 299 + [50]


class TestState:
    """A 0 that was said, one that is too old and one that nobody said are three things."""

    def test_cadence_of_zero_is_told_apart_from_unknown_and_stale(self) -> None:
        ride = SampledRide().connect()
        silent = ride.close(1)
        ride.say(1.5, 0)
        stopped = ride.close(2)
        for second in (3, 4):
            ride.close(second)
        old = ride.close(5)
        forgotten = ride.close(6)
        assert [one.cadence_rpm for one in (silent, stopped, old, forgotten)] == [0, 0, 0, 0]
        assert [one.cadence for one in (silent, stopped, old, forgotten)] == [
            FieldState.UNKNOWN,
            FieldState.LIVE,
            FieldState.LIVE,
            FieldState.STALE,
        ]

    def test_each_field_has_a_state_of_its_own(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_percent=40)
        for second in (1, 2, 3, 4):
            ride.say(second - 0.5, 80)
            sample = ride.close(second)
        assert (sample.cadence, sample.resistance) == (FieldState.LIVE, FieldState.STALE)
        assert sample.resistance_percent == 40

    def test_cadence_is_live_by_its_last_value(self) -> None:
        ride = SampledRide().connect()
        for at_s in (0, 5.9):
            ride.say(at_s, 80)
        assert ride.close(7).cadence is FieldState.LIVE

    def test_fields_are_unknown_after_a_new_connection(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_percent=40)
        ride.close(1)
        ride.lose(1)
        ride.close(2)
        ride.connect(2.5)
        sample = ride.close(3)
        assert (sample.cadence, sample.resistance) == (FieldState.UNKNOWN, FieldState.UNKNOWN)


class TestPresence:
    """An absent bike gets no update."""

    def test_bike_that_never_connected_is_absent(self) -> None:
        ride = SampledRide()
        assert [ride.close(second).present for second in range(1, 6)] == [False] * 5

    def test_silent_bike_is_present_once_connected_for_the_staleness_limit(self) -> None:
        ride = SampledRide().connect(at_s=0.5)
        seconds = [ride.close(second) for second in range(1, 6)]
        assert [sample.present for sample in seconds] == [False, False, False, True, True]
        assert all(sample.cadence_rpm == 0 for sample in seconds)

    def test_resistance_alone_does_not_make_a_bike_present_at_once(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.1, resistance_percent=40)
        assert [ride.close(second).present for second in (1, 2, 3)] == [False, False, True]

    def test_lost_bike_is_present_in_the_second_of_its_last_reading_only(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_percent=40)
        ride.close(1)
        ride.say(1.2, 90, resistance_percent=50)
        ride.lose(1.4)
        assert ride.close(2) == Sample(
            present=True,
            cadence_rpm=88,
            resistance_percent=48,
            power_w=None,
            resistance_source=ResistanceSource.DEVICE,
        )
        for second in (3, 4, 5):
            assert ride.close(second) == Sample(
                present=False,
                cadence_rpm=88,
                resistance_percent=48,
                power_w=None,
                cadence=FieldState.UNKNOWN,
                resistance=FieldState.UNKNOWN,
                resistance_source=ResistanceSource.DEVICE,
                is_pedalling=False,
            )

    def test_lost_bike_is_absent_in_a_second_without_a_reading(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, 80)
        ride.close(1)
        ride.lose(1)
        assert not ride.close(2).present

    def test_readings_from_before_a_loss_do_not_come_back(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, 80, power_w=100)
        ride.lose(0.6)
        ride.close(1)
        ride.connect(1.2)
        assert not ride.close(2).present
        ride.say(2.5, 90)
        assert ride.close(3).cadence_rpm == 90


class TestJustLost:
    """A final of a bike that was just lost has the values of its last live second."""

    def lost(self, *, at_s: float, live_until_s: float | None = None) -> SampledRide:
        """Return a bike that reports 80 rpm, 40 % and 120 W each half second until it is lost."""
        ride = SampledRide().connect()
        half_seconds = int((live_until_s or at_s) * 2)
        for second in range(1, int(at_s) + 1):
            for half in (2 * second - 2, 2 * second - 1):
                if half < half_seconds:
                    ride.say(half / 2, 80, resistance_percent=40, power_w=120)
            ride.close(second)
        ride.lose(at_s)
        return ride

    def values(self, sample: Sample) -> tuple[bool, float, float, float | None]:
        return sample.present, sample.cadence_rpm, sample.resistance_percent, sample.power_w

    @pytest.mark.parametrize(
        ("end", "expected"),
        [
            (21, (False, 80, 40, 120)),
            (29, (False, 80, 40, 120)),
            (30, (False, 0, 40, None)),
            (31, (False, 0, 40, None)),
        ],
    )
    def test_values_are_held_for_less_than_ten_seconds(
        self, end: int, expected: tuple[bool, float, float, float | None]
    ) -> None:
        ride = self.lost(at_s=20)
        for second in range(21, end):
            ride.close(second)
        assert self.values(ride.close(end)) == expected

    def test_rider_who_had_stopped_before_the_loss_has_stopped(self) -> None:
        ride = self.lost(at_s=20)
        ride.connect(20)
        ride.say(20.2, 0, resistance_percent=40)
        ride.close(21)
        ride.say(21.2, 0, resistance_percent=40)
        ride.close(22)
        ride.lose(22)
        assert self.values(ride.close(23))[:3] == (False, 0, 40)

    def test_rider_whose_bike_fell_silent_long_before_the_loss_has_stopped(self) -> None:
        ride = self.lost(at_s=40, live_until_s=20)
        assert self.values(ride.close(41))[:3] == (False, 0, 40)

    @pytest.mark.parametrize("reports_power", [False, True])
    def test_bike_without_a_cadence_is_back_when_it_reports_the_effort(
        self, reports_power: bool
    ) -> None:
        ride = SampledRide(stale_after_s=1).connect()
        for second in range(1, 6):
            ride.say(second - 0.5, power_w=100, resistance_percent=40)
            assert ride.close(second).present
        ride.lose(5)
        ride.connect(5)
        ride.close(6)
        effort = {"power_w": 120} if reports_power else {}
        ride.say(6.5, resistance_percent=40, **effort)
        sample = ride.close(7)
        assert (sample.present, sample.power_w) == ((True, 120) if reports_power else (False, 100))

    def test_connection_that_brought_no_reading_does_not_count_as_a_loss(self) -> None:
        ride = self.lost(at_s=20)
        for second in range(21, 26):
            ride.close(second)
        ride.connect(25.1)
        ride.lose(25.9)
        assert self.values(ride.close(26))[:2] == (False, 80)
        for second in range(27, 31):
            ride.close(second)
        assert self.values(ride.close(31))[:2] == (False, 0), "20 s is when it was lost"


class TestPedalling:
    """The pedals turn by cadence; without a cadence by power, else by speed."""

    @pytest.mark.parametrize(
        ("said", "is_pedalling"),
        [
            ({"cadence_rpm": 60}, True),
            ({"cadence_rpm": 0}, False),
            ({"cadence_rpm": 0.04}, False),
            ({"cadence_rpm": 0, "power_w": 100, "speed_kmh": 20}, False),
            ({"power_w": 100}, True),
            ({"power_w": 0}, False),
            ({"speed_kmh": 20}, True),
            ({"speed_kmh": 0}, False),
            ({"resistance_percent": 40}, False),
        ],
    )
    def test_pedals_turn_by_the_best_field(
        self, said: dict[str, float], is_pedalling: bool
    ) -> None:
        ride = SampledRide(stale_after_s=1).connect()
        for second in (1, 2, 3):
            for tenth in (1, 4, 7):
                ride.say(second - 1 + tenth / 10, **said)
            sample = ride.close(second)
        assert (sample.present, sample.is_pedalling) == (True, is_pedalling)

    def test_pedals_have_stopped_at_the_first_zero(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, 80)
        ride.close(1)
        ride.say(1.3, 0)
        sample = ride.close(2)
        assert (sample.cadence_rpm > 0, sample.is_pedalling) == (True, False)

    def test_pedals_have_stopped_at_the_first_speed_of_zero(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, speed_kmh=20)
        assert ride.close(1).is_pedalling is False, "not connected for long enough"
        for second in (2, 3, 4):
            ride.say(second - 0.5, speed_kmh=20)
            sample = ride.close(second)
        assert sample.is_pedalling
        ride.say(4.3, speed_kmh=0)
        assert not ride.close(5).is_pedalling

    @pytest.mark.parametrize(
        ("said_at_s", "is_pedalling"),
        [((0, 0.9), [True, True, True, True, False]), ((0,), [True, True, True, False, False])],
    )
    def test_pedals_go_on_turning_in_a_second_without_a_report(
        self, said_at_s: tuple[float, ...], is_pedalling: list[bool]
    ) -> None:
        ride = SampledRide(stale_after_s=3).connect()
        for at_s in said_at_s:
            ride.say(at_s, 80)
        assert [ride.close(second).is_pedalling for second in (1, 2, 3, 4, 5)] == is_pedalling

    def test_pedals_of_an_absent_bike_do_not_turn(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, 80)
        assert ride.close(1).is_pedalling
        ride.lose(1)
        sample = ride.close(2)
        assert (sample.cadence_rpm, sample.is_pedalling) == (80, False)


class TestDropOut:
    """A lone zero between two non-zeros within 1.25 s is the sensor's; two zeros are a stop."""

    @pytest.mark.parametrize("field", RIDING)
    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            pytest.param([(0, 80), (0.4, 0), (0.6, 80)], [80], id="lone"),
            pytest.param([(0, 80), (0.4, 0), (0.6, 90)], [84], id="the value before it holds"),
            pytest.param([(0, 80), (0.4, 0), (0.6, 0)], [32], id="two are a stop"),
            pytest.param([(0, 80), (0.4, 0), (0.6, 0), (0.8, 80)], [48], id="a short stop"),
            pytest.param([(0, 0), (0.5, 80)], [40], id="nothing before it"),
            pytest.param([(0, 80), (0.2, 0), (0.4, 80), (0.6, 0), (0.8, 80)], [80], id="twice"),
            pytest.param([(0, 80), (0.9, 0)], [80, 80, 0], id="open, then a stop"),
            pytest.param([(0, 80), (0.9, 0), (1.1, 80)], [80, 80], id="over the boundary"),
            pytest.param([(0, 80), (0.9, 0), (1.1, 0)], [80, 0], id="stop over the boundary"),
            pytest.param([(0, 80), (1, 0), (1.5, 80)], [80, 80], id="at the boundary"),
            pytest.param([(0, 80), (0.5, 0), (1.75, 80)], [80, 80], id="back after 1.25 s"),
            pytest.param([(0, 80), (0.5, 0), (1.8, 80)], [80, 16], id="back after more"),
            pytest.param([(0, 80), (0.5, 80), (1.5, 0), (1.75, 0)], [80, 40], id="stop later"),
        ],
    )
    def test_lone_zero_is_a_drop_out_and_two_are_a_stop(
        self, field: str, said: list[tuple[float, float]], seconds: list[float]
    ) -> None:
        assert means(field, said, len(seconds)) == seconds

    def test_lone_zero_is_a_drop_out_also_for_a_bike_that_sends_seldom(self) -> None:
        """Keiser: every two seconds."""
        ride = SampledRide(stale_after_s=7).connect()
        said = {0: (80, 100), 2: (0, 100), 4: (80, 100), 6: (80, 0), 8: (80, 100)}
        samples = []
        for second in range(1, 10):
            if second - 1 in said:
                cadence_rpm, power_w = said[second - 1]
                ride.say(second - 1, cadence_rpm, power_w=power_w)
            samples.append(ride.close(second))
        assert {(one.cadence_rpm, one.power_w) for one in samples if one.power_w} == {(80, 100)}

    def test_first_cadence_counts_though_it_is_zero_and_there_is_power(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, 0, power_w=100)
        assert ride.close(1).cadence is FieldState.LIVE

    def test_second_cadence_zero_counts_though_there_is_power(self) -> None:
        ride = SampledRide().connect()
        for at_s, cadence_rpm in ((0, 80), (0.25, 0), (0.5, 0), (0.75, 0)):
            ride.say(at_s, cadence_rpm, power_w=100)
        assert ride.close(1).cadence_rpm == 40

    def test_cadence_and_power_at_zero_are_a_stop(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, power_w=100)
        for at_s in (0.5, 0.75):
            ride.say(at_s, 0, power_w=0)
        sample = ride.close(1)
        assert (sample.cadence_rpm, sample.power_w) == (40, 50)

    def test_resistance_of_two_zeros_is_zero(self) -> None:
        assert means("resistance_percent", [(0, 40), (0.4, 0), (0.5, 0), (0.6, 40)]) == [32]

    @pytest.mark.parametrize(
        ("said", "seconds"),
        [
            ([(0, 40), (0.4, 100), (0.6, 40)], [40]),
            ([(0, 40), (0.4, 0), (0.6, 44)], [41.6]),
            ([(0, 40), (0.4, 59), (0.6, 40)], [43.8]),
            ([(0, 40), (0.4, 100), (0.6, 90)], [72]),
            ([(0, 40), (0.5, 100), (2.6, 40)], [70, 100, 76]),
            ([(0, 40), (0.9, 100)], [46]),
        ],
        ids=["glitch", "turning meanwhile", "turned a little", "turned", "slow bike", "still open"],
    )
    def test_resistance_far_from_both_neighbours_is_a_glitch(
        self, said: list[tuple[float, float]], seconds: list[float]
    ) -> None:
        assert means("resistance_percent", said, len(seconds)) == seconds

    @pytest.mark.parametrize(("after_s", "mean"), [(2.4, 40), (2.6, 60)])
    def test_glitch_lies_between_neighbours_that_are_two_and_a_half_seconds_apart(
        self, after_s: float, mean: float
    ) -> None:
        said = [(0, 40), (1, 60), (after_s, 40)]
        ride = SampledRide(stale_after_s=10).connect()
        for at_s, percent in said:
            ride.say(at_s, resistance_percent=percent)
        assert ride.close(2).resistance_percent == mean

    @pytest.mark.parametrize("field", RIDING)
    @pytest.mark.parametrize("following", [[], [(5.75, 90)]])
    def test_zero_does_not_bring_a_stale_value_back(
        self, field: str, following: list[tuple[float, float]]
    ) -> None:
        last = means(field, [(0, 80), (5.5, 0), *following], seconds=6)[-1]
        assert last == (45 if following else 0)


def test_each_lone_cadence_of_zero_with_power_is_ignored() -> None:
    ride = SampledRide(stale_after_s=10).connect()
    for at_s, cadence_rpm in ((0, 80), (0.2, 0), (0.4, 80), (0.6, 0)):
        ride.say(at_s, cadence_rpm, power_w=100)
    assert ride.close(3).cadence_rpm == 80


def test_resistance_that_means_nothing_is_derived() -> None:
    ride, sources = SampledRide().connect(), []
    for second in range(1, 20):
        ride.say(second - 1, 80, power_w=150, resistance_percent=0)
        is_doubted = ride.close(second).resistance_source is ResistanceSource.DERIVED
        sources.append((bool(ride.sampler.resistance_doubt), is_doubted))
    assert set(sources) == {(False, False), (True, True)}


@pytest.mark.parametrize(("power_w", "percent"), [(150, 45.2), (500, 74.7), (1500, 100)])
def test_derived_resistance_rises_with_the_power_up_to_100_percent(
    power_w: float, percent: float
) -> None:
    ride = SampledRide(stale_after_s=1).connect()
    for second in (1, 2, 3):
        ride.say(second - 1, 80, power_w=power_w)
        last = ride.close(second)
    assert (last.resistance_percent, last.resistance_source) == (percent, ResistanceSource.DERIVED)


def test_power_below_zero_is_zero() -> None:
    ride = SampledRide().connect()
    ride.say(0, 80, power_w=-30)
    assert ride.close(1).power_w == 0


def test_calibrated_resistance_of_zero_is_not_derived() -> None:
    ride = SampledRide(calibration=by([(0, 0), (200, 100)])).connect()
    for second in range(1, 20):
        ride.say(second - 1, 80, power_w=150, resistance_raw=0)
        last = ride.close(second)
    assert (last.resistance_percent, last.resistance_source) == (0, ResistanceSource.CALIBRATED)


def test_reading_without_a_cadence_is_used_whatever_its_scale() -> None:
    ride = SampledRide(calibration=Calibration(None, cadence_scale=2)).connect()
    ride.say(0, power_w=100)
    ride.say(0, 40)
    sample = ride.close(1)
    assert (sample.cadence_rpm, sample.power_w) == (80, 100)


def test_resistance_that_was_said_once_counts_when_it_turns_out_to_be_real() -> None:
    ride = SampledRide().connect()
    for second in range(1, 20):
        ride.say(second - 1, 80, power_w=150, resistance_percent=0)
        ride.close(second)
    ride.say(19, 80, power_w=150, resistance_percent=40)
    for second in range(20, 30):
        ride.say(second - 0.5, 80, power_w=150)
        last = ride.close(second)
    assert (last.resistance_percent, last.resistance_source) == (40, ResistanceSource.DEVICE)


class TestResistanceSource:
    """Every second says where its resistance comes from."""

    @staticmethod
    def close(ride: SampledRide, second: int = 1) -> tuple[ResistanceSource, float]:
        sample = ride.close(second)
        return sample.resistance_source, sample.resistance_percent

    def test_resistance_is_calibrated_where_there_is_a_calibration(self) -> None:
        ride = SampledRide(calibration=by([(0, 0), (100, 80)])).connect()
        ride.say(0, 80, resistance_raw=50, resistance_percent=77)
        assert self.close(ride) == (ResistanceSource.CALIBRATED, 40)

    def test_resistance_is_the_bikes_percent_without_a_calibration(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_percent=77, power_w=100)
        assert self.close(ride) == (ResistanceSource.DEVICE, 77)

    def test_changed_calibration_is_in_use_from_the_next_reading_on(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_raw=50)
        assert self.close(ride) == (ResistanceSource.UNCALIBRATED, 50)
        ride.sampler.calibration = by([(0, 0), (100, 80)])
        ride.say(1, 80, resistance_raw=50)
        assert self.close(ride, 2) == (ResistanceSource.CALIBRATED, 40)

    def test_changed_calibration_is_in_use_without_a_new_resistance(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_raw=50)
        ride.say(0.9, 80)
        ride.close(1)
        ride.sampler.calibration = by([(0, 0), (100, 80)])
        ride.say(1, 80)
        assert self.close(ride, 2) == (ResistanceSource.CALIBRATED, 40)

    def test_resistance_is_the_bikes_percent_until_there_is_a_raw_number(self) -> None:
        ride = SampledRide(calibration=by([(0, 0), (100, 80)])).connect()
        ride.say(0, 80, resistance_percent=50, power_w=200)
        assert self.close(ride) == (ResistanceSource.DEVICE, 50)
        ride.say(1, 80, resistance_raw=50)
        ride.say(1.5, 80, resistance_percent=99)
        assert self.close(ride, 2) == (ResistanceSource.CALIBRATED, 40)

    @pytest.mark.parametrize("power_w", [None, 135.0])
    def test_counts_of_a_rig_without_a_calibration_are_called_uncalibrated(
        self, power_w: float | None
    ) -> None:
        """Clamped, and not replaced by an estimate from the power."""
        ride = SampledRide(stale_after_s=1).connect()
        for second in (1, 2, 3):
            ride.say(second - 1, 90, resistance_raw=417, power_w=power_w)
            assert self.close(ride, second) == (ResistanceSource.UNCALIBRATED, 100)

    def test_percent_counts_alone_of_a_bike_that_reports_counts_in_turn(self) -> None:
        """So does a Peloton whose firmware does not send its table."""
        ride = SampledRide().connect()
        for second in (1, 2, 3):
            ride.say(second - 1, 90, resistance_percent=40)
            ride.say(second - 0.5, resistance_raw=803)
            assert self.close(ride, second) == (ResistanceSource.DEVICE, 40)

    def test_rig_in_place_of_a_bike_with_percent_is_uncalibrated(self) -> None:
        ride = SampledRide().connect()
        ride.say(0, 80, resistance_percent=40)
        ride.close(1)
        ride.lose(1)
        ride.close(2)
        ride.connect(2)
        ride.say(2, 80, resistance_raw=17)
        assert self.close(ride, 3) == (ResistanceSource.UNCALIBRATED, 17)

    def test_resistance_never_reported_is_derived_from_power_and_cadence(self) -> None:
        """90 rpm at 40 % take 135 W on every Peloton (r/pelotoncycle's FAQ)."""
        ride = SampledRide(stale_after_s=2).connect()
        found = []
        for second in range(1, 5):
            ride.say(second - 1, 90, power_w=135)
            found.append(self.close(ride, second))
        nothing, derived = (ResistanceSource.NONE, 0), (ResistanceSource.DERIVED, 40)
        assert found == [nothing, derived, derived, derived]

    @pytest.mark.parametrize(
        "stop", [{"cadence_rpm": 0, "power_w": 0}, {"cadence_rpm": 40, "power_w": 0}]
    )
    def test_derived_resistance_stays_when_nobody_pedals(self, stop: dict[str, float]) -> None:
        ride = SampledRide(stale_after_s=1).connect()
        ride.say(0, 90, power_w=135)
        ride.close(1)
        for second in (2, 3, 4):
            ride.say(second - 1, **stop)
        assert self.close(ride, 4) == (ResistanceSource.DERIVED, 40)

    @given(st.floats(0.1, 250), st.floats(0.1, 3000))
    def test_derived_resistance_is_within_0_and_100_percent(
        self, cadence_rpm: float, power_w: float
    ) -> None:
        ride = SampledRide(stale_after_s=1).connect()
        ride.say(0, cadence_rpm, power_w=power_w)
        assert 0 <= ride.close(1).resistance_percent <= 100

    def test_resistance_is_not_derived_once_the_bike_has_reported_one(self) -> None:
        ride = SampledRide(stale_after_s=1).connect()
        ride.say(0, 90, power_w=135, resistance_percent=10)
        ride.lose(0.5)
        ride.close(1)
        ride.connect(1)
        ride.say(1, 90, power_w=135)
        assert self.close(ride, 2) == (ResistanceSource.DEVICE, 10)

    def test_cadence_is_scaled_by_the_calibration(self) -> None:
        ride = SampledRide(calibration=by([(0, 0), (100, 80)], cadence_scale=0.5)).connect()
        ride.say(0, 160, power_w=100)
        sample = ride.close(1)
        assert (sample.cadence_rpm, sample.power_w) == (80, 100)

    def test_power_is_corrected_by_the_calibration(self) -> None:
        ride = SampledRide(calibration=Calibration(power_scale=2, power_offset_w=10)).connect()
        ride.say(0, 80, power_w=100)
        ride.say(1, 0, power_w=0)
        ride.say(1.1, 0, power_w=0)
        ride.close(1)
        assert ride.close(2).power_w == 0, "and 0 stays 0"
        ride = SampledRide(calibration=Calibration(power_scale=2, power_offset_w=10)).connect()
        ride.say(0, 80, power_w=100)
        assert ride.close(1).power_w == 210

    def test_resistance_is_derived_from_the_corrected_power(self) -> None:
        percents = []
        for scale, power_w in ((1.0, 150.0), (10.0, 15.0)):
            ride = SampledRide(
                stale_after_s=1, calibration=Calibration(power_scale=scale)
            ).connect()
            for second in (0, 1):
                ride.say(second, 80, power_w=power_w)
            ride.close(1)
            source, percent = self.close(ride, 2)
            assert source is ResistanceSource.DERIVED
            percents.append(percent)
        assert percents[0] == percents[1] > 0


class TestFaultyOrder:
    """What cannot be used is dropped and counted."""

    def test_reading_out_of_order_is_dropped_field_by_field(self) -> None:
        ride = SampledRide().connect()
        for at_s in (0, 0.3, 0.5):
            ride.say(at_s, 80, power_w=100)
        ride.say(0.4, 10, resistance_percent=40)
        assert ride.sampler.dropped == 1
        assert ride.close(1) == Sample(
            present=True,
            cadence_rpm=80,
            resistance_percent=40,
            power_w=100,
            resistance_source=ResistanceSource.DEVICE,
        )

    def test_reading_out_of_order_does_not_make_a_bike_absent(self) -> None:
        ride = SampledRide().connect()
        ride.say(0.5, 80)
        ride.close(1)
        ride.say(1.2, 80)
        ride.say(0.9, 10)
        ride.lose(1.5)
        assert ride.close(2).present

    @pytest.mark.parametrize("field", FIELDS)
    def test_readings_beyond_256_are_dropped_oldest_first(self, field: str) -> None:
        ride = SampledRide().connect()
        for number in range(300):
            ride.say(0.5 + number / 1000, **{field: 10 if number < 44 else 80})
        assert ride.sampler.dropped == 44
        assert getattr(ride.close(1), field) == 80

    def test_ten_readings_a_second_are_never_dropped(self) -> None:
        ride = SampledRide().connect()
        for second in range(1, 301):
            for tenth in range(10):
                ride.say(second - 1 + tenth / 10, 80, power_w=100, resistance_percent=40)
            assert ride.close(second).cadence_rpm == 80
        assert ride.sampler.dropped == 0


#: (millisecond, value), in order. Whole numbers, so that a mean is exact however it is summed.
Said = list[tuple[int, int]]


def said_in(seconds: int, lowest: int, highest: int = 200) -> st.SearchStrategy[Said]:
    instants = st.integers(0, seconds * 1000 - 1)
    return st.lists(st.tuples(instants, st.integers(lowest, highest)), min_size=1).map(sorted)


def hear(said: Said, seconds: int, start_ns: int = START_NS) -> list[Sample]:
    """Every second of a bike that says the same of all its fields."""
    ride = SampledRide(calibration=by([(0, 0), (200, 100)]), start_ns=start_ns).connect()
    samples = []
    for second in range(1, seconds + 1):
        for ms, value in said:
            if ms // 1000 == second - 1:
                ride.say(ms / 1000, value, power_w=value, resistance_raw=value)
        samples.append(ride.close(second))
    return samples


class TestProperties:
    @given(said_in(seconds=1, lowest=0))
    def test_field_mean_lies_between_the_least_and_the_greatest_value(self, said: Said) -> None:
        sample = hear(said, seconds=1)[0]
        values = [value for _, value in said]
        assert min(values) <= sample.cadence_rpm <= max(values)
        assert sample.power_w == sample.cadence_rpm
        assert min(values) / 2 <= sample.resistance_percent <= max(values) / 2

    @given(said_in(seconds=5, lowest=1, highest=40), st.sets(st.integers(0, 4999)))
    def test_repeated_readings_change_no_sample(self, said: Said, again: set[int]) -> None:
        """Where nothing goes stale, every half second something being repeated anyway.

        And where nothing looks like a drop-out or a glitch, which said twice is none.
        """

        def value_at(ms: int) -> int:
            return [value for at_ms, value in said if at_ms <= ms][-1]

        def repeated(instants: set[int]) -> Said:
            repeats = [(ms, value_at(ms)) for ms in instants if ms > said[0][0]]
            return sorted(said + repeats, key=lambda one: one[0])

        often = set(range(0, 5000, 500))
        assert hear(repeated(often | again), seconds=5) == hear(repeated(often), seconds=5)

    @given(said_in(seconds=8, lowest=0), st.integers(0, 2**62))
    def test_samples_are_the_same_at_any_monotonic_offset(self, said: Said, start_ns: int) -> None:
        assert hear(said, seconds=8, start_ns=start_ns) == hear(said, seconds=8, start_ns=0)


@pytest.mark.parametrize(("cadence_rpm", "power_w"), [(0, 6), (60, 16), (None, 16)])
def test_offset_of_the_power_is_added_only_while_the_pedals_turn(
    cadence_rpm: float | None, power_w: float
) -> None:
    sampler = Sampler(Calibration(power_scale=2, power_offset_w=10))
    sampler.connected(0, stale_after_s=3)
    sampler.add(Reading(0, cadence_rpm=cadence_rpm, power_w=3))
    assert sampler.close_second(0, 1_000_000_000).power_w == power_w
