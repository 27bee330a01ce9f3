"""The second hand: every second once, whatever the wall clock or the process does."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.race.clock import RaceClock, RaceSecond, UndatedSecond, date_second
from gateway.race.commanded import BikeRaces
from gateway.race.races import ContinuousRaces, Race, Races
from gateway.timing.clock_sync import ClockSource
from gateway.timing.units import NS_PER_S
from tests.support.virtual_clock import VirtualClock

LENGTH_S = 10
RACE = 170_000_000
START_MS = RACE * LENGTH_S * 1000
MONOTONIC_NS = 7_000_000_123


class JumpingClock(VirtualClock):
    """Sleeping moves it forward at once."""

    async def wait(self, event: asyncio.Event, until_ns: int | None) -> None:
        if until_ns is None:
            await event.wait()
        elif not event.is_set():
            self._now_ns = max(self._now_ns, until_ns)


class ReadClock(JumpingClock):
    """It remembers when its wall clock was read."""

    def __init__(self, wall_ms: int, monotonic_ns: int) -> None:
        self.read_after_s: list[float] = []
        super().__init__(wall_ms, monotonic_ns)

    def reanchor(self) -> None:
        super().reanchor()
        self.read_after_s.append((self.monotonic_ns() - MONOTONIC_NS) / NS_PER_S)


class Ride:
    """A RaceClock started at a second of race RACE, and what it ticked."""

    def __init__(
        self,
        at_s: float = 0,
        monotonic_ns: int = MONOTONIC_NS,
        clock: JumpingClock | None = None,
        races: Races | None = None,
    ) -> None:
        self.clock = clock or JumpingClock(START_MS + round(at_s * 1000), monotonic_ns)
        self.race_clock = RaceClock(races or ContinuousRaces(LENGTH_S), self.clock)
        self.ticked: list[RaceSecond] = []

    async def tick(self, times: int) -> None:
        for _ in range(times):
            ticked = await self.race_clock.tick()
            assert isinstance(ticked, RaceSecond)
            self.ticked.append(ticked)
            assert self.clock.monotonic_ns() >= self.ticked[-1].end_ns

    @property
    def running(self) -> RaceSecond:
        running = self.race_clock.running
        assert isinstance(running, RaceSecond)
        return running

    @property
    def seconds(self) -> list[tuple[int, int]]:
        """(race, second), races counted from RACE."""
        return [(ticked.race.race_id - RACE, ticked.second) for ticked in self.ticked]


def race(number: int, *seconds: int) -> list[tuple[int, int]]:
    return [(number, second) for second in seconds or range(1, LENGTH_S + 1)]


async def test_race_clock_ticks_each_second_of_each_race_once_at_its_end() -> None:
    ride = Ride()
    await ride.tick(3 * LENGTH_S)
    assert ride.seconds == race(0) + race(1) + race(2)
    for number, ticked in enumerate(ride.ticked, start=1):
        assert ticked.end_ns == MONOTONIC_NS + number * NS_PER_S
        assert ticked.start_ns == ticked.end_ns - NS_PER_S
        assert ticked.end_ms == START_MS + number * 1000
        assert ticked.is_final == (ticked.second == LENGTH_S)
    assert ride.race_clock.lost_seconds == 0


async def test_race_clock_ticks_no_second_before_its_end() -> None:
    ride = Ride(at_s=3.25)
    await ride.tick(1)
    assert ride.clock.monotonic_ns() - MONOTONIC_NS == 0.75 * NS_PER_S


@pytest.mark.parametrize(
    ("at_s", "second"), [(0, 1), (0.999, 1), (1, 2), (3.4, 4), (9, 10), (9.999, 10)]
)
async def test_race_clock_joins_a_race_at_the_current_second(at_s: float, second: int) -> None:
    ride = Ride(at_s)
    assert ride.running.second == second
    await ride.tick(LENGTH_S)
    assert ride.seconds == (race(0, *range(second, LENGTH_S + 1)) + race(1))[:LENGTH_S]
    assert ride.race_clock.lost_seconds == 0, "what was before the start is not lost"


async def test_race_clock_of_a_bike_added_later_starts_by_the_clock_of_that_time() -> None:
    clock = JumpingClock(START_MS, MONOTONIC_NS)
    await Ride(clock=clock).tick(2)
    clock.step_wall(LENGTH_S * 1000 + 3_000)
    added = Ride(clock=clock)
    await added.tick(1)
    assert added.seconds == race(1, 6)


@given(st.integers(0, 10**18))
async def test_race_clock_does_not_depend_on_uptime(monotonic_ns: int) -> None:
    ride = Ride(at_s=3.4, monotonic_ns=monotonic_ns)
    await ride.tick(2 * LENGTH_S)
    assert ride.seconds[:7] == race(0, 4, 5, 6, 7, 8, 9, 10)
    assert ride.ticked[-1].end_ns - monotonic_ns == 19.6 * NS_PER_S


class TestWallClockSteps:
    """What NTP does in mid-race is seen in the next race."""

    @pytest.mark.parametrize("step_s", [-86_400, -2.5, -0.3, 0.3, 2.5, 86_400])
    async def test_clock_step_neither_repeats_nor_skips_seconds_of_the_running_race(
        self, step_s: float
    ) -> None:
        ride = Ride()
        await ride.tick(4)
        ride.clock.step_wall(round(step_s * 1000))
        await ride.tick(6)
        assert ride.seconds == race(0)
        assert [ticked.end_ns - MONOTONIC_NS for ticked in ride.ticked] == [
            second * NS_PER_S for second in range(1, LENGTH_S + 1)
        ]

    @pytest.mark.parametrize(
        ("step_s", "second", "ends_after_s"),
        [(0.3, 1, 0.7), (-0.3, 1, 1.3), (2.5, 3, 0.5), (-2.5, 1, 3.5)],
    )
    async def test_next_race_is_anchored_to_the_stepped_clock(
        self, step_s: float, second: int, ends_after_s: float
    ) -> None:
        ride = Ride()
        await ride.tick(4)
        ride.clock.step_wall(round(step_s * 1000))
        await ride.tick(LENGTH_S - 4 + 1)
        assert ride.seconds == race(0) + race(1, second)
        first = ride.ticked[-1]
        assert first.end_ns - ride.ticked[-2].end_ns == ends_after_s * NS_PER_S
        assert first.end_ms == ride.clock.wall_ms_at(ride.clock.monotonic_ns())

    @given(st.integers(-(LENGTH_S * 1000 - 1), -1), st.integers(0, LENGTH_S - 1))
    async def test_small_clock_step_back_does_not_end_a_race_twice(
        self, step_ms: int, after_s: int
    ) -> None:
        ride = Ride()
        await ride.tick(after_s)
        ride.clock.step_wall(step_ms)
        await ride.tick(3 * LENGTH_S - after_s)
        assert ride.seconds == race(0) + race(1) + race(2)

    async def test_large_clock_step_leads_to_the_race_that_is_on(self) -> None:
        ride = Ride()
        ride.clock.step_wall(5 * LENGTH_S * 1000 + 3400)
        await ride.tick(LENGTH_S + 1)
        assert ride.seconds[-2:] == [(0, LENGTH_S), (6, 4)]


class TestStalls:
    """The process stood still: seconds are lost, counted, and not made up."""

    @pytest.mark.parametrize(
        ("stall_s", "following"),
        [
            (0.9, [4, 5, 6, 7, 8, 9, 10]),
            (1.9, [4, 5, 6, 7, 8, 9, 10]),
            (2.0, [4, 6, 7, 8, 9, 10]),
            (4.2, [4, 8, 9, 10]),
            (6.0, [4, 10]),
        ],
    )
    async def test_seconds_lost_in_a_stall_are_counted_and_not_made_up(
        self, stall_s: float, following: list[int]
    ) -> None:
        ride = Ride()
        await ride.tick(3)
        ride.clock.stall(stall_s)
        await ride.tick(len(following))
        assert ride.seconds == race(0, 1, 2, 3, *following)
        assert ride.race_clock.lost_seconds == LENGTH_S - len(ride.ticked)
        assert ride.ticked[-1].end_ns == MONOTONIC_NS + LENGTH_S * NS_PER_S

    @pytest.mark.parametrize("stall_s", [7.1, 9.5, 16.9])
    async def test_final_is_ticked_though_a_stall_missed_its_end(self, stall_s: float) -> None:
        ride = Ride()
        await ride.tick(3)
        ride.clock.stall(stall_s)
        await ride.tick(2)
        assert ride.seconds == race(0, 1, 2, 3, 4, 10)
        assert ride.ticked[-1].is_final
        assert ride.running.race.race_id == RACE + 1

    @pytest.mark.parametrize(("stall_s", "joined"), [(11.2, (1, 5)), (26.0, (2, 10))])
    async def test_seconds_lost_after_the_final_are_counted(
        self, stall_s: float, joined: tuple[int, int]
    ) -> None:
        ride = Ride()
        await ride.tick(3)
        ride.clock.stall(stall_s)
        await ride.tick(3)
        assert ride.seconds[-1] == joined
        ridden_s = (ride.ticked[-1].end_ns - MONOTONIC_NS) // NS_PER_S
        assert len(ride.ticked) + ride.race_clock.lost_seconds == ridden_s


class TestBlind:
    """The wall clock has not been set: no race is guessed."""

    @staticmethod
    def undated(at_s: float, monotonic_ns: int) -> Ride:
        """Started at a second of race RACE, which nobody knows yet."""
        clock = JumpingClock(START_MS + round(at_s * 1000), monotonic_ns)
        clock.is_set = False
        return Ride(clock=clock)

    async def test_undated_seconds_end_on_whole_seconds_of_the_monotonic_clock(self) -> None:
        ride = self.undated(at_s=3.4, monotonic_ns=7_250_000_000)
        ends_ns = [(await ride.race_clock.tick()).end_ns for _ in range(3)]
        assert ends_ns == [8 * NS_PER_S, 9 * NS_PER_S, 10 * NS_PER_S], (
            "on one grid in every process"
        )

    @given(st.integers(0, 999), st.integers(0, 999), st.integers(1, 25), st.integers(0, 9999))
    async def test_undated_seconds_are_all_dated_once_when_the_clock_is_set(
        self, phase_ms: int, set_after_ms: int, undated_s: int, at_ms: int
    ) -> None:
        ride = self.undated(at_ms / 1000, 7 * NS_PER_S + phase_ms * 1_000_000)
        undated_ns = [(await ride.race_clock.tick()).end_ns for _ in range(undated_s)]
        ride.clock.stall(set_after_ms / 1000)
        ride.clock.is_set = True
        last = await ride.race_clock.tick()
        assert isinstance(last, UndatedSecond)
        undated_ns.append(last.end_ns)
        races = ContinuousRaces(LENGTH_S)
        named = [date_second(end_ns, races, ride.clock) for end_ns in undated_ns]
        await ride.tick(2 * LENGTH_S)
        followed = [(one.race.race_id, one.second) for one in named if one] + [
            (one.race.race_id, one.second) for one in ride.ticked
        ]
        first_race, first_second = followed[0]
        first = first_race * LENGTH_S + first_second - 1
        assert [race * LENGTH_S + second - 1 for race, second in followed] == list(
            range(first, first + undated_s + 1 + 2 * LENGTH_S)
        )

    @pytest.mark.parametrize("wrong_by_s", [-86_400, -3.3, 0.0, 7.7, 400_000])
    async def test_wrong_time_before_the_clock_is_set_does_not_matter(
        self, wrong_by_s: float
    ) -> None:
        ride = self.undated(at_s=wrong_by_s, monotonic_ns=7 * NS_PER_S)
        for _ in range(2):
            await ride.race_clock.tick()
        ride.clock.step_wall(round((4.0 - wrong_by_s) * 1000))
        ride.clock.is_set = True
        await ride.race_clock.tick()
        await ride.tick(3)
        assert ride.seconds == race(0, 8, 9, 10), "7 s after the start of the race"

    @pytest.mark.parametrize("source", ClockSource)
    async def test_race_clock_stays_dated_whatever_set_the_clock(self, source: ClockSource) -> None:
        """Without a time server, the kernel takes its word back after nine hours."""
        ride = self.undated(at_s=2, monotonic_ns=7 * NS_PER_S)
        assert isinstance(await ride.race_clock.tick(), UndatedSecond)
        ride.clock.is_set, ride.clock.setter = True, source
        assert isinstance(await ride.race_clock.tick(), UndatedSecond)
        await ride.tick(3)
        ride.clock.is_set = False
        await ride.tick(LENGTH_S)
        assert ride.seconds == race(0, 5, 6, 7, 8, 9, 10) + race(1, 1, 2, 3, 4, 5, 6, 7)

    @pytest.mark.parametrize(("ends_at_ms", "second"), [(3499, 3), (3500, 4), (4499, 4), (4500, 5)])
    def test_undated_second_belongs_to_the_race_second_of_its_middle(
        self, ends_at_ms: int, second: int
    ) -> None:
        clock = JumpingClock(START_MS, MONOTONIC_NS)
        dated = date_second(MONOTONIC_NS + ends_at_ms * 1_000_000, ContinuousRaces(LENGTH_S), clock)
        assert dated is not None
        assert (dated.race.race_id, dated.second) == (RACE, second)

    async def test_stall_while_undated_loses_seconds_and_keeps_the_grid(self) -> None:
        ride = self.undated(at_s=0, monotonic_ns=7 * NS_PER_S)
        await ride.race_clock.tick()
        ride.clock.stall(3.5)
        ends_ns = [(await ride.race_clock.tick()).end_ns for _ in range(2)]
        assert ends_ns == [9 * NS_PER_S, 12 * NS_PER_S]
        assert ride.race_clock.lost_seconds == 2


class TestChangedRaces:
    """A reload gives a bike other continuous races: they count from its next race on."""

    @pytest.mark.parametrize("drift_ms", [-200, -1, 0, 1, 200])
    async def test_another_class_follows_the_race_in_progress(self, drift_ms: int) -> None:
        """Even if the wall clock is behind at its end, nothing of it is ridden again."""
        ride = Ride(races=ContinuousRaces(LENGTH_S, class_id=1))
        await ride.tick(4)
        ride.race_clock.change_races(ContinuousRaces(LENGTH_S, class_id=3))
        ride.clock.step_wall(drift_ms)
        await ride.tick(LENGTH_S + 2)
        ids = [(ticked.race.race_id, ticked.second) for ticked in ride.ticked]
        first = [(RACE * 10 + 1, second) for second in range(1, LENGTH_S + 1)]
        assert ids == [*first, *((RACE * 10 + 13, second) for second in range(1, 7))]

    @pytest.mark.parametrize(("length_s", "seconds"), [(5, range(1, 6)), (20, range(10, 15))])
    async def test_another_length_follows_though_the_clock_is_behind(
        self, length_s: int, seconds: range
    ) -> None:
        """A shorter race is over by then; a longer one is in progress, by the clock."""
        ride = Ride()
        await ride.tick(4)
        ride.race_clock.change_races(ContinuousRaces(length_s))
        ride.clock.step_wall(-1)
        await ride.tick(LENGTH_S - 4 + 5)
        assert [ticked.second for ticked in ride.ticked[:LENGTH_S]] == list(range(1, LENGTH_S + 1))
        assert [ticked.second for ticked in ride.ticked[LENGTH_S:]] == list(seconds)


class TestCommandedRaces:
    """Races that come and go."""

    @staticmethod
    def ride(races: BikeRaces) -> Ride:
        return Ride(races=races)

    async def test_race_clock_without_a_race_waits_for_one(self) -> None:
        races = BikeRaces()
        ride = self.ride(races)
        assert ride.race_clock.running is None
        ticking = asyncio.create_task(ride.race_clock.tick())
        await ride.clock.settle()
        assert not ticking.done()
        races.start(Race(5, START_MS + 2000, 3), START_MS, replaces=False)
        ticked = await ticking
        assert isinstance(ticked, RaceSecond)
        assert (ticked.race.race_id, ticked.second, ticked.is_final) == (5, 1, False)
        assert ride.clock.monotonic_ns() - MONOTONIC_NS == 3 * NS_PER_S
        await ride.tick(2)
        assert ride.ticked[-1].is_final
        assert ride.race_clock.running is None

    async def test_race_clock_joins_a_new_race_by_the_stepped_clock(self) -> None:
        races = BikeRaces()
        ride = self.ride(races)
        ride.clock.stall(20)
        ride.clock.step_wall(5000)
        # It began before the clock was last read, if that is taken for the time.
        races.start(Race(5, START_MS + 3000, 60), START_MS + 25_000, replaces=False)
        assert (ride.running.race.race_id, ride.running.second) == (5, 23)

    async def test_race_clock_is_anchored_when_it_begins(self) -> None:
        clock = JumpingClock(START_MS, MONOTONIC_NS)
        clock.step_wall(3000)
        assert Ride(clock=clock).running.second == 4

    async def test_race_clock_that_changes_races_is_anchored_again(self) -> None:
        ride = self.ride(BikeRaces())
        ride.clock.stall(20)
        ride.clock.step_wall(5000)
        ride.race_clock.change_races(BikeRaces([Race(5, START_MS + 3000, 60)]))
        assert (ride.running.race.race_id, ride.running.second) == (5, 23)

    async def test_undated_second_stays_undated_when_a_race_is_added(self) -> None:
        races = BikeRaces()
        clock = JumpingClock(START_MS, MONOTONIC_NS)
        clock.is_set = False
        ride = Ride(clock=clock, races=races)
        undated = ride.race_clock.running
        races.start(Race(5, START_MS + 5000, 3), START_MS, replaces=False)
        assert ride.race_clock.running == undated == UndatedSecond(8 * NS_PER_S)

    async def test_undated_second_outside_all_races_is_followed_by_the_next_race(self) -> None:
        clock = JumpingClock(START_MS, MONOTONIC_NS)
        clock.is_set = False
        ride = Ride(clock=clock, races=BikeRaces([Race(5, START_MS + 5000, 3)]))
        clock.is_set = True
        assert isinstance(await ride.race_clock.tick(), UndatedSecond)
        await ride.tick(3)
        assert [one.second for one in ride.ticked] == [1, 2, 3]
        assert ride.ticked[0].start_ns - MONOTONIC_NS == 5 * NS_PER_S

    async def test_race_clock_that_is_woken_beats_its_pulse_and_waits_on(self) -> None:
        ride = self.ride(BikeRaces())
        ticking = asyncio.create_task(ride.race_clock.tick())
        await ride.clock.settle()
        ride.clock.stall(25)
        ride.race_clock.pulse.wake()
        await ride.clock.settle()
        assert ride.race_clock.pulse.silent_ns == 0
        assert not ticking.done()
        ticking.cancel()

    async def test_running_second_before_a_race_is_its_first_one(self) -> None:
        ride = self.ride(BikeRaces([Race(5, START_MS + 5000, 300)]))
        assert ride.running == RaceSecond(
            Race(5, START_MS + 5000, 300), 1, MONOTONIC_NS + 6 * NS_PER_S
        )

    async def test_race_clock_that_changes_races_leaves_the_former_ones(self) -> None:
        former, races = BikeRaces(), BikeRaces()
        ride = self.ride(former)
        ride.race_clock.change_races(races)
        assert former._subscribers == []
        races.start(Race(5, START_MS, 300), START_MS, replaces=False)
        assert ride.running.race.race_id == 5, "it follows the others"

    async def test_wall_clock_is_read_every_ten_seconds_before_a_race(self) -> None:
        clock = ReadClock(START_MS, MONOTONIC_NS)
        clock.read_after_s.clear()
        ride = Ride(clock=clock, races=BikeRaces([Race(5, START_MS + 35_000, 3)]))
        await ride.tick(2)
        assert clock.read_after_s == [0, 10, 20, 30, 35]

    async def test_stopped_race_ends_with_the_running_second(self) -> None:
        races = BikeRaces([Race(5, START_MS, 300)])
        ride = self.ride(races)
        await ride.tick(3)
        races.stop(5, START_MS)
        await ride.tick(1)
        assert [(one.second, one.is_final) for one in ride.ticked[-2:]] == [(3, False), (4, True)]
        assert ride.race_clock.running is None

    async def test_replaced_race_ends_with_the_running_second_and_the_other_begins(self) -> None:
        races = BikeRaces([Race(5, START_MS, 300)])
        ride = self.ride(races)
        await ride.tick(3)
        races.start(Race(6, START_MS + 500, 300), START_MS + 3000, replaces=True)
        await ride.tick(3)
        assert [(one.race.race_id, one.second, one.is_final) for one in ride.ticked[3:]] == [
            (5, 4, True),
            (6, 4, False),
            (6, 5, False),
        ]

    async def test_race_stopped_before_its_start_never_runs(self) -> None:
        races = BikeRaces([Race(5, START_MS + 5000, 300)])
        ride = self.ride(races)
        races.stop(5, START_MS)
        assert ride.race_clock.running is None

    async def test_race_to_come_does_not_change_the_running_one(self) -> None:
        races = BikeRaces([Race(5, START_MS, 5)])
        ride = self.ride(races)
        await ride.tick(2)
        races.start(Race(6, START_MS + 5000, 3), START_MS + 2000, replaces=False)
        await ride.tick(6)
        assert [(one.race.race_id, one.second) for one in ride.ticked] == [
            *((5, second) for second in range(1, 6)),
            *((6, second) for second in range(1, 4)),
        ]

    @pytest.mark.parametrize("step_s", [-3600, -30, -1.5, 1.5, 30])
    async def test_clock_step_before_a_race_moves_its_start(self, step_s: float) -> None:
        ride = self.ride(BikeRaces([Race(5, START_MS + 60_000, 3)]))
        ride.clock.step_wall(round(step_s * 1000))
        await ride.tick(1)
        assert ride.ticked[0].second == 1
        assert ride.ticked[0].start_ns - MONOTONIC_NS == (60 - step_s) * NS_PER_S

    @pytest.mark.parametrize("is_told", [True, False])
    async def test_clock_put_back_into_an_ended_race_does_not_run_that_race_again(
        self, is_told: bool
    ) -> None:
        races = BikeRaces([Race(5, START_MS, 30), Race(6, START_MS + 60_000, 3)])
        ride = self.ride(races)
        await ride.tick(30)
        ride.clock.step_wall(-20_000)
        if is_told:
            ride.clock.reanchor()
            races.start(Race(7, START_MS + 90_000, 3), START_MS + 10_000, replaces=False)
        await ride.tick(1)
        assert (ride.ticked[-1].race.race_id, ride.ticked[-1].second) == (6, 1)
        assert ride.ticked[-1].start_ns - MONOTONIC_NS == 80 * NS_PER_S


@pytest.mark.parametrize("step_s", [-3600, -7, 7, 3600])
async def test_race_clock_of_a_bike_that_is_added_later_reads_the_clock(step_s: int) -> None:
    clock = JumpingClock(START_MS, MONOTONIC_NS)
    clock.step_wall(step_s * 1000)
    ride = Ride(clock=clock)
    await ride.tick(1)
    assert ride.ticked[0].end_ms == START_MS + (step_s + 1) * 1000
