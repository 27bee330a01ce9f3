"""Fills template.md with the numbers of the model and the simulations, for docs/scaling.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from gateway.cloud.connections import BIKES_PER_CONNECTION
from tests.bench.scaling import limits
from tests.bench.scaling.herd import (
    DEFAULT_PACE_PER_S,
    LONGEST_WAIT_S,
    OUTAGE_S,
    drain,
    safe_pace_per_s,
)
from tests.bench.scaling.limits import LIMITS, PRICES, Number, Source
from tests.bench.scaling.model import (
    FUNCTIONS,
    RACERS_PER_RACE,
    SHARDS_PER_RACE,
    SIZES,
    Fleet,
    Load,
    cost,
    loads,
    on_demand_cost,
    record_bytes,
)
from tests.bench.scaling.picture import crossing, curves
from tests.bench.scaling.placement import ids_tried_per_race, shards_needed, simulate_sharing

TEMPLATE = Path(__file__).with_name("template.md")
SEED = 1
DRAWS = 500
RACES = (2, 10, 100, 1_000)
OUTAGES = (1, 10, 100, 250, 500, 1_000, 10_000, 100_000, 1_000_000)

WHAT_TO_DO = {
    1: "nothing",
    10: "nothing",
    100: "a slower pace for the backlog",
    1_000: "smaller races",
    10_000: "smaller races, on separate shards",
    100_000: "request higher limits for both, most of all for rules",
    1_000_000: "request higher limits for nearly all; Basic Ingest; many bikes per gateway",
}
LOAD_NAMES = {
    limits.SHARD_RECORDS: "a shard's records",
    limits.SHARD_BYTES: "a shard's bytes",
    limits.PUBLISHES: "publishes",
    limits.RULES: "rule evaluations",
    limits.CONNECTIONS: "connections",
    limits.CONSUMERS: "Lambda executions",
    limits.SHARDS: "shards",
}
SIZE_HEAD = (
    "racers and messages/s",
    "races",
    "shards",
    "connections",
    f"connections with {BIKES_PER_CONNECTION} bikes each",
    "tightest limit",
    "load on it",
    "what to do",
)
SHARING_HEAD = (
    "races at once",
    "with as many shards as races",
    "with twice as many",
    "with ten times as many",
    "shards needed for a chance below 1 %",
    "ids tried per race to get separate shards",
)
OUTAGE_HEAD = (
    "racers",
    "all connected after",
    "offered at the peak",
    "the account can take",
    "share of the backlog put into the queue",
    "safe `publish_rate_per_s`",
    "all sent after, at the safe rate",
)
COST_HEAD = (
    "racers",
    "connections",
    "messages",
    "rules",
    "stream",
    "total",
    "a race of 5 min",
    "total with Basic Ingest",
    "an on-demand stream",
)


def page() -> str:
    kept, connects_at = (crossing(one) for one in curves() if one.is_outage)
    pace_left = DEFAULT_PACE_PER_S - BIKES_PER_CONNECTION
    crowded_s = BIKES_PER_CONNECTION * OUTAGE_S / pace_left
    return TEMPLATE.read_text(encoding="utf-8").format(
        race=f"{RACERS_PER_RACE:,}",
        sizes=_table(SIZE_HEAD, map(_size, SIZES)),
        loads=_table(["racers", *LOAD_NAMES.values()], map(_all_loads, SIZES)),
        bytes=record_bytes(),
        refused_10000=_refused(10_000),
        refused_million=_refused(1_000_000),
        sharing=_table(SHARING_HEAD, map(_sharing, RACES)),
        wait=LONGEST_WAIT_S,
        connects=f"{limits.CONNECTS.value:g}",
        connects_at=f"{connects_at:,}",
        kept_at=kept,
        pace=f"{DEFAULT_PACE_PER_S:g}",
        one_offered=f"{drain(Fleet(1), DEFAULT_PACE_PER_S - 1).peak_per_s:.0f}",
        outages=_table(OUTAGE_HEAD, map(_outage, OUTAGES)),
        bikes=BIKES_PER_CONNECTION,
        pace_left=f"{pace_left:g}",
        crowded_minutes=_time(round(crowded_s)),
        costs=_table(COST_HEAD, map(_cost, SIZES)),
        registration_hours=f"{1_000_000 / limits.REGISTRATIONS.value / 3600:.0f}",
        shards=SHARDS_PER_RACE,
        functions=FUNCTIONS,
        limits=_table(("limit", "", "can be raised", "source"), map(_limit, LIMITS)),
        prices=_table(("price", "", "source"), map(_price, PRICES)),
        sources="\n".join(f"* [{one.title}]({one.url}): {one.copy}" for one in _sources()),
    )


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    return "\n".join([_row(head), "|" + "---|" * len(head), *map(_row, rows)])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _size(racers: int) -> list[str]:
    fleet = Fleet(racers)
    first = max(loads(fleet), key=lambda load: load.share)
    return [
        f"{racers:,}",
        f"{fleet.races:,}",
        f"{fleet.shards:,}",
        f"{fleet.connections:,}",
        f"{Fleet(racers, BIKES_PER_CONNECTION).connections:,}",
        _first_limit(fleet, first),
        _share(first),
        WHAT_TO_DO[racers],
    ]


def _first_limit(fleet: Fleet, first: Load) -> str:
    """Return the limits with the highest load, or "none" if there is hardly any."""
    if first.share < 0.01:
        return "none"
    names = [LOAD_NAMES[load.limit] for load in loads(fleet) if load.share == first.share]
    return " and ".join(names)


def _all_loads(racers: int) -> list[str]:
    return [f"{racers:,}", *map(_share, loads(Fleet(racers)))]


def _share(load: Load) -> str:
    share = "< 1 %" if load.share < 0.01 else f"{load.share * 100:,.0f} %"
    return f"**{share}**" if load.share >= 1 else share


def _refused(racers: int) -> str:
    """Return the fraction of one race's messages that its shard refuses."""
    return _percent(1 - limits.SHARD_RECORDS.value / racers)


def _percent(part: float) -> str:
    """Return a fraction in percent, with three digits."""
    return f"{part * 100:.3g} %"


def _sharing(races: int) -> list[str]:
    random = Random(SEED)
    cells = [f"{races:,}"]
    for factor in (1, 2, 10):
        sharing = simulate_sharing(races, factor * races, DRAWS, random)
        cells.append(f"{sharing.races_sharing * 100:.0f} %")
    needed = shards_needed(races, 0.01)
    cells.append(
        f"{needed:,}" if needed <= limits.SHARDS.value else f"{needed:,}: more than any account"
    )
    cells.append(f"{ids_tried_per_race(races, 2 * races, DRAWS // 10, random):.1f}")
    return cells


def _outage(racers: int) -> list[str]:
    fleet = Fleet(racers)
    back = drain(fleet, DEFAULT_PACE_PER_S - fleet.bikes)
    pace = safe_pace_per_s(fleet)
    return [
        f"{racers:,}",
        _time(back.connected_s),
        f"{back.peak_per_s:,.0f}/s",
        f"{back.room_per_s:,.0f}/s",
        _queued(back.queued, is_paced=back.peak_per_s > back.room_per_s),
        f"{pace + fleet.bikes:g}",
        _time(drain(fleet, pace).drained_s),
    ]


def _queued(part: float, *, is_paced: bool) -> str:
    if is_paced:
        return "held off"
    return f"**{_percent(part)}**" if part else "nothing"


def _time(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _cost(racers: int) -> list[str]:
    fleet = Fleet(racers)
    hourly = cost(fleet)
    parts = (hourly.connections, hourly.messages, hourly.rules, hourly.stream, hourly.total)
    last = (hourly.race, hourly.total - hourly.messages, on_demand_cost(fleet))
    return [f"{racers:,}", *map(_dollars, (*parts, *last))]


def _dollars(amount: float) -> str:
    if amount < 0.01:
        return f"${amount:.4f}"
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"


def _limit(one: Number) -> list[str]:
    raised = "on request" if one.can_be_raised else "no" if one.can_be_raised is False else ""
    return [f"{one.value:,} {one.unit}", one.what + _note(one), raised, _source(one.source)]


def _price(one: Number) -> list[str]:
    value = f"{one.value:,} {one.unit}"
    return [value, one.what, _source(one.source)]


def _note(one: Number) -> str:
    return f" ({one.note})" if one.note else ""


def _source(source: Source | None) -> str:
    return "quoted" if source is None else f"[{source.title}]({source.url})"


def _sources() -> list[Source]:
    found = (one.source for one in (*LIMITS, *PRICES))
    named = dict.fromkeys(source for source in found if source is not None)
    return [*named, *limits.MORE_SOURCES]
