"""The racer of one bike at every instant, down to seconds that end while the process is stalled."""

import asyncio

import pytest

from gateway.bike.riding import Riding
from gateway.race.clock import RaceSecond
from gateway.race.commanded import BikeRaces
from gateway.race.joins import JoinedRide, Joins
from gateway.race.races import ContinuousRaces, Race, Racer, Races
from tests.gateway.race.test_clock import JumpingClock
from tests.support.virtual_clock import VirtualClock

LENGTH_S = 20
RACE = 81_011_445
START_MS = RACE * LENGTH_S * 1000
ADA, GRACE = Racer(8, "Ada", 1), Racer(9, "Grace", 3)


def races(class_id: int = 1, length_s: int = LENGTH_S) -> ContinuousRaces:
    return ContinuousRaces(length_s, class_id=class_id, waits_for_pedals=True)


def riding(
    at_s: float = 5.5, *, joins: Joins | None = None, clock: VirtualClock | None = None
) -> tuple[Riding, VirtualClock]:
    """Return Ada, before she pedals, and her clock."""
    clock = clock or JumpingClock(START_MS + round(at_s * 1000), 5_000_000_000)
    return Riding("bike-1", ADA, races(), joins or Joins(), clock), clock


def where(rider: Riding) -> tuple[int, int, int]:
    """Return race, racer and second."""
    assert rider.second is not None
    return rider.second.race.race_id, rider.racer.racer_id, rider.second.second


async def test_second_that_ended_before_a_choice_is_kept_for_the_chosen_rider() -> None:
    """The process had no time to close it. It would else be missing from a race."""
    rider, clock = riding()
    clock.stall(0.6)
    rider.change(GRACE, races(3))
    assert where(rider) == (RACE * 10 + 3, 9, 6)
    ended = await rider.race_clock.tick()
    assert isinstance(ended, RaceSecond)
    assert (ended.second, ended.end_ms) == (6, START_MS + 6000)
    assert where(rider) == (RACE * 10 + 3, 9, 7)


async def test_choice_does_not_move_the_seconds_of_a_race_to_a_stepped_clock() -> None:
    rider, clock = riding()
    clock.step_wall(3000)
    rider.change(GRACE, races(3))
    assert where(rider) == (RACE * 10 + 3, 9, 6)


async def test_race_of_another_length_is_entered_by_the_clock() -> None:
    rider, _ = riding(25.5)
    rider.change(GRACE, races(3, length_s=60))
    assert where(rider) == (START_MS // 60_000 * 10 + 3, 9, 26 + START_MS % 60_000 // 1000)


async def test_racer_who_has_joined_stays_until_the_final() -> None:
    rider, _ = riding(18.5)
    rider.join()
    rider.change(GRACE, races(3))
    assert (rider.is_changing, where(rider)) == (True, (RACE * 10 + 1, 8, 19))
    before = await rider.race_clock.tick()
    assert isinstance(before, RaceSecond)
    assert (before.is_final, rider.racer_of(before)) == (False, ADA)
    final = await rider.race_clock.tick()
    assert isinstance(final, RaceSecond)
    assert (final.is_final, rider.racer_of(final)) == (True, ADA)
    rider.end(final)
    assert (rider.is_changing, where(rider)) == (False, (RACE * 10 + 13, 9, 1))


async def test_race_that_was_left_in_its_running_second_wakes_the_clock_for_the_next() -> None:
    clock = VirtualClock(START_MS + 5500)
    rider, _ = riding(clock=clock)
    rider.join()
    ticking = asyncio.create_task(rider.race_clock.tick())
    await clock.settle()
    rider.leave()
    await clock.run_for(0.6)
    ended = await ticking
    assert isinstance(ended, RaceSecond)
    assert (ended.second, ended.is_final) == (6, True)
    assert where(rider) == (RACE * 10 + 11, 8, 1)
    assert rider.starts_in_s == pytest.approx(13.9)
    assert not rider.has_begun


def test_race_in_progress_is_resumed_with_its_racer_and_class() -> None:
    joins = Joins(JoinedRide(RACE * 10 + 3, 9, 2, None, "Grace", 3))
    rider, _ = riding(joins=joins)
    rider.resume(joins.kept[0], GRACE, races(3))
    assert (where(rider), rider.is_changing) == ((RACE * 10 + 3, 9, 6), True)
    assert rider.next_racer == ADA


@pytest.mark.parametrize(
    "kept", [JoinedRide(RACE * 10 - 7, 9, 2), JoinedRide(RACE * 10 + 3, 9, 8, None, "Grace", 3)]
)
def test_race_that_is_over_or_not_yet_joined_is_not_resumed(kept: JoinedRide) -> None:
    rider, _ = riding(joins=Joins(kept))
    rider.resume(kept, GRACE, races(3))
    assert (where(rider), rider.is_changing) == ((RACE * 10 + 1, 8, 6), False)


@pytest.mark.parametrize(("at_s", "expected"), [(5.5, (1, 6, 6)), (7.5, (11, 1, LENGTH_S))])
def test_race_that_was_left_is_resumed_up_to_its_last_second(
    at_s: float, expected: tuple[int, int, int]
) -> None:
    left = JoinedRide(RACE * 10 + 1, 8, 2, 6, "Ada", 1)
    rider, _ = riding(at_s, joins=Joins(left))
    rider.resume(left, ADA, races())
    second = rider.second
    assert second is not None
    found = (second.race.race_id - RACE * 10, second.second, second.race.length_s)
    assert found == expected


def test_ride_is_not_resumed_while_the_clock_is_not_set() -> None:
    clock = VirtualClock(START_MS + 5500)
    clock.is_set = False
    rider, _ = riding(clock=clock)
    rider.resume(JoinedRide(RACE * 10 + 3, 9, 2), GRACE, races(3))
    assert (rider.is_undated, rider.racer) == (True, ADA)


async def test_seconds_before_the_clock_was_set_are_the_racers_of_that_time() -> None:
    clock = JumpingClock(START_MS + 5500, 5_000_000_000)
    clock.is_set = False
    rider, _ = riding(clock=clock)
    ended_ns = clock.monotonic_ns()
    rider.change(GRACE, races(3))
    clock.is_set = True
    await rider.race_clock.tick()
    rider.change(ADA, races())
    dated = rider.date(ended_ns)
    assert dated is not None
    second, racer = dated
    assert (second.race.race_id, racer) == (RACE * 10 + 3, GRACE)


@pytest.mark.parametrize("commanded", [BikeRaces(), BikeRaces([Race(5, START_MS, 60, GRACE)])])
def test_racer_of_a_commanded_race_is_the_commands(commanded: Races) -> None:
    clock = VirtualClock(START_MS + 5500)
    rider = Riding("bike-1", ADA, commanded, Joins(), clock)
    rider.change(Racer(1, "One", 1), commanded)
    assert rider.racer == (Racer(1, "One", 1) if rider.second is None else GRACE)
