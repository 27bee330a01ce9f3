"""A resistance that never moves: a knob at rest, or a number that means nothing."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import Frame, Reading
from drivers.magnetic_brake import power_w
from drivers.protocols import PROTOCOLS
from gateway.sampling.calibration import AS_SAID, Calibration, CalibrationTable, ResistanceSource
from gateway.sampling.constant import NEAR_RPM, RIDDEN_S, SETTLED_S, TURNED_S, ConstantResistance
from gateway.sampling.sampler import Sample, Sampler
from gateway.sampling.series import FieldState

S = 1_000_000_000
INDOOR_BIKE_DATA = "00002ad2-0000-1000-8000-00805f9b34fb"
DEVICE, DERIVED, UNCALIBRATED = (
    ResistanceSource.DEVICE,
    ResistanceSource.DERIVED,
    ResistanceSource.UNCALIBRATED,
)

#: One second of a ride: cadence, power, and the number that the bike reports as resistance.
Second = tuple[float | None, float | None, float | None]


class Rider:
    """A Sampler whose bike reports once a second."""

    def __init__(self, calibration: Calibration = AS_SAID, stale_after_s: float = 3.0) -> None:
        self.sampler = Sampler(calibration)
        self._second = 0
        self._stale_after_s = stale_after_s
        self.connect()

    def connect(self) -> None:
        self.sampler.connected(self._second * S, self._stale_after_s)

    def lose(self) -> None:
        self.sampler.disconnected(self._second * S)

    def ride(self, seconds: Iterable[Second], field: str = "resistance_raw") -> list[Sample]:
        samples = []
        for cadence_rpm, power, number in seconds:
            at_ns = self._second * S
            reading = Reading(at_ns, cadence_rpm=cadence_rpm, power_w=power)
            if number is not None:
                numbers = {field: number}
                reading = replace(reading, **numbers)  # type: ignore[arg-type]
            self.sampler.add(reading)
            self._second += 1
            samples.append(self.sampler.close_second(at_ns, self._second * S))
        return samples


def steps(number: float, *powers_w: float, seconds: int = SETTLED_S + RIDDEN_S) -> list[Second]:
    """Return a ride at 75 rpm with each power in turn, on a bike that reports one number."""
    return [(75, power, number) for power in powers_w for _ in range(seconds)]


class TestAlwaysZero:
    """doudar/SmartSpin2k #573, cagnulein/qdomyos-zwift #2527: flagged, and always 0."""

    @staticmethod
    def decoded(frame: str, seconds: int) -> list[Sample]:
        """Return the seconds of a bike over FTMS that sends one frame again and again."""
        protocol, sampler = PROTOCOLS["ftms"](), Sampler()
        sampler.connected(0, stale_after_s=3)
        samples = []
        for second in range(seconds):
            data = bytes.fromhex(frame)
            for reading in protocol.feed(Frame(second * S, data, False, INDOOR_BIKE_DATA)):
                sampler.add(reading)
            samples.append(sampler.close_second(second * S, (second + 1) * S))
        return samples

    @pytest.mark.parametrize(
        "frame",
        [
            pytest.param("6402af0996000000300000", id="doudar/SmartSpin2k #573"),
            pytest.param("4402af099600300000", id="the same without the field"),
        ],
    )
    def test_resistance_that_is_always_0_is_derived_as_if_it_were_absent(self, frame: str) -> None:
        last = self.decoded(frame, seconds=30)[-1]
        assert (last.resistance_percent, last.resistance_source) == (29.4, DERIVED)
        assert last.resistance is FieldState.UNKNOWN

    def test_zero_counts_as_reported_until_it_has_been_ridden_for_a_while(self) -> None:
        rider = Rider()
        samples = rider.ride(steps(0, 48, seconds=RIDDEN_S))
        assert {one.resistance_source for one in samples[:-1]} == {UNCALIBRATED}
        assert samples[-1].resistance_source is DERIVED
        assert rider.sampler.resistance_doubt == (
            "the reported resistance is always 0, although the power shows that there is resistance"
        )

    def test_zero_percent_is_doubted_as_well(self) -> None:
        last = Rider().ride(steps(0, 48), "resistance_percent")[-1]
        assert (last.resistance_percent, last.resistance_source) == (29.4, DERIVED)

    @pytest.mark.parametrize(
        ("cadence_rpm", "power"), [(75, None), (75, 0), (75, 13), (75, 20), (0, 0)]
    )
    def test_zero_of_a_knob_that_is_turned_down_is_kept(
        self, cadence_rpm: float, power: float | None
    ) -> None:
        """At 75 rpm belt and bearings alone need 13 W."""
        samples = Rider().ride([(cadence_rpm, power, 0)] * 300, "resistance_percent")
        assert {one.resistance_source for one in samples} == {DEVICE}
        assert {one.resistance_percent for one in samples} == {0}

    def test_zero_of_a_knob_that_was_turned_before_is_kept(self) -> None:
        """Also if the rider accelerates a heavy flywheel."""
        rider = Rider()
        rider.ride([(75, 100, 30)] * 5)
        assert {one.resistance_source for one in rider.ride(steps(0, 60))} == {UNCALIBRATED}

    def test_lone_glitch_does_not_make_a_zero_real(self) -> None:
        rider = Rider()
        rider.ride(steps(0, 48))
        rider.ride([(75, 48, 40)])
        assert rider.ride(steps(0, 48))[-1].resistance_source is DERIVED

    @pytest.mark.parametrize("glitch_s", [1, 2])
    @pytest.mark.parametrize("every_s", [4, 9, 20])
    def test_glitches_do_not_make_a_zero_real(self, every_s: int, glitch_s: int) -> None:
        """Not even if they add up to more seconds than a turn of the knob needs."""
        rider = Rider()
        rider.ride([*steps(0, 80, seconds=every_s), *[(75, 80, 9)] * glitch_s] * 12)
        sources = {one.resistance_source for one in rider.ride(steps(0, 80, seconds=20))}
        assert sources == {DERIVED}

    def test_glitch_before_a_loss_does_not_make_a_zero_real(self) -> None:
        rider = Rider()
        rider.ride([*steps(0, 80), (75, 80, 9)])
        rider.lose()
        for second in range(21, 30):
            rider.sampler.close_second(second * S, (second + 1) * S)
        assert rider.sampler.resistance_doubt

    @pytest.mark.parametrize("numbers", [(-1, -1), (0, -1), (-10, -2)])
    @pytest.mark.parametrize("field", ["resistance_raw", "resistance_percent"])
    def test_number_below_0_is_no_more_real_than_0(
        self, field: str, numbers: tuple[float, float]
    ) -> None:
        rider = Rider()
        ride: list[Second] = [(75, 48, numbers[second % 2]) for second in range(30)]
        last = rider.ride(ride, field)[-1]
        assert (last.resistance_percent, last.resistance_source) == (29.4, DERIVED)
        assert f"is always {numbers[0]}, although" in rider.sampler.resistance_doubt

    def test_short_sprint_does_not_make_a_zero_doubtful(self) -> None:
        rider = Rider()
        spurts: list[Second] = [(90, 200, 0)] * (RIDDEN_S - 1)
        samples = rider.ride([*spurts, (90, 15, 0)] * 20)
        assert {one.resistance_source for one in samples} == {UNCALIBRATED}

    @given(st.floats(40, 130), st.floats(2.1, 60), st.integers(0, 30))
    def test_derived_resistance_is_that_of_a_bike_without_the_field(
        self, cadence_rpm: float, drags: float, pause_s: int
    ) -> None:
        power = min(3000.0, drags * power_w(cadence_rpm, 0))
        ride = [(cadence_rpm, power)] * 20 + [(0.0, 0.0)] * pause_s + [(cadence_rpm, power)] * 3
        flagged = Rider().ride((*one, 0.0) for one in ride)
        without = Rider().ride((*one, None) for one in ride)
        assert flagged[RIDDEN_S:] == without[RIDDEN_S:]


class TestAlwaysTheSame:
    """cagnulein/qdomyos-zwift #4566: always 40, whatever the knob does."""

    @pytest.mark.parametrize("field", ["resistance_raw", "resistance_percent"])
    @pytest.mark.parametrize("number", [1, 40, 100])
    def test_number_that_stays_while_the_power_changes_is_not_used(
        self, field: str, number: float
    ) -> None:
        rider = Rider()
        last = rider.ride(steps(number, 48, 150), field)[-1]
        assert last.resistance_source is DERIVED
        assert last.resistance_percent == 47.2
        assert rider.sampler.resistance_doubt == (
            f"the reported resistance is always {number}, while the power at the same cadence "
            "varies"
        )

    def test_number_is_used_until_the_power_has_varied(self) -> None:
        rider = Rider()
        rider.ride(steps(40, 150))
        samples = rider.ride(steps(40, 48, seconds=RIDDEN_S))
        assert {one.resistance_source for one in samples[:-1]} == {UNCALIBRATED}
        assert samples[-1].resistance_source is DERIVED

    def test_number_with_a_power_that_changes_all_the_time_is_not_used(self) -> None:
        rides: list[Second] = [
            (70 + second % 9, 60 + 37 * second % 200, 40) for second in range(90)
        ]
        assert Rider().ride(rides)[-1].resistance_source is DERIVED

    @pytest.mark.parametrize(("cadence_rpm", "is_doubted"), [(25, False), (35, True)])
    def test_power_at_a_very_low_cadence_is_not_compared(
        self, cadence_rpm: float, is_doubted: bool
    ) -> None:
        rider = Rider()
        for power in (10, 40):
            rider.ride([(cadence_rpm, power, 40)] * (SETTLED_S + RIDDEN_S))
        assert bool(rider.sampler.resistance_doubt) == is_doubted

    @pytest.mark.parametrize("rpm", [(60, 100), (40, 120)])
    def test_number_of_a_brake_that_lags_behind_the_cadence_is_kept(
        self, rpm: tuple[float, float]
    ) -> None:
        """A console that averages its power over some seconds, ridden in intervals."""
        rides: list[Second] = []
        shown_w = 0.0
        for _ in range(30):
            for cadence_rpm in rpm:
                for _ in range(20):
                    shown_w += (power_w(cadence_rpm, 40) - shown_w) / 5
                    rides.append((cadence_rpm, shown_w, 40))
        assert {one.resistance_source for one in Rider().ride(rides)} == {UNCALIBRATED}

    def test_number_is_kept_while_the_rider_coasts_now_and_then(self) -> None:
        rides: list[Second] = []
        for _ in range(40):
            rides += [(80, 120, 40)] * 15 + [(80, 0, 40)] * 5 + [(0, 0, 40)] * 3
        assert {one.resistance_source for one in Rider().ride(rides)} == {UNCALIBRATED}

    @settings(max_examples=25)
    @given(
        st.integers(1, 100),
        st.sampled_from([1.0, 1.6, 2.0, 3.0]),
        st.floats(10, 400),
        st.lists(st.tuples(st.floats(20, 140), st.integers(1, 60)), min_size=1, max_size=8),
        st.randoms(use_true_random=False),
    )
    def test_steady_knob_of_a_real_brake_is_kept(
        self,
        percent: int,
        exponent: float,
        at_60_rpm: float,
        efforts: list[tuple[float, int]],
        random: Random,
    ) -> None:
        """Of felt, magnets or a fan, by the exponent, at any cadence and with 10 % of noise."""
        rides: list[Second] = []
        for cadence_rpm, seconds in efforts:
            for _ in range(seconds):
                rpm = cadence_rpm + random.uniform(-NEAR_RPM / 2, NEAR_RPM / 2)
                watts = at_60_rpm * (rpm / 60) ** exponent * random.uniform(0.9, 1.1)
                rides.append((rpm, min(watts, 3000), percent))
        sources = {one.resistance_source for one in Rider().ride(rides, "resistance_percent")}
        assert sources == {DEVICE}


class TestUndone:
    """The reported resistance counts again once it has moved, for longer than a glitch."""

    @pytest.mark.parametrize("powers_w", [(48,), (48, 150)])
    @pytest.mark.parametrize("constant", [0, 40])
    def test_resistance_counts_again_within_seconds_after_it_moves(
        self, constant: float, powers_w: tuple[float, ...]
    ) -> None:
        rider = Rider()
        doubted = rider.ride(steps(constant, *powers_w))[-1].resistance_source is DERIVED
        assert doubted == (constant == 0 or len(powers_w) == 2)
        moved = rider.ride([(75, 150, 55)] * TURNED_S)[-1]
        assert (moved.resistance_percent, moved.resistance_source) == (55, UNCALIBRATED)
        assert moved.resistance is FieldState.LIVE
        assert rider.sampler.resistance_doubt == ""

    def test_resistance_of_a_knob_that_is_still_being_turned_counts_again(self) -> None:
        rider = Rider()
        rider.ride(steps(0, 48))
        moved = rider.ride([(75, 150, number) for number in (10, 20, 30)])[-1]
        assert (moved.resistance_percent, moved.resistance_source) == (30, UNCALIBRATED)

    def test_number_that_is_sent_once_when_the_knob_moves_counts(self) -> None:
        rider = Rider()
        rider.ride(steps(0, 48))
        moved = rider.ride([(75, 150, 55), *[(75, 150, None)] * (TURNED_S - 1)])[-1]
        assert (moved.resistance_percent, moved.resistance_source) == (55, UNCALIBRATED)

    @pytest.mark.parametrize("constant", [0, 40])
    def test_glitch_is_no_move(self, constant: float) -> None:
        rider = Rider()
        rider.ride(steps(constant, 48, 150))
        glitch: list[Second] = [(75, 150, 9)] * (TURNED_S - 1)
        samples = rider.ride([*glitch, *steps(constant, 150, seconds=5)] * 3)
        assert {one.resistance_source for one in samples} == {DERIVED}

    def test_verdict_outlives_a_loss_of_the_bike(self) -> None:
        rider = Rider(stale_after_s=1)
        rider.ride(steps(0, 48))
        rider.lose()
        rider.connect()
        assert rider.ride([(75, 48, 0)])[0].resistance_source is DERIVED

    def test_knob_proves_itself_on_each_connection(self) -> None:
        """The bike may be another one."""
        rider = Rider(stale_after_s=1)
        rider.ride([(75, 48, 30)] * 10)
        rider.lose()
        rider.connect()
        assert rider.ride(steps(0, 48))[-1].resistance_source is DERIVED


class TestCalibrated:
    """A calibration was measured on this bike, so its number has moved."""

    TABLE = CalibrationTable([(0, 0), (100, 80)])

    @pytest.mark.parametrize("number", [0, 40])
    def test_calibrated_number_is_never_doubted(self, number: float) -> None:
        rider = Rider(Calibration(self.TABLE))
        samples = rider.ride(steps(number, 48, 150, 300))
        assert {one.resistance_source for one in samples} == {ResistanceSource.CALIBRATED}

    def test_trial_calibration_uses_a_number_that_was_doubted(self) -> None:
        rider = Rider()
        rider.ride(steps(40, 48, 150))
        rider.sampler.calibration = Calibration(self.TABLE)
        sample = rider.ride([(75, 48, 40)])[0]
        assert sample.resistance_source is ResistanceSource.CALIBRATED
        assert sample.resistance_percent == 32
        assert rider.sampler.resistance_doubt == ""


@given(
    st.lists(
        st.tuples(
            st.none() | st.floats(0, 250),
            st.none() | st.floats(0, 3000),
            st.integers(TURNED_S, 30),
        ),
        max_size=8,
    )
)
def test_number_that_just_moved_is_never_doubted(
    efforts: list[tuple[float | None, float | None, int]],
) -> None:
    constant = ConstantResistance()
    for place, (cadence_rpm, power, seconds) in enumerate(efforts):
        for second in range(1, seconds + 1):
            constant.hear(40 * (place % 2))
            constant.ride(cadence_rpm, power)
            if second == TURNED_S:
                assert constant.doubt == ""


@pytest.mark.parametrize("turned_s", [TURNED_S - 1, TURNED_S])
def test_knob_is_proven_by_the_shortest_turn_on_a_new_connection(turned_s: int) -> None:
    constant = ConstantResistance()
    constant.hear(0)
    constant.connect()
    for percent in [30] * turned_s + [0] * (TURNED_S + RIDDEN_S):
        constant.hear(percent)
        constant.ride(75, 100)
    assert bool(constant.doubt) == (turned_s < TURNED_S)


def test_zero_gives_way_to_a_number_that_stays_from_the_second_on() -> None:
    constant = ConstantResistance()
    constant.hear(0)
    for second in range(1, TURNED_S + 1):
        constant.hear(5)
        constant.ride(75, 100)
        assert constant.number == (0 if second < TURNED_S else 5)


@pytest.mark.parametrize(("first", "judged"), [(1, 5), (0.5, 5), (0, 0), (-1, -1)])
def test_number_above_0_gives_way_at_once_to_another(first: float, judged: float) -> None:
    constant = ConstantResistance()
    constant.hear(first)
    constant.hear(5)
    assert constant.number == judged
