import pytest

from gateway.simulation.fleet import cost
from gateway.simulation.fleet.cost import bill, total_usd
from gateway.simulation.fleet.plan import CONNECTS_PER_S, SHARD_RECORDS_PER_S, FleetOptions, Plan
from tests.bench.scaling import limits


def test_bill_of_a_thousand_racers_is_that_of_the_price_list() -> None:
    # 1,000 connections for 12.5 + 300 + 20 s: 6 begun minutes each.
    items = {item.what: item for item in bill(Plan(FleetOptions(1000, 300)))}
    assert items["messages"].count == 301_000  # a CONNECT is metered as a message
    assert items["connection minutes"].count == 6000
    assert items["rules triggered"].count == items["rule actions"].count == 300_000
    assert items["Kinesis PUT units"].count == 300_000
    by_hand = 0.301 * 1.00 + 0.006 * 0.08 + 0.3 * 0.15 + 0.3 * 0.15 + 0.3 * 0.014
    assert total_usd(list(items.values())) == pytest.approx(by_hand)


def test_bill_of_shared_connections_has_fewer_minutes_and_connects_only() -> None:
    own, shared = (bill(Plan(FleetOptions(1000, 300, count))) for count in (None, 13))
    counts = {mine.what: (mine.count, other.count) for mine, other in zip(own, shared, strict=True)}
    assert counts.pop("connection minutes") == (6000, 13 * 6)
    assert counts.pop("messages") == (301_000, 300_013)
    assert all(mine == other for mine, other in counts.values())


def test_cost_prices_and_limits_are_those_in_docs_scaling() -> None:
    assert limits.MESSAGES.value == cost.USD_PER_MILLION_MESSAGES
    assert limits.CONNECTION_MINUTES.value == cost.USD_PER_MILLION_CONNECTION_MINUTES
    assert limits.RULES_TRIGGERED.value == cost.USD_PER_MILLION_RULES
    assert limits.ACTIONS.value == cost.USD_PER_MILLION_ACTIONS
    assert limits.PUT_UNITS.value == cost.USD_PER_MILLION_PUT_UNITS
    assert limits.SHARD_HOURS.value == cost.USD_PER_SHARD_HOUR
    assert limits.SHARD_RECORDS.value == SHARD_RECORDS_PER_S
    assert limits.CONNECTS.value > CONNECTS_PER_S
