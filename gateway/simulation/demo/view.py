"""What the demo shows: a live leaderboard on a terminal, plain lines elsewhere, and a summary."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.simulation.demo.scene import Scene, Summary
from gateway.status.snapshot import GatewayStatus

#: Seconds between two plain lines, unless something happens.
PLAIN_EVERY_S = 5
#: Lines of the screen that are not racers.
FRAME_LINES = 9


@contextmanager
def open_view(console: Console) -> Iterator[Callable[[Scene], None]]:
    """Something to show scenes with, as fits the console."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, screen=False) as live:
            yield lambda scene: live.update(leaderboard(scene, console.height), refresh=True)
    else:
        yield PlainView(console)


class PlainView:
    """A line every few seconds, and one whenever the network comes or goes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last_second: int | None = None
        self._network_up = True

    def __call__(self, scene: Scene) -> None:
        if scene.network_up != self._network_up:
            self._network_up = scene.network_up
            self._console.print("network restored" if scene.network_up else "network cut")
        second = _second(scene)
        if self._last_second is None or second >= self._last_second + PLAIN_EVERY_S:
            self._last_second = second
            self._console.print(_line(scene), soft_wrap=True)


def print_summary(console: Console, summary: Summary) -> None:
    """For a person."""
    verdict = "nothing lost" if summary.lost == 0 else f"{summary.lost} LOST"
    spread = "each race on one shard" if _unspread(summary) else "A RACE ON SEVERAL SHARDS"
    console.print()
    console.print(
        f"{summary.racers} racers, {summary.race_s} s of racing, {summary.outage_s} s without "
        f"network (up to {summary.most_buffered} messages buffered)",
        soft_wrap=True,
    )
    console.print(
        f"{summary.produced} produced, {summary.in_kinesis} in Kinesis: "
        f"{verdict}, {summary.duplicates} duplicates, {spread}",
        style="green" if summary.ok else "bold red",
        soft_wrap=True,
    )
    for race_id, shards in summary.shards.items():
        console.print(f"race {race_id} → {', '.join(shards)}", soft_wrap=True)
    if summary.leaderboard:
        winner = summary.leaderboard[0]
        console.print(
            f"{winner.name} wins with {winner.best_output:.1f} in second {winner.best_second}"
        )


def summary_json(summary: Summary) -> str:
    """For a program: one line."""
    return json.dumps(asdict(summary))


def _unspread(summary: Summary) -> bool:
    return all(len(shards) == 1 for shards in summary.shards.values())


def _second(scene: Scene) -> int:
    """Seconds into the race; negative before it, at most its length."""
    return min((scene.now_ms - scene.race.start_ms) // 1000, scene.race.length_s)


def _line(scene: Scene) -> str:
    leader = scene.standings[0] if scene.standings else None
    ahead = f" · {leader.name} leads with {leader.best_output:.1f}" if leader else ""
    return (
        f"{_when(scene)} · network {'up' if scene.network_up else 'DOWN'} · "
        f"{scene.produced} produced · {scene.buffered} buffered · "
        f"{scene.in_kinesis} in Kinesis{ahead}"
    )


def _when(scene: Scene) -> str:
    second = _second(scene)
    if second < 0:
        return f"start in {-second} s"
    if second >= scene.race.length_s:
        return "race over, waiting for the last messages"
    return f"second {second:3} of {scene.race.length_s}"


def leaderboard(scene: Scene, height: int) -> Group:
    """Everything of a scene, on so many lines."""
    network = Text("up", style="green") if scene.network_up else Text("DOWN", style="bold red")
    heading = Text.assemble(
        ("Alleycat", "bold"), f"  race {scene.race.race_id}  {_when(scene)}  network ", network
    )
    counts = Text(
        f"{scene.produced} produced   {scene.buffered} buffered   {scene.in_kinesis} in Kinesis",
        style="dim",
    )
    return Group(heading, _table(scene, max(3, height - FRAME_LINES)), counts)


def _table(scene: Scene, lines: int) -> Table:
    table = Table(expand=False)
    for title in ("", "racer", "best", "at", "rpm", "%", "W", "buffer", "cloud"):
        left = title in ("racer", "cloud")
        width = len("connected") if title == "cloud" else None
        table.add_column(title, justify="left" if left else "right", no_wrap=True, min_width=width)
    statuses = {status.bikes[0].racer_name: status for status in scene.gateways}
    ranked = [standing.name for standing in scene.standings]
    unranked = [name for name in statuses if name not in ranked]
    best = {standing.name: standing for standing in scene.standings}
    for place, name in enumerate([*ranked, *unranked][:lines], start=1):
        standing = best.get(name)
        table.add_row(
            str(place) if standing else "",
            name,
            f"{standing.best_output:.1f}" if standing else "",
            f"{standing.best_second} s" if standing else "",
            *_bike_and_cloud(statuses[name]),
        )
    if len(statuses) > lines:
        table.add_row("", f"… and {len(statuses) - lines} more")
    return table


def _bike_and_cloud(status: GatewayStatus) -> Iterator[Text | str]:
    sample = status.bikes[0].sample
    if sample is None:
        yield from ("", "", "")
    else:
        yield f"{sample.cadence_rpm:.1f}"
        yield f"{sample.resistance_percent:.1f}"
        yield "" if sample.power_w is None else f"{sample.power_w:.0f}"
    depth = status.buffer.depth
    yield Text(str(depth), style="yellow") if depth > 1 else str(depth)
    connected = status.cloud.state == "connected"
    yield Text("connected" if connected else "offline", style="green" if connected else "red")
