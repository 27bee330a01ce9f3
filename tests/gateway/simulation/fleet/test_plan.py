from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.fleet.errors import PlanError
from gateway.simulation.fleet.plan import RACERS_PER_CONNECTION, FleetOptions, Plan

START_MS = 1_795_248_760_000


def test_by_default_each_racer_has_a_connection_and_all_ride_one_race() -> None:
    plan = Plan(FleetOptions(racers=1000, race_s=300))
    seats = list(plan.seats())
    assert plan.connections == 1000
    assert plan.messages == 300_000
    assert [seat.connection for seat in seats] == list(range(1000))
    assert [race.race_id for race in plan.races_from(START_MS)] == [START_MS // 300_000]
    assert {seat.race for seat in seats} == {0}
    assert plan.warnings == []


@given(st.integers(1, 3000), st.data())
def test_no_connection_carries_more_than_it_may_and_none_is_idle(
    racers: int, data: st.DataObject
) -> None:
    connections = data.draw(st.integers(-(-racers // RACERS_PER_CONNECTION), racers))
    plan = Plan(FleetOptions(racers, 60, connections))
    carried = Counter(seat.connection for seat in plan.seats())
    assert sorted(carried) == list(range(connections))
    assert max(carried.values()) <= RACERS_PER_CONNECTION


@given(st.integers(1, 500), st.integers(1, 20), st.integers(1, 6))
def test_nobody_is_somebody_else_and_races_are_evenly_filled(
    racers: int, races: int, classes: int
) -> None:
    races = min(races, racers)
    plan = Plan(FleetOptions(racers, 60, None, races, tuple(range(1, classes + 1))))
    seats = list(plan.seats())
    for unique in ("bike_id", "seed", "racer"):
        assert len({getattr(seat, unique) for seat in seats}) == racers
    filled = Counter(seat.race for seat in seats).values()
    assert max(filled) == plan.racers_per_race
    assert max(filled) - min(filled) <= 1
    assert {seat.racer.class_id for seat in seats} == set(range(1, min(classes, racers) + 1))


def test_races_at_once_have_ids_that_no_other_start_has() -> None:
    plan = Plan(FleetOptions(racers=50, race_s=60, races=5))
    now, next_window = plan.races_from(START_MS), plan.races_from(START_MS + 60_000)
    assert {(race.start_ms, race.length_s) for race in now} == {(START_MS, 60)}
    assert len({race.race_id for race in (*now, *next_window)}) == 10


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (FleetOptions(100, 60, connections=1), "expected 2 … 100"),
        (FleetOptions(100, 60, connections=101), "expected 2 … 100"),
        (FleetOptions(161, 60, connections=2), "expected 3 … 161"),
        (FleetOptions(3, 60, races=4), "at most 3"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(options: FleetOptions, expected: str) -> None:
    with pytest.raises(PlanError, match=expected):
        Plan(options)


def test_a_race_too_large_for_a_shard_is_said_and_how_many_races_would_fit() -> None:
    [warning] = Plan(FleetOptions(racers=2500, race_s=60)).warnings
    assert "takes 1,000 records/s" in warning
    assert "throttle 1,500 a second" in warning
    assert "--races 3 would fit" in warning
    assert Plan(FleetOptions(racers=2500, race_s=60, races=3)).warnings == []
