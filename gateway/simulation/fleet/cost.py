"""What a race costs on AWS, before it is ridden. Pure."""

from dataclasses import dataclass

from gateway.simulation.fleet.plan import Plan

#: Where and when the prices held. Other regions differ by some per cent, up or down.
ASSUMED = (
    "list prices of us-east-1, first tier, without the free one, as quoted of "
    "aws.amazon.com/iot-core/pricing in 2022 and of aws.amazon.com/kinesis/data-streams/pricing in "
    "2026; AWS was not asked"
)
USD_PER_MILLION_MESSAGES = 1.00
USD_PER_MILLION_CONNECTION_MINUTES = 0.08
USD_PER_MILLION_RULES = 0.15
USD_PER_MILLION_ACTIONS = 0.15
USD_PER_MILLION_PUT_UNITS = 0.014
USD_PER_SHARD_HOUR = 0.015

#: Connected before and after the race, in seconds: waiting for the start, and for the last answers.
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
    """All that is counted by use. Every message is smaller than 5 KB, so it is metered as one.

    The stream's shards are not in it: they cost the same without a race.
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
