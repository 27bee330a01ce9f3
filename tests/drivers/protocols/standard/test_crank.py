"""The cadence of crank counters, by example and against a model rider with a bad radio."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.protocols.standard.crank import (
    MAX_CADENCE_RPM,
    MAX_REJECTED,
    CrankCounter,
    Revolutions,
)

S = 1_000_000_000
TICKS_PER_S = 1024
WRAP = 1 << 16


def csc() -> CrankCounter:
    return CrankCounter(revolution_bits=16, time_bits=16, ticks_per_s=TICKS_PER_S)


def cadences(
    *packets: tuple[float, int, float], counter: CrankCounter | None = None
) -> list[object]:
    """What is said to packets of (host time in s, revolutions, time of the last one in s)."""
    counter = counter or csc()
    return [
        counter.update(round(at_s * S), revolutions, round(event_s * TICKS_PER_S))
        for at_s, revolutions, event_s in packets
    ]


class TestMeasuring:
    def test_one_revolution_per_second_is_60_rpm(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 1), (2, 9, 2)) == [None, 60, 60]

    def test_cadence_over_several_revolutions_is_their_mean(self) -> None:
        assert cadences((0, 7, 0), (3, 11, 3)) == [None, 80]

    def test_cadence_is_right_when_both_counters_wrap(self) -> None:
        assert cadences((0, 0xFFFF, 63.5), (1, 0x10001, 64.5)) == [None, 120]

    def test_cadence_is_right_with_32_bit_counters_in_ms(self) -> None:
        counter = CrankCounter(revolution_bits=32, time_bits=32, ticks_per_s=1000)
        assert counter.update(0, 0xFFFF_FFFF, 0xFFFF_FFFF) is None
        assert counter.update(S, 1, 999) == 120
        assert counter.update(1001 * S, 1001, 1_000_999) == 60  # nothing wraps for weeks

    def test_repeated_packet_gives_no_cadence(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 1), (1.001, 8, 1), (1.5, 8, 1)) == [None, 60, None, None]

    def test_a_burst_of_queued_packets_is_measured_by_the_sensors_clock(self) -> None:
        queued = [(5, 7 + second, second) for second in range(1, 6)]
        assert cadences((0, 7, 0), *queued) == [None, *[60] * 5]

    def test_lost_packet_does_not_change_the_cadence(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 1), (11, 18, 11)) == [None, 60, 60]


class TestStopping:
    """Zero by the host's clock, two periods after the last revolution was heard."""

    @pytest.mark.parametrize(
        ("period_s", "timeout_s"), [(0.5, 2), (1.5, 3), (3, 4)], ids=["least", "twice", "most"]
    )
    def test_cadence_is_zero_after_twice_the_period(
        self, period_s: float, timeout_s: float
    ) -> None:
        counter = csc()
        assert cadences((0, 7, 0), (period_s, 8, period_s), counter=counter)[1]
        until_s = period_s + timeout_s
        repeats = (until_s - 0.5, 8, period_s), (until_s, 8, period_s), (until_s + 0.1, 8, period_s)
        assert cadences(*repeats, counter=counter) == [None, None, 0]

    def test_advancing_sensor_clock_is_no_revolution(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 1), (2, 8, 2), (5, 8, 5)) == [None, 60, None, 0]

    def test_constant_zeros_give_no_cadence(self) -> None:
        assert cadences(*[(second, 0, 0) for second in range(100)]) == [None] * 100

    def test_cadence_is_unknown_before_the_first_revolution(self) -> None:
        assert cadences(*[(second, 500, 33) for second in range(100)]) == [None] * 100

    def test_silence_is_not_a_stop_but_the_repeat_after_it_is(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 1), (100, 8, 1)) == [None, 60, 0]


class TestIdle:
    """The sensor's clock may have wrapped since the last revolution."""

    def test_cadence_does_not_burst_after_the_clock_wrapped_while_idle(self) -> None:
        idle = [(second, 8, 1) for second in range(2, 66)]
        said = cadences((0, 7, 0), (1, 8, 1), *idle, (66, 9, 66 % 64), (67, 10, 67 % 64))
        assert said[-3:] == [0, None, 60]

    def test_one_turn_after_idling_is_a_stop_again(self) -> None:
        idle = [(second, 8, 1) for second in range(2, 66)]
        said = cadences((0, 7, 0), (1, 8, 1), *idle, (66, 9, 2), (70, 9, 2), (71, 9, 2))
        assert said[-3:] == [None, None, 0]

    def test_cadence_does_not_burst_after_a_gap(self) -> None:
        said = cadences((0, 7, 0), (1, 8, 1), (66, 9, 2), (67, 10, 3), (68, 11, 4))
        # The revolution that was heard first at 66 s may have been long before.
        assert said == [None, 60, None, None, 60]

    def test_counts_from_before_the_first_packet_give_no_cadence(self) -> None:
        assert cadences((0, 7, 0), (1, 7, 0), (2, 8, 0.5), (3, 9, 1.5)) == [None, None, None, 60]

    def test_sensor_clock_that_slept_is_not_trusted(self) -> None:
        idle = [(second, 8, 1) for second in range(2, 20)]
        riding = [(20 + second, 9 + second, 2 + second) for second in range(5)]
        said = cadences((0, 7, 0), (1, 8, 1), *idle, *riding)
        assert said[-5:] == [None, None, None, 60, 60]


class TestRejecting:
    def test_impossible_cadence_is_left_out(self) -> None:
        said = cadences((0, 7, 0), (1, 8, 1), (2, 4000, 2), (3, 10, 3))
        assert said == [None, 60, None, 60]

    def test_cadence_limit_is_inclusive(self) -> None:
        assert cadences((0, 0, 0), (3, 11, 3)) == [None, 220]
        assert cadences((0, 0, 0), (3, 12, 3)) == [None, None]

    def test_revolutions_in_no_time_are_left_out(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 0), (2, 9, 2)) == [None, None, 60]

    def test_times_that_the_host_cannot_confirm_are_left_out(self) -> None:
        assert cadences((0, 7, 0), (1, 8, 1), (2, 9, 50), (3, 10, 3)) == [None, 60, None, 60]

    @pytest.mark.parametrize(("event_s", "cadence_rpm"), [(5.9, 60 / 4.9), (6.1, None)])
    def test_revolution_that_took_four_seconds_more_than_it_can_have_is_left_out(
        self, event_s: float, cadence_rpm: float | None
    ) -> None:
        # No packet before the one at 0 s had the revolution that is measured from.
        said = cadences((0, 7, 0), (1, 8, 1), (1, 9, event_s))
        assert said == [None, 60, cadence_rpm and pytest.approx(cadence_rpm, rel=0.01)]

    def test_corrupt_count_is_not_measured_from_once_it_comes_true(self) -> None:
        corrupt = (1, 4, 1.1)
        said = cadences((0, 0, 0), corrupt, *[(second, second, second) for second in range(2, 8)])
        assert said == [None, pytest.approx(218, abs=1), None, None, None, 60, 60, 60]

    def test_a_stop_after_a_corrupt_packet_is_a_stop(self) -> None:
        idle = [(second, 8, second) for second in range(3, 20)]
        said = cadences((0, 7, 0), (1, 8, 1), (2, 4000, 2), *idle)
        assert set(said[2:]) == {None, 0}
        assert said[-1] == 0

    def test_impossible_packets_count_only_in_a_row(self) -> None:
        impossible = [(2, 4000, 2), (3, 4001, 3), (5, 4002, 5)]
        repeated = (4, 1, 1)
        said = cadences((0, 0, 0), (1, 1, 1), *impossible[:2], repeated, impossible[2], (6, 6, 6))
        assert said == [None, 60, None, None, 0, None, 60]

    def test_a_restarted_counter_is_taken_up_again(self) -> None:
        restarted = [(2 + second, second, second) for second in range(5)]
        said = cadences((0, 700, 30), (1, 701, 31), *restarted)
        assert said == [None, 60, None, None, None, 60, 60]


@given(st.lists(st.tuples(st.integers(), st.integers(), st.integers())))
def test_any_numbers_give_a_cadence_or_none(packets: list[tuple[int, int, int]]) -> None:
    counter = csc()
    for packet in packets:
        cadence_rpm = counter.update(*packet)
        assert cadence_rpm is None or 0 <= cadence_rpm <= MAX_CADENCE_RPM


@given(st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF))
def test_revolutions_round_trip(count: int, event_ticks: int) -> None:
    revolutions = Revolutions(count, event_ticks)
    assert Revolutions.decode(revolutions.encode(count_bytes=4)) == revolutions


@dataclass(frozen=True)
class Heard:
    """A packet of the model, with the truth behind its counters."""

    at_ns: int
    #: Of the sensor; a restart begins another one.
    epoch: int
    revolutions: int
    event_s: float


@dataclass(frozen=True)
class Step:
    """Up to one packet: `turns` at a steady `cadence_rpm`, then idle, then it is sent or lost."""

    cadence_rpm: float
    turns: int
    idle_s: float
    lost: bool
    repeats: int
    late_s: float
    restart: bool


#: Whole wraps of the clock are what a counter would fall for.
idle_times_s = st.floats(0, 2) | st.sampled_from([30, 31, 32, 33, 62.5, 63, 64, 65, 128, 3600])
steps = st.builds(
    Step,
    cadence_rpm=st.floats(10, 215),
    turns=st.integers(0, 4),
    idle_s=st.just(0) | idle_times_s,
    lost=st.sampled_from([False, False, True]),
    repeats=st.sampled_from([0, 0, 1, 3]),
    late_s=st.sampled_from([0, 0, 0.3, 1, 5]),
    restart=st.sampled_from([False] * 9 + [True]),
)


def ride(steps: list[Step], revolutions: int, ticks: int) -> list[Heard]:
    """What the host hears. The sensor's first event is at its time `ticks`, just before."""
    now_s, clock_s, event_s, epoch = 0.0, ticks / TICKS_PER_S, ticks / TICKS_PER_S, 0
    heard = [Heard(0, epoch, revolutions, event_s)]
    for step in steps:
        # A counter that wraps just then, or barely began, restarts as if it had gone on.
        if step.restart and 500 < revolutions % WRAP < WRAP - 500:
            epoch, revolutions, clock_s, event_s = epoch + 1, 0, 0.0, 0.0
        ridden_s = step.turns * 60 / step.cadence_rpm
        if step.turns:
            revolutions, event_s = revolutions + step.turns, clock_s + ridden_s
        clock_s += ridden_s + step.idle_s
        now_s += ridden_s + step.idle_s
        for repeat in range(0 if step.lost else 1 + step.repeats):
            # Late packets keep their order.
            at_ns = max(heard[-1].at_ns, round((now_s + step.late_s) * S) + repeat * S // 1000)
            heard.append(Heard(at_ns, epoch, revolutions, event_s))
    return heard


def is_true_mean(cadence_rpm: float, first: Heard, last: Heard) -> bool:
    """Within the rounding of both times to a tick."""
    revolutions = last.revolutions - first.revolutions
    if first.epoch != last.epoch or revolutions <= 0:
        return False
    ticks = (last.event_s - first.event_s) * TICKS_PER_S
    turns_per_tick = 60 * TICKS_PER_S * revolutions
    return turns_per_tick / (ticks + 1.01) <= cadence_rpm <= turns_per_tick / (ticks - 1.01)


@given(
    st.lists(steps, max_size=40),
    st.integers(0, WRAP - 1) | st.integers(WRAP - 20, WRAP - 1),
    st.integers(0, WRAP - 1),
)
def test_every_cadence_is_one_that_the_rider_had(
    steps: list[Step], revolutions: int, ticks: int
) -> None:
    counter = csc()
    heard: list[Heard] = []
    for packet in ride(steps, revolutions, ticks):
        event_ticks = int(packet.event_s * TICKS_PER_S) % WRAP
        cadence_rpm = counter.update(packet.at_ns, packet.revolutions % WRAP, event_ticks)
        if cadence_rpm:
            assert any(is_true_mean(cadence_rpm, first, packet) for first in heard)
        elif cadence_rpm is not None:
            lately = [one for one in heard if packet.at_ns - one.at_ns <= 2 * S]
            assert {one.revolutions for one in lately} <= {packet.revolutions}
            assert {one.revolutions for one in heard} != {packet.revolutions}
        heard.append(packet)


@given(
    st.floats(20, 215),
    st.floats(0.25, 2),
    st.integers(0, WRAP - 1),
    st.integers(0, WRAP - 1),
)
def test_a_steady_rider_is_heard_at_every_new_revolution(
    cadence_rpm: float, every_s: float, revolutions: int, ticks: int
) -> None:
    counter = csc()
    period_ticks = 60 * TICKS_PER_S / cadence_rpm
    said = []
    last = 0
    for number in range(100):
        turns = int(number * every_s * cadence_rpm / 60)
        event_ticks = ticks + round(turns * period_ticks)
        one = counter.update(round(number * every_s * S), revolutions + turns, event_ticks)
        assert (one is not None) <= (turns > last)
        if turns > last:
            said.append(one)
        last = turns
    # The first may be None: whatever stood when it was first heard may have been old.
    assert all(one == pytest.approx(cadence_rpm, rel=0.02) for one in said[1:])


@dataclass(frozen=True)
class Upset:
    """A steady rider, one packet a second; from `at` on something is wrong with the counters."""

    cadence_rpm: float
    at: int
    revolutions: int
    ticks: int


upsets = st.builds(
    Upset,
    cadence_rpm=st.floats(61, 215),
    at=st.integers(1, 9),
    # Near the truth, too: only such a packet is taken for pedalling.
    revolutions=st.integers(0, 40) | st.integers(0, WRAP - 1),
    ticks=st.integers(0, 20 * TICKS_PER_S) | st.integers(0, WRAP - 1),
)


def packets_of(upset: Upset, first_revolutions: int) -> list[tuple[int, int]]:
    """Counters of 20 s as they should be; the sensor's clock begins at 0."""
    turns = [int(second * upset.cadence_rpm / 60) for second in range(20)]
    period_ticks = 60 * TICKS_PER_S / upset.cadence_rpm
    return [(first_revolutions + number, round(number * period_ticks)) for number in turns]


def heard_of(packets: list[tuple[int, int]]) -> list[float | None]:
    counter = csc()
    return [counter.update(second * S, *packet) for second, packet in enumerate(packets)]


@given(upsets)
@example(Upset(cadence_rpm=100.0, at=1, revolutions=3, ticks=3884))
def test_one_corrupt_packet_is_forgotten_after_three_that_contradict_it(upset: Upset) -> None:
    packets = packets_of(upset, first_revolutions=0)
    packets[upset.at] = upset.revolutions, upset.ticks
    # The packet after it contradicts it with another count. An equal one could be a crank at rest,
    # and some sensors' clocks go on there.
    contradicted = upset.at + (2 if packets[upset.at + 1][0] == upset.revolutions else 1)
    after = heard_of(packets)[contradicted + MAX_REJECTED :]
    assert after == [pytest.approx(upset.cadence_rpm, rel=0.01)] * len(after)


@given(upsets)
def test_a_revolution_count_that_is_corrupt_is_never_a_cadence(upset: Upset) -> None:
    packets = packets_of(upset, first_revolutions=0)
    # So far off that nobody could have pedalled it: what is near is no different from pedalling.
    packets[upset.at] = packets[upset.at][0] + 1000 + upset.revolutions % 50_000, upset.ticks
    said = [one for one in heard_of(packets) if one is not None]
    assert said == [pytest.approx(upset.cadence_rpm, rel=0.01)] * len(said)


@given(upsets)
def test_a_restart_is_no_cadence_and_over_after_three(upset: Upset) -> None:
    # Not so near to 0 or to the wrap that it could be the same counter.
    before = packets_of(upset, first_revolutions=500 + upset.revolutions % 64_000)
    restarted = packets_of(upset, first_revolutions=0)
    heard = heard_of(before[: upset.at] + restarted[: 20 - upset.at])
    said = [one for one in heard if one is not None]
    assert said == [pytest.approx(upset.cadence_rpm, rel=0.01)] * len(said)
    assert None not in heard[upset.at + 3 :]
