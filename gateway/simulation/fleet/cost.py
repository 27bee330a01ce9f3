"""The estimated cost of a race on AWS. Pure."""

from dataclasses import dataclass

from gateway.simulation.fleet.plan import Plan

#: The source of the prices below. Other regions differ by some per cent, up or down.
ASSUMED = (
    "list prices for us-east-1, first paid tier, as quoted from aws.amazon.com/iot-core/pricing in "
    "2022 and aws.amazon.com/kinesis/data-streams/pricing in 2026; not checked with AWS"
)
USD_PER_MILLION_MESSAGES = 1.00
USD_PER_MILLION_CONNECTION_MINUTES = 0.08
USD_PER_MILLION_RULES = 0.15
USD_PER_MILLION_ACTIONS = 0.15
USD_PER_MILLION_PUT_UNITS = 0.014
USD_PER_SHARD_HOUR = 0.015

#: Connected time outside the race, in seconds: waiting for the start and for the last answers.
AROUND_S = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill."""

    what: str
    count: int
    usd_per_million: float

    @property
    def usd(self) -> float:
        return self.count * self.usd_per_million / 1_000_000


def bill(plan: Plan) -> list[Item]:
    """Return the items that are charged by use.

    Every message is smaller than 5 KB, so it is metered as one. The stream's shards are not
    included: they cost the same without a race.
    """
    connected_s = plan.connecting_s + plan.options.race_s + AROUND_S
    minutes = plan.connections * (int(connected_s / 60) + 1)
    messages = plan.messages
    return [
        Item("messages", messages + plan.connections, USD_PER_MILLION_MESSAGES),
        Item("connection minutes", minutes, USD_PER_MILLION_CONNECTION_MINUTES),
        Item("rules triggered", messages, USD_PER_MILLION_RULES),
        Item("rule actions", messages, USD_PER_MILLION_ACTIONS),
        Item("Kinesis PUT units", messages, USD_PER_MILLION_PUT_UNITS),
    ]


def total_usd(items: list[Item]) -> float:
    return sum(item.usd for item in items)
