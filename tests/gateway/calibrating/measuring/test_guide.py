"""A guided run: it asks, waits for the knob to be turned and held, captures, and goes on."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.calibrating.measuring.guide import Guide, Hint, Phase, StepRefused, Target, targets
from gateway.calibrating.measuring.signal import MIN_SAMPLES
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.pots import Hand, Pot, linear, reversed_s_shaped, s_shaped

NS_PER_S = 1_000_000_000
PERIOD_S = 0.3


class Rider:
    """Says numbers to a guide, one each 0.3 s."""

    def __init__(self, *percents: float) -> None:
        self.guide = Guide(targets(percents or (0, 25, 50, 75, 100)))
        self.now_ns = 0

    def hold(self, raw: float, samples: int = 20) -> CapturedPoint | None:
        """The point that was captured meanwhile. A little noise, as a sensor has it."""
        captured = None
        for index in range(samples):
            captured = self.say(raw + (index % 3 == 2)) or captured
        return captured

    def turn(self, start: float, end: float) -> None:
        for part in range(1, 6):
            assert self.say(start + (end - start) * part / 6) is None

    def say(self, raw: float | None) -> CapturedPoint | None:
        self.now_ns += round(PERIOD_S * NS_PER_S)
        return self.guide.hear(self.now_ns, raw)

    def capture_now(self) -> CapturedPoint:
        return self.guide.capture_now(self.now_ns)

    def phase(self) -> Phase:
        return self.guide.progress(self.now_ns).phase

    def raws(self) -> list[float]:
        return [point.raw for point in self.guide.captured]

    def hint(self) -> Hint:
        return self.guide.progress(self.now_ns).hint


@pytest.fixture
def rider() -> Rider:
    """Of five targets the first is captured, at 100; the knob still stands there."""
    rider = Rider()
    rider.hold(180)
    rider.turn(180, 100)
    assert rider.hold(100) is not None
    return rider


class TestTargets:
    def test_targets_are_five_by_default(self) -> None:
        assert [one.percent for one in targets()] == [0, 25, 50, 75, 100]
        assert {one.direction for one in targets()} == {"up"}

    def test_targets_by_count_are_spread_evenly(self) -> None:
        assert [one.percent for one in targets(11)] == list(range(0, 101, 10))
        assert [one.percent for one in targets(4)] == [0, 33.3, 66.7, 100]

    def test_targets_by_percent_go_from_the_lowest_up(self) -> None:
        assert [one.percent for one in targets([30, 10, 0])] == [0, 10, 30]

    def test_targets_both_ways_have_the_highest_once(self) -> None:
        asked = [(one.percent, one.direction) for one in targets((0, 50, 100), both_ways=True)]
        assert asked == [(0, "up"), (50, "up"), (100, "up"), (50, "down"), (0, "down")]

    @given(st.integers(2, 101))
    def test_targets_of_any_count_are_in_order_and_have_both_ends(self, count: int) -> None:
        percents = [one.percent for one in targets(count)]
        assert (len(percents), percents[0], percents[-1]) == (count, 0, 100)
        assert all(before < after for before, after in pairwise(percents))

    @pytest.mark.parametrize(
        ("points", "complaint"),
        [
            (1, r"expected 2 … 101 points"),
            (102, r"expected 2 … 101 points"),
            ([], "nothing: expected at least 2 different percentages"),
            ([50], "50: expected at least 2 different percentages"),
            ([0, 50, 50], "0, 50, 50: expected at least 2 different percentages"),
            ([-1, 50], r"-1, 50: expected percentages from 0 to 100"),
            ([0, 101], r"0, 101: expected percentages from 0 to 100"),
            ([0, float("nan")], "expected percentages from 0 to 100"),
        ],
    )
    def test_targets_that_cannot_be_are_refused(
        self, points: int | list[float], complaint: str
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            targets(points)


class TestCapturingByItself:
    def test_guide_captures_all_targets_one_after_the_other(self) -> None:
        rider, at = Rider(), 180.0
        rider.hold(at)
        for raw in (100, 200, 300, 400, 500):
            rider.turn(at, raw)
            point = rider.hold(raw)
            assert point is not None
            assert point.raw == raw
            at = raw
        assert rider.phase() is Phase.DONE
        assert rider.guide.target is None
        captured = [(one.percent, one.raw) for one in rider.guide.captured]
        assert captured == [(0, 100), (25, 200), (50, 300), (75, 400), (100, 500)]

    def test_a_point_has_all_that_was_measured(self, rider: Rider) -> None:
        (point,) = rider.guide.captured
        assert (point.percent, point.raw, point.direction) == (0, 100, "up")
        assert point.samples == 20
        assert point.noise == pytest.approx(0.46, abs=0.03)

    def test_a_knob_that_was_not_turned_is_not_captured(self) -> None:
        rider = Rider()
        assert rider.hold(180, 300) is None
        assert rider.phase() is Phase.TURN
        assert rider.hint() is Hint.IS_STILL

    def test_knob_that_drifts_by_a_count_is_not_captured(self) -> None:
        rider = Rider()
        for raw in (180, 181, 180, 179, 181):
            assert rider.hold(raw, 30) is None

    def test_a_knob_is_not_captured_twice_in_one_place(self, rider: Rider) -> None:
        assert rider.hold(100, 100) is None
        rider.turn(100, 130)
        rider.turn(130, 100)
        assert rider.hold(100, 100) is None
        assert rider.guide.target == Target(25)

    def test_a_sensor_that_creeps_after_a_capture_is_not_taken_for_a_turned_knob(self) -> None:
        """The first point, of which every sample was the same: neither noise nor range is known."""
        rider = Rider()
        for raw in (*[190] * 5, *range(190, 182, -1), *[183] * 20):
            rider.say(raw)
        assert rider.raws() == [183]
        for _ in range(60):
            assert rider.say(184) is None
        assert rider.raws() == [184]

    def test_levels_two_apart_are_captured(self) -> None:
        rider = Rider(0, 50, 100)
        for level in (*[9] * 12, 8, 7, 6, 5, 4, 3, 2, *[1] * 12, 2, *[3] * 12, 4, *[5] * 12):
            rider.say(level)
        assert rider.raws() == [1, 3, 5]

    def test_a_pot_may_be_reversed(self) -> None:
        rider = Rider(0, 50, 100)
        rider.hold(850)
        for before, raw in pairwise((850, 900, 600, 100)):
            rider.turn(before, raw)
            assert rider.hold(raw) is not None
        assert rider.raws() == [900, 600, 100]

    def test_captured_point_gets_better_while_it_is_held(self, rider: Rider) -> None:
        """A hand lets go, and the knob settles."""
        rider.turn(100, 200)
        point = rider.hold(200, 12)
        assert point is not None
        for _ in range(20):
            assert rider.say(201) is None
        after = rider.guide.captured[-1]
        assert (after.percent, after.raw) == (25, 201)
        assert after.samples > point.samples

    def test_captured_point_never_gets_worse(self, rider: Rider) -> None:
        samples = [20]
        for raw in (*[101] * 15, *[99] * 15, *[101] * 15):
            rider.say(raw)
            samples.append(rider.guide.captured[-1].samples)
        assert samples == sorted(samples)

    def test_what_was_captured_stays_when_the_knob_is_turned_on(self, rider: Rider) -> None:
        before = rider.guide.captured
        rider.turn(100, 200)
        assert rider.guide.captured == before

    def test_guide_progress_tells_how_much_of_the_hold_is_over(self) -> None:
        rider = Rider()
        rider.hold(180)
        rider.turn(180, 100)
        rider.hold(100, MIN_SAMPLES - 1)
        view = rider.guide.progress(rider.now_ns)
        assert view.phase is Phase.HOLD
        assert (view.samples, view.samples_needed) == (MIN_SAMPLES - 1, MIN_SAMPLES)
        assert view.held_s == pytest.approx(2.4)
        assert view.held_s_needed == 2
        assert (view.target, view.number, view.count) == (Target(0), 1, 5)


class TestCommands:
    def test_a_knob_that_is_there_already_is_captured_on_command(self) -> None:
        rider = Rider()
        rider.hold(100)
        point = rider.capture_now()
        assert (point.percent, point.raw, point.samples, point.direction) == (0, 100, 20, "up")
        assert rider.guide.target == Target(25)

    @pytest.mark.parametrize(
        ("samples", "reason"),
        [
            (0, "not sent its resistance yet"),
            (2, "sent too few values so far"),
            (9, "[0-9] of 10 samples"),
        ],
    )
    def test_capture_on_command_needs_enough_samples(self, samples: int, reason: str) -> None:
        rider = Rider()
        rider.hold(100, samples)
        with pytest.raises(StepRefused, match=reason):
            rider.capture_now()

    def test_capture_on_command_needs_the_samples_in_one_hold(self, rider: Rider) -> None:
        rider.turn(100, 200)
        rider.hold(200, 7)
        with pytest.raises(StepRefused, match="7 of 10 samples so far"):
            rider.capture_now()

    def test_capture_on_command_needs_two_seconds(self) -> None:
        guide = Guide(targets())
        for index in range(16):
            guide.hear(index * NS_PER_S // 10, 100)
        with pytest.raises(StepRefused, match=r"held for 1\.5 of 2 s"):
            guide.capture_now(15 * NS_PER_S // 10)

    def test_capture_on_command_is_refused_while_the_knob_turns(self, rider: Rider) -> None:
        rider.turn(100, 200)
        with pytest.raises(StepRefused, match="still changing"):
            rider.capture_now()

    def test_capture_on_command_is_refused_when_the_bike_is_silent(self, rider: Rider) -> None:
        rider.now_ns += 7 * NS_PER_S
        assert rider.phase() is Phase.WAIT
        with pytest.raises(StepRefused, match="has not sent its resistance for 7 s"):
            rider.capture_now()

    def test_redo_asks_for_the_last_again_and_waits_for_the_knob(self, rider: Rider) -> None:
        assert rider.guide.redo() == Target(0)
        assert rider.raws() == []
        assert rider.hold(100, 60) is None
        rider.turn(100, 90)
        assert rider.hold(90) is not None
        assert rider.raws() == [90]

    def test_redo_after_which_the_knob_comes_back_to_where_it_was(self, rider: Rider) -> None:
        rider.guide.redo()
        rider.turn(100, 150)
        rider.turn(150, 101)
        point = rider.hold(101)
        assert point is not None
        assert point.percent == 0

    def test_skip_goes_on_and_redo_takes_it_back(self, rider: Rider) -> None:
        assert rider.guide.skip() == Target(25)
        assert rider.guide.answers[-1] is None
        assert rider.guide.target == Target(50)
        assert rider.guide.redo() == Target(25)
        assert None not in rider.guide.answers
        assert len(rider.guide.captured) == 1

    def test_redo_when_all_is_done(self) -> None:
        rider = Rider(0, 100)
        rider.hold(100)
        rider.capture_now()
        rider.guide.skip()
        assert rider.phase() is Phase.DONE
        assert rider.guide.redo() == Target(100)
        rider.turn(100, 500)
        assert rider.hold(500) is not None
        assert rider.phase() is Phase.DONE

    def test_commands_that_make_no_sense_are_refused(self) -> None:
        rider = Rider(0, 100)
        with pytest.raises(StepRefused, match="nothing has been captured or skipped yet"):
            rider.guide.redo()
        rider.guide.skip()
        rider.guide.skip()
        with pytest.raises(StepRefused, match="captured or skipped"):
            rider.guide.skip()
        rider.hold(100)
        with pytest.raises(StepRefused, match="captured or skipped"):
            rider.capture_now()


class TestALostBike:
    def test_lost_bike_must_hold_again_and_loses_nothing_else(self, rider: Rider) -> None:
        rider.turn(100, 200)
        rider.hold(200, 8)
        rider.guide.disconnected()
        assert rider.phase() is Phase.WAIT
        assert rider.hold(200, 9) is None
        assert rider.phase() is Phase.HOLD
        point = rider.hold(200, 2)
        assert point is not None
        assert point.samples <= 11
        assert rider.raws() == [100, 200]

    def test_knob_turned_while_the_bike_was_away_is_captured(self, rider: Rider) -> None:
        rider.guide.disconnected()
        assert rider.hold(200) is not None
        assert rider.raws() == [100, 200]

    def test_a_bike_that_was_never_heard_is_waited_for(self) -> None:
        assert Rider().phase() is Phase.WAIT


class TestAPause:
    def test_hint_tells_who_turns_on_right_after_a_capture(self, rider: Rider) -> None:
        rider.turn(100, 180)
        assert rider.hold(180, 10) is not None
        rider.turn(180, 200)
        assert rider.hint() is Hint.TURNED_ON
        assert rider.guide.redo() == Target(25)
        assert rider.hint() is Hint.NONE
        assert rider.hold(200) is not None
        assert rider.raws() == [100, 200]

    def test_hint_stays_until_something_is_done(self, rider: Rider) -> None:
        rider.turn(100, 180)
        rider.hold(180, 10)
        rider.turn(180, 300)
        assert rider.hint() is Hint.TURNED_ON
        rider.hold(300)
        assert rider.hint() is Hint.NONE

    def test_hint_is_absent_for_who_turns_on_later(self, rider: Rider) -> None:
        rider.turn(100, 180)
        rider.hold(180, 20)
        rider.turn(180, 300)
        assert rider.hint() is Hint.NONE

    def test_hint_is_absent_for_who_turns_back(self, rider: Rider) -> None:
        rider.turn(100, 180)
        rider.hold(180, 10)
        rider.turn(180, 120)
        assert rider.hint() is Hint.NONE

    def test_hint_is_absent_for_a_glitch(self, rider: Rider) -> None:
        rider.turn(100, 180)
        rider.hold(180, 10)
        for raw in (4095, 180, 180, 180, 180, 180):
            rider.say(raw)
        assert rider.hint() is Hint.NONE


@pytest.mark.slow
@given(
    st.sampled_from([s_shaped, reversed_s_shaped, linear]),
    st.sampled_from([1.0, 3.3, 10.0]),
    st.floats(0, 2),
    st.floats(0, 0.02),
    st.booleans(),
    st.integers(0, 2**32),
)
# Turned right after a capture, at one number a second: the turn itself looks like noise.
@example(linear, 1.0, 0.0, 0.015625, False, 1303)
def test_a_whole_run_on_any_pot_captures_every_target_where_the_knob_was(
    curve: object, rate_hz: float, noise: float, faults: float, both_ways: bool, seed: int
) -> None:
    assert callable(curve)
    pot = Pot(curve=curve, noise=noise, outliers=faults, drop_outs=faults, rate_hz=rate_hz)
    guide = Guide(targets(both_ways=both_ways))
    Hand(pot, guide, seed).follow()
    assert len(guide.captured) == len(targets(both_ways=both_ways))
    for point in guide.captured:
        assert abs(point.raw - curve(point.percent)) <= 1 + 2.5 * noise
