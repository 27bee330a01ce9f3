"""Output of demo and fleet: a live leaderboard (plain lines if not on a terminal), a summary."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.simulation.account import BAD, GOOD, NOTABLE, account_lines, class_lines
from gateway.simulation.board import board_table, results_table
from gateway.simulation.cloud.leaderboard import Standing
from gateway.simulation.race_bar import race_bar
from gateway.simulation.scene import MessageCount, Scene, Summary
from gateway.simulation.words import heading, troubles, when
from gateway.terminal.live import Event, open_live_view
from gateway.terminal.unpadded import Unpadded
from gateway.timing.units import NS_PER_S

#: Lines of the screen that show neither racers nor counts: heading, moment, bar, an empty line, the
#: table's head (2), and the number of hidden racers.
FRAME_LINES = 7
#: A summary lists the results of at most this many racers: by default, all of a demo's.
RESULTS_LISTED = 8
#: Before each line of a summary, by its style.
MARKS = {GOOD: "✓ ", BAD: "✗ ", NOTABLE: "! ", "": "  "}
#: The same where the encoding may lack those.
ASCII_MARKS = MARKS | {GOOD: "+ ", BAD: "x "}


@contextmanager
def open_view(console: Console) -> Iterator[Callable[[Scene], None]]:
    """Yield a function that shows a scene.

    If the race is broken off, so that no summary follows, its last scene stays visible.
    """
    script = RaceScript()
    last: Scene | None = None

    def show(scene: Scene) -> None:
        nonlocal last
        last = scene
        view.show(scene, scene.at_ns)

    try:
        with open_live_view(console, script) as view:
            yield show
    except BaseException:
        if console.is_terminal and last is not None:
            console.print(script.draw(last, console.width, console.height - 1))
        raise


class RaceScript:
    """The Script of a race."""

    figures_every_ns = 5 * NS_PER_S

    def __init__(self) -> None:
        self._before: Scene | None = None

    def draw(self, screen: Scene, width: int, height: int) -> RenderableType:
        """Return as much of a scene as fits the terminal."""
        rows = max(3, height - FRAME_LINES - len(screen.counts))
        parts: list[RenderableType] = [
            _heading(screen),
            _state(screen),
            race_bar(screen, width),
            _count_table(screen),
        ]
        if screen.board:
            board = board_table(screen.board[:rows], width, with_race=screen.races > 1)
            parts += [Text(), board]
        if screen.board and screen.racers > rows:
            parts.append(Text(f"… and {screen.racers - rows:,} more", style="dim"))
        return Group(*parts)

    def moment(self, screen: Scene) -> object:
        """Return the parts whose change is drawn at once: the second and the network."""
        return screen.moment, screen.network_is_up

    def events(self, screen: Scene, now_ns: int) -> Iterator[Event]:
        """Yield the network's failure and return, and each new stage of the race."""
        before, self._before = self._before, screen
        if before is None:
            return
        if screen.network_is_up != before.network_is_up:
            yield Event("network", f"network {'restored' if screen.network_is_up else 'cut'}")
        if screen.moment.stage is not before.moment.stage:
            yield Event("stage", when(screen))

    def figures(self, screen: Scene) -> Event:
        """Return one line for a log: everything except the leaderboard."""
        parts = [when(screen), *troubles(screen)]
        parts += [f"{count.where} {count.total:,}" for count in screen.counts]
        parts += [_latency(count) for count in screen.counts if _latency(count)]
        if screen.board and (first := screen.board[0].standing):
            parts.append(f"{first.name} leads with {_leading_number(first)}")
        return Event("figures", " · ".join(parts))


def _heading(scene: Scene) -> Text:
    return Text.assemble(
        ("Alleycat", "bold"), f"  {heading(scene)}", no_wrap=True, overflow="ellipsis"
    )


def _state(scene: Scene) -> Text:
    state = Text(when(scene), style="bold cyan", no_wrap=True, overflow="ellipsis")
    for trouble in troubles(scene):
        state.append(f"   {trouble}", style=BAD)
    return state


def _latency(count: MessageCount) -> str:
    if count.latency is None or not count.latency.max_ms:
        return ""
    return f"p50 {count.latency.p50_ms:.0f} ms, p99 {count.latency.p99_ms:.0f} ms"


def _count_table(scene: Scene) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for count in scene.counts:
        rate = "" if count.per_s is None else f"{count.per_s:,.0f}/s"
        delay = f"{_latency(count)} after the second's end" if _latency(count) else ""
        table.add_row(count.where, f"{count.total:,}", rate, delay)
    return table


def _leading_number(standing: Standing) -> str:
    """Return the number by which a standing is ranked, with its name."""
    if standing.final_result is None:
        return f"{standing.here_now:.1f} (here now)"
    return f"{standing.final_result:.1f} (final result)"


def print_summary(console: Console, summary: Summary) -> None:
    """Print the summary for a person. In a file, no line is wrapped."""
    unwrapped = not console.is_terminal
    marks = ASCII_MARKS if console.options.ascii_only else MARKS
    console.print()
    for text, style in account_lines(summary):
        line = Text(f"{marks[style]}{text}", style)
        console.print(line, soft_wrap=unwrapped)
    if board := summary.leaderboard:
        with_race = len({one.race_id for one in board}) > 1
        results = results_table(board[:RESULTS_LISTED], console.width, with_race=with_race)
        console.print(Text(), Unpadded(results), sep="\n")
    for text in class_lines(summary):
        console.print(Text(text), soft_wrap=unwrapped)


def summary_json(summary: Summary) -> str:
    """Return the summary as one line of JSON: flat, except for the stream and the leaderboard."""
    fields = {"ok": summary.ok, **asdict(summary)}
    fields["class_board"] = [_record(one) for one in summary.class_board]
    for part in ("outage", "delivery"):
        fields.update(fields.pop(part) or {})
    if summary.outage and (stream := summary.stream):
        fields["in_kinesis"] = stream.arrived
        fields["lost"] = summary.produced - stream.arrived
        fields["duplicates"] = stream.duplicates
        fields["shards"] = stream.shards
        fields["rule_failures"] = stream.rule_failures
    return json.dumps(fields)


def _record(standing: Standing) -> dict[str, Any]:
    """Return an entry of the class board, with the race in which the record was ridden."""
    names = ("class_id", "racer_id", "name", "personal_record", "race_id")
    return {name: getattr(standing, name) for name in names}
