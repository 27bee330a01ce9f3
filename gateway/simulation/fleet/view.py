"""What a fleet shows: a live leaderboard on a terminal, plain lines elsewhere, and a summary."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.simulation.fleet.cost import ASSUMED, USD_PER_SHARD_HOUR, bill, total_usd
from gateway.simulation.fleet.meter import Spread
from gateway.simulation.fleet.plan import CONNECTS_PER_S, Plan
from gateway.simulation.fleet.scene import Line, Phase, Scene, StreamReport, Summary

#: Seconds between two plain lines, unless something happens.
PLAIN_EVERY_S = 5
#: Lines of the screen that are not racers.
FRAME_LINES = 10
#: Differences between the two leaderboards that are told one by one, and places that are.
TOLD = 5


@contextmanager
def open_view(console: Console) -> Iterator[Callable[[Scene], None]]:
    """Something to show scenes with, as fits the console."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            yield lambda scene: live.update(live_view(scene, console.height), refresh=True)
    else:
        yield PlainView(console)


class PlainView:
    """A line every few seconds, and one whenever another phase begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[Phase, int] | None = None

    def __call__(self, scene: Scene) -> None:
        now = scene.phase, scene.second // PLAIN_EVERY_S
        if now != self._last:
            self._last = now
            self._console.print(plain_line(scene), soft_wrap=True)


def print_plan(console: Console, plan: Plan, target: str) -> None:
    """What is about to happen, and what is assumed of the account."""
    options = plan.options
    races = "one race" if options.races == 1 else f"{options.races} races"
    console.print(
        f"{options.racers:,} racers on {plan.connections:,} connections to {target}: {races} of "
        f"{options.race_s} s, {plan.messages:,} messages",
        soft_wrap=True,
        highlight=False,
    )
    console.print(
        f"{CONNECTS_PER_S} connects a second, {plan.connecting_s:.0f} s in all; AWS allows an "
        "account 500 a second by default, in some regions fewer",
        style="dim",
        soft_wrap=True,
        highlight=False,
    )
    for warning in plan.warnings:
        console.print(warning, style="yellow", soft_wrap=True, highlight=False)


def print_bill(console: Console, plan: Plan) -> None:
    """What that costs if it is AWS."""
    items = bill(plan)
    table = Table("on AWS", "count", "USD/million", "USD", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for item in items:
        table.add_row(item.what, f"{item.count:,}", f"{item.usd_per_million:g}", f"{item.usd:.4f}")
    table.add_row("together", "", "", f"{total_usd(items):.2f}", style="bold")
    console.print(table)
    console.print(
        f"{ASSUMED}. The stream's shards cost {USD_PER_SHARD_HOUR:g} USD an hour each, raced or "
        "not; what reads the stream comes on top.",
        style="dim",
        soft_wrap=True,
        highlight=False,
    )


def print_summary(console: Console, summary: Summary) -> None:
    """For a person."""
    console.print()
    for text, style in _summary_lines(summary):
        console.print(text, style=style, soft_wrap=True, highlight=False)


def summary_json(summary: Summary) -> str:
    """For a program: one line, with every racer's score."""
    return json.dumps({"ok": summary.ok, **asdict(summary)})


def _summary_lines(summary: Summary) -> Iterator[tuple[str, str]]:
    good, bad = "green", "bold red"
    if summary.interrupted:
        yield "interrupted: this is what there is", "yellow"
    yield _sent_line(summary), good if summary.expected == summary.acknowledged else bad
    if summary.set_aside:
        yield f"{summary.set_aside:,} refused three times and set aside: {summary.reason}", bad
    elif summary.drops:
        yield f"{summary.drops:,} connections were lost meanwhile: {summary.reason}", "yellow"
    if summary.leftover:
        yield f"{summary.leftover:,} more were acknowledged that an earlier run had kept", ""
    if summary.stream is not None:
        yield from _stream_lines(summary, summary.stream)
    yield f"from the end of the second to publishing: {_spread(summary.to_publish)}", ""
    yield f"from the end of the second to PUBACK:     {_spread(summary.to_puback)}", ""
    yield f"{summary.cores:.2f} of a core, {summary.peak_mib:.0f} MiB at most", ""
    for place, one in enumerate(summary.leaderboard[:TOLD], start=1):
        where = "" if summary.races == 1 else f", race {one.race_id}"
        yield (
            f"{place}. {one.name} (racer {one.racer_id}{where}): "
            f"{one.best_output:.1f} in second {one.best_second}",
            "bold" if place == 1 else "",
        )


def _spread(spread: Spread) -> str:
    return f"p50 {spread.p50_ms:.0f} ms, p99 {spread.p99_ms:.0f} ms, max {spread.max_ms:.0f} ms"


def _sent_line(summary: Summary) -> str:
    parts = [f"{summary.acknowledged:,} of {summary.expected:,} messages acknowledged"]
    if summary.expected > summary.produced:
        parts.append(f"{summary.expected - summary.produced:,} seconds were not ridden")
    if summary.produced > summary.acknowledged:
        parts.append(f"{summary.produced - summary.acknowledged:,} NOT ACKNOWLEDGED")
    if summary.sent > summary.produced:
        parts.append(f"{summary.sent - summary.produced:,} sent again")
    return ", ".join(parts)


def _stream_lines(summary: Summary, stream: StreamReport) -> Iterator[tuple[str, str]]:
    missing = summary.produced - (stream.records - stream.duplicates)
    verdict = f"{missing:,} MISSING" if missing else "none missing"
    spread = [race_id for race_id, ids in stream.shards.items() if len(ids) > 1]
    shards = f"RACES {spread} ON SEVERAL SHARDS" if spread else "each race on one shard"
    yield (
        f"{stream.records:,} in the stream: {verdict}, {stream.duplicates:,} duplicates, {shards}",
        "bold red" if missing or spread else "green",
    )
    if stream.rule_failures or stream.unreadable:
        yield (
            f"{stream.rule_failures:,} refused by the rule, {stream.unreadable:,} unreadable",
            "bold red",
        )
    if not stream.differences:
        yield (
            f"the backend's leaderboard is the same for all {stream.same_racers:,} racers",
            "green",
        )
        return
    count = len(stream.differences)
    yield f"the backend's leaderboard differs for {count:,} racers (ours → theirs):", "bold red"
    for difference in stream.differences[:TOLD]:
        yield f"  {difference}", "red"


def plain_line(scene: Scene) -> str:
    """Everything but the leaderboard, for a log."""
    parts = [_when(scene), *(f"{text} {total:,}" for text, total, _ in _counts(scene))]
    if scene.latency.max_ms:
        parts.append(_latency(scene))
    if scene.board:
        first = scene.board[0].standing
        parts.append(f"{first.name} leads with {first.best_output:.1f}")
    return " · ".join(parts)


def live_view(scene: Scene, height: int) -> Group:
    """A scene on so many lines of a terminal."""
    heading = Text.assemble(
        ("Alleycat fleet", "bold"),
        f"  {scene.racers:,} racers on {scene.connections:,} connections → {scene.target}",
        no_wrap=True,
        overflow="ellipsis",
    )
    state = Text(_when(scene), style="bold cyan")
    if scene.connected < scene.connections and scene.phase is not Phase.CONNECTING:
        offline = scene.connections - scene.connected
        state.append(f"   {offline:,} offline: {scene.reason}", style="bold red")
    lines = max(3, height - FRAME_LINES)
    return Group(heading, state, _count_table(scene), _board(scene, lines))


def _when(scene: Scene) -> str:
    match scene.phase:
        case Phase.CONNECTING:
            return f"connecting: {scene.connected:,} of {scene.connections:,} are up"
        case Phase.COUNTDOWN:
            return f"start in {scene.second} s"
        case Phase.RACING:
            return f"second {scene.second:3} of {scene.race_s}"
        case Phase.ARRIVING:
            return "race over, waiting for the last acknowledgements"


def _latency(scene: Scene) -> str:
    return f"p50 {scene.latency.p50_ms:.0f} ms, p99 {scene.latency.p99_ms:.0f} ms"


def _counts(scene: Scene) -> Iterator[tuple[str, int, float | None]]:
    """What is counted, how many, and how many a second."""
    yield "produced", scene.produced, scene.produced_per_s
    yield "acknowledged", scene.acknowledged, scene.acknowledged_per_s
    if scene.in_stream is not None:
        yield "in the stream", scene.in_stream, None


def _count_table(scene: Scene) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for text, total, per_s in _counts(scene):
        rate = "" if per_s is None else f"{per_s:,.0f}/s"
        delay = f"{_latency(scene)} after the second's end" if text == "acknowledged" else ""
        table.add_row(text, f"{total:,}", rate, delay)
    return table


def _board(scene: Scene, lines: int) -> Table:
    table = Table(expand=False)
    for title in ("", "±", "racer", "class", "race", "best", "at", "rpm", "%", "W"):
        if title == "race" and scene.races == 1:
            continue
        table.add_column(title, justify="left" if title == "racer" else "right", no_wrap=True)
    for place, line in enumerate(scene.board[:lines], start=1):
        table.add_row(str(place), *_cells(line, with_race=scene.races > 1))
    return table


def _cells(line: Line, *, with_race: bool) -> Iterator[Text | str]:
    standing, sample = line.standing, line.sample
    if line.gained > 0:
        yield Text(f"▲{line.gained}", style="green")
    else:
        yield Text(f"▼{-line.gained}", style="red") if line.gained else ""
    yield standing.name
    yield str(line.class_id)
    if with_race:
        yield str(standing.race_id)
    yield f"{standing.best_output:.1f}"
    yield f"{standing.best_second} s"
    if sample is None:
        yield from ("", "", "")
        return
    yield f"{sample.cadence_rpm:.1f}"
    yield f"{sample.resistance_percent:.1f}"
    yield "" if sample.power_w is None else f"{sample.power_w:.0f}"
