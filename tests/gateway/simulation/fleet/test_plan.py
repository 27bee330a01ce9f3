from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.race.races import ContinuousRaces
from gateway.simulation.fleet.plan import RACERS_PER_CONNECTION, FleetOptions, Plan, PlanError

START_MS = 1_795_248_760_000


def test_plan_gives_each_racer_a_connection_in_one_race_by_default() -> None:
    plan = Plan(FleetOptions(racers=1000, race_s=300))
    assignments = list(plan.assignments())
    assert plan.connections == 1000
    assert plan.messages == 300_000
    assert [one.connection for one in assignments] == list(range(1000))
    assert [race.race_id for race in plan.races_from(START_MS)] == [START_MS // 300_000 * 10 + 1]
    assert {one.race for one in assignments} == {0}
    assert plan.warnings == []


@given(st.integers(1, 3000), st.data())
def test_plan_overloads_no_connection_and_leaves_none_idle(
    racers: int, data: st.DataObject
) -> None:
    connections = data.draw(st.integers(-(-racers // RACERS_PER_CONNECTION), racers))
    plan = Plan(FleetOptions(racers, 60, connections))
    carried = Counter(one.connection for one in plan.assignments())
    assert sorted(carried) == list(range(connections))
    assert max(carried.values()) <= RACERS_PER_CONNECTION


@given(st.integers(1, 500), st.integers(1, 20), st.integers(1, 6))
def test_plan_makes_every_racer_unique_and_fills_races_of_one_class_evenly(
    racers: int, races: int, classes: int
) -> None:
    races = min(races, racers)
    plan = Plan(FleetOptions(racers, 60, None, races, tuple(range(1, classes + 1))))
    assignments = list(plan.assignments())
    for unique in ("bike_id", "seed", "racer"):
        assert len({getattr(one, unique) for one in assignments}) == racers
    filled = Counter(one.race for one in assignments).values()
    assert max(filled) == plan.racers_per_race
    assert max(filled) - min(filled) <= 1
    assert {(one.race, one.racer.class_id) for one in assignments} == {
        (race, 1 + race % classes) for race in range(races)
    }


def test_plan_race_ids_differ_from_those_of_every_other_start() -> None:
    plan = Plan(FleetOptions(racers=50, race_s=60, races=5))
    now, next_window = plan.races_from(START_MS), plan.races_from(START_MS + 60_000)
    assert {(race.start_ms, race.length_s) for race in now} == {(START_MS, 60)}
    assert len({race.race_id for race in (*now, *next_window)}) == 10


@given(
    races=st.integers(1, 2000),
    race_s=st.integers(10, 3600),
    classes=st.lists(st.integers(1, 6), min_size=1).map(tuple),
    start_ms=st.integers(1_577_836_800_000, 7_258_118_400_000),
)
def test_plan_race_ids_are_those_of_no_continuous_race_of_another_class_or_time(
    races: int, race_s: int, classes: tuple[int, ...], start_ms: int
) -> None:
    plan = Plan(FleetOptions(2000, race_s, races=races, classes=classes))
    planned = dict(zip(plan.races_from(start_ms), plan.race_classes, strict=True))
    assert len({race.race_id for race in planned}) == races
    assert all(race.race_id % 10 == class_id for race, class_id in planned.items())
    for class_id in set(planned.values()):
        ids = [race.race_id for race, ridden in planned.items() if ridden == class_id]
        assert ids[0] == ContinuousRaces(race_s, class_id=class_id).race_at(start_ms).race_id
        # Until 2200, no continuous race has one of the others, however short it is.
        assert all(7_258_118_400 * 10 + 6 < race_id <= 2**53 - 1 for race_id in ids[1:])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (FleetOptions(100, 60, connections=1), "expected 2 … 100"),
        (FleetOptions(100, 60, connections=101), "expected 2 … 100"),
        (FleetOptions(161, 60, connections=2), "expected 3 … 161"),
        (FleetOptions(3, 60, races=4), "at most 3"),
    ],
)
def test_plan_refuses_what_cannot_be_and_tells_what_can(
    options: FleetOptions, expected: str
) -> None:
    with pytest.raises(PlanError, match=expected):
        Plan(options)


def test_plan_warns_of_a_race_too_large_for_a_shard() -> None:
    [warning] = Plan(FleetOptions(racers=2500, race_s=60)).warnings
    assert "accepts 1,000 a second" in warning
    assert "throttle 1,500 a second" in warning
    assert "use --races 3" in warning
    assert Plan(FleetOptions(racers=2500, race_s=60, races=3)).warnings == []
