"""The output before a fleet races: the plan and its cost."""

from rich.console import Console
from rich.table import Table

from gateway.simulation.fleet.cost import ASSUMED, USD_PER_SHARD_HOUR, bill, total_usd
from gateway.simulation.fleet.plan import CONNECTS_PER_S, Plan
from gateway.terminal.units import counted
from gateway.terminal.unpadded import Unpadded


def print_plan(console: Console, plan: Plan, target: str) -> None:
    """Print the plan, and the connection rate that AWS allows by default."""
    options = plan.options
    races = "one race" if options.races == 1 else f"{options.races} races"
    class_ids = sorted(set(plan.race_classes))
    classes = f"{'class' if len(class_ids) == 1 else 'classes'} {', '.join(map(str, class_ids))}"
    console.print(
        f"{counted(options.racers, 'racer')} on {counted(plan.connections, 'connection')} to "
        f"{target}: {races} of "
        f"{options.race_s} s in {classes}, {plan.messages:,} messages",
        soft_wrap=True,
        highlight=False,
    )
    console.print(
        f"opening the connections takes {plan.connecting_s:.0f} s, at {CONNECTS_PER_S} a second "
        "(by default, AWS allows an account 500 a second, fewer in some regions)",
        style="dim",
        soft_wrap=True,
        highlight=False,
    )
    for warning in plan.warnings:
        console.print(warning, style="yellow", soft_wrap=True, highlight=False)


def print_bill(console: Console, plan: Plan) -> None:
    """Print what the race costs if the cloud is AWS."""
    items = bill(plan)
    table = Table("on AWS", "count", "USD/million", "USD", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for item in items:
        table.add_row(item.what, f"{item.count:,}", f"{item.usd_per_million:g}", f"{item.usd:.4f}")
    table.add_row("total", "", "", f"{total_usd(items):.2f}", style="bold")
    console.print(Unpadded(table))
    console.print(
        f"{ASSUMED}. The stream's shards cost {USD_PER_SHARD_HOUR:g} USD an hour each, with or "
        "without a race; consumers of the stream cost extra.",
        style="dim",
        soft_wrap=True,
        highlight=False,
    )
