"""Tests of scaling: placement as in Kinesis, the return after an outage, limits and costs."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cloud.connections import BIKES_PER_CONNECTION
from gateway.cloud.pace import BACKLOG_BURST, Pace
from gateway.simulation.cloud.kinesis import open_kinesis
from gateway.simulation.cloud.rule import KinesisRecord
from gateway.timing.units import NS_PER_S
from tests.bench.scaling import limits
from tests.bench.scaling.herd import (
    DEFAULT_PACE_PER_S,
    LONGEST_WAIT_S,
    STEP_PER_S,
    drain,
    reconnect,
    safe_pace_per_s,
)
from tests.bench.scaling.limits import LIMITS, PRICES
from tests.bench.scaling.model import SIZES, Fleet, cost, loads, record_bytes
from tests.bench.scaling.picture import crossing, curves
from tests.bench.scaling.placement import (
    race_ids_apart,
    shard_of,
    shards_needed,
    sharing_probability,
    simulate_sharing,
)


@pytest.mark.slow
def test_a_race_lies_on_the_shard_that_kinesis_puts_it_on() -> None:
    shards = 7
    with open_kinesis("races", shards=shards) as kinesis:
        reader = kinesis.open_reader()
        race_ids = range(5_984_100, 5_984_130)
        kinesis.put([KinesisRecord(str(race_id), b"%d" % race_id) for race_id in race_ids])
        found = {int(data): shard_id for shard_id, data in reader.read()}
        names = sorted(reader.shard_ids)
    assert found == {race_id: names[shard_of(race_id, shards)] for race_id in race_ids}


@given(st.integers(0, 10**9), st.integers(1, 60))
def test_races_handed_out_apart_share_no_shard(first_id: int, shards: int) -> None:
    race_ids = list(race_ids_apart(first_id, shards))
    assert race_ids[0] == first_id
    assert race_ids == sorted(set(race_ids))
    assert {shard_of(race_id, shards) for race_id in race_ids} == set(range(shards))
    assert len(race_ids) == shards


@pytest.mark.parametrize(("races", "shards"), [(2, 10), (5, 40), (10, 100)])
def test_races_share_shards_as_often_as_people_share_birthdays(races: int, shards: int) -> None:
    simulated = simulate_sharing(races, shards, 4_000, Random(1))
    expected = sharing_probability(races, shards)
    assert simulated.draws_with == pytest.approx(expected, abs=0.03)
    assert 0 < simulated.races_sharing <= simulated.draws_with


@given(st.integers(2, 200), st.sampled_from([0.5, 0.1, 0.01]))
def test_the_shards_needed_are_just_enough(races: int, probability: float) -> None:
    shards = shards_needed(races, probability)
    assert sharing_probability(races, shards) < probability
    assert sharing_probability(races, shards - 1) >= probability


@given(st.integers(1, 50_000), st.floats(1, 1_000))
def test_every_client_reconnects_and_never_more_at_once_than_accepted(
    clients: int, accepted_per_s: float
) -> None:
    through = list(reconnect(clients, accepted_per_s))
    assert sum(through) == pytest.approx(clients)
    assert max(through) <= accepted_per_s
    assert len(through) >= clients / accepted_per_s


def test_clients_are_back_within_the_longest_wait_if_unhindered() -> None:
    assert len(list(reconnect(1_000, 1_000))) == LONGEST_WAIT_S


@pytest.mark.slow
@pytest.mark.parametrize("racers", [100, 250, 1_000, 10_000, 100_000])
def test_the_safe_pace_is_the_fastest_at_which_nothing_is_refused(racers: int) -> None:
    fleet = Fleet(racers)
    pace_per_s = safe_pace_per_s(fleet)
    assert drain(fleet, pace_per_s).is_smooth
    assert not drain(fleet, pace_per_s + STEP_PER_S).is_smooth


def test_a_shard_takes_its_limit_and_the_rest_is_queued() -> None:
    fleet = Fleet(1_000)
    back = drain(fleet, DEFAULT_PACE_PER_S - 1)
    taken = (1 - back.queued) * fleet.racers * 600
    assert 0 < taken <= 2 * limits.SHARD_RECORDS.value * back.drained_s
    assert back.shard_peak_per_s > limits.SHARD_RECORDS.value
    assert drain(Fleet(10), DEFAULT_PACE_PER_S - 1).queued == 0


@pytest.mark.parametrize("bikes", [1, 40, 70, BIKES_PER_CONNECTION])
def test_backlog_has_what_live_messages_leave_of_the_pace(bikes: int) -> None:
    pace = Pace(DEFAULT_PACE_PER_S, 0)
    kept_sent, seconds = 0, 60
    for live in range(bikes * seconds):
        now_ns, next_ns = (NS_PER_S * n // bikes for n in (live, live + 1))
        pace.take(record_bytes(), now_ns)
        while pace.ready_ns(is_live=False) < next_ns:
            pace.take(record_bytes(), max(now_ns, pace.ready_ns(is_live=False)))
            kept_sent += 1
    expected = (DEFAULT_PACE_PER_S - bikes) * seconds
    assert expected <= kept_sent <= expected + 2 * BACKLOG_BURST


def test_a_thousand_racers_fill_a_shard_and_nothing_else() -> None:
    reached = [load.limit for load in loads(Fleet(1_000)) if load.share >= 1]
    assert reached == [limits.SHARD_RECORDS]
    assert all(load.share < 1 for load in loads(Fleet(999)))


def test_bikes_share_connections_up_to_what_one_carries() -> None:
    assert Fleet(1_000).connections == 1_000
    assert Fleet(1_000, BIKES_PER_CONNECTION).connections == 17
    assert Fleet(200, 2 * BIKES_PER_CONNECTION).connections == 4


def test_the_curves_cross_the_limit_where_the_limits_say() -> None:
    live = {one.limit: crossing(one) for one in curves() if not one.is_outage}
    assert live[limits.SHARD_RECORDS] == limits.SHARD_RECORDS.value
    assert live[limits.PUBLISHES] == limits.PUBLISHES.value
    assert live[limits.CONNECTIONS] == limits.CONNECTIONS.value
    assert live[limits.SHARDS] == 0  # a million do not


def test_a_thousand_racers_cost_what_the_prices_say() -> None:
    hourly = cost(Fleet(1_000))
    assert hourly.messages == pytest.approx(3.6 * 1.00)
    assert hourly.rules == pytest.approx(3.6 * (0.15 + 0.15))
    assert hourly.connections == pytest.approx(1_000 * 60 / 1e6 * 0.08)
    assert hourly.stream == pytest.approx(2 * 0.015 + 3.6 * 0.014)
    assert hourly.race == pytest.approx(hourly.total / 12)


def test_ten_times_the_racers_never_cost_more_than_ten_times_as_much() -> None:
    totals = [cost(Fleet(racers)).total for racers in SIZES]
    assert all(more <= 10 * less * (1 + 1e-9) for less, more in pairwise(totals))


def test_every_limit_has_a_source_and_only_prices_may_be_assumed() -> None:
    assert all(one.source is not None for one in LIMITS)
    assert all(load.limit in LIMITS for load in loads(Fleet(1)))
    assert any(one.source is None for one in PRICES)
