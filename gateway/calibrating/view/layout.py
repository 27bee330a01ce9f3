"""The live screen of `calibrate`, laid out for a terminal of 80 × 24 or more."""

from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.bike.link import LinkState
from gateway.calibrating.view.curve import CurveView
from gateway.calibrating.view.events import figure_words, link_words
from gateway.calibrating.view.point_table import point_table, table_width
from gateway.calibrating.view.screen import (
    LiveFigures,
    Screen,
    Step,
    legend,
)
from gateway.terminal.units import one_line

#: Lines of the live screen above the points, and below them.
ABOVE, BELOW = 9, 2
#: A curve that is lower, or narrower, says nothing; one that is higher, no more.
LEAST_ROWS, LEAST_COLUMNS, MOST_ROWS = 7, 34, 18
BAR_WIDTH = 32
#: Columns of the bar and its share, "  62%  ".
BESIDE_BAR = BAR_WIDTH + 8
GAP = 3

DIM, NOW, DONE = "dim", "bold cyan", "green"


def screen_layout(screen: Screen, width: int, height: int) -> RenderableType:
    """At most `height` lines; each thing keeps its place while the session goes on."""
    room = height - ABOVE - BELOW
    hint = _hint(screen.step, width)
    return Group(
        heading(screen.bike_id, link_words(screen.figures), _link_style(screen.figures)),
        _figures(screen.figures),
        cut("; ".join(screen.figures.warnings), "yellow"),
        *_step(screen.step, "" if hint or screen.step is None else screen.step.doing),
        cut(screen.last, DONE),
        cut(hint, DIM),
        _points(screen, width, room),
        "",
        legend_line(screen.keys),
    )


def legend_line(keys: Mapping[str, str]) -> Text:
    """ "Enter capture   r redo   q quit"."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for names, what in legend(keys):
        line.append(names, "bold").append(f" {what}   ", DIM)
    return line


def heading(name: str, words: str, style: str) -> Text:
    text = Text.assemble((name, "bold"), "  ", (one_line(words), style), no_wrap=True)
    text.overflow = "ellipsis"
    return text


def cut(words: str, style: str) -> Text:
    return Text(one_line(words), style, no_wrap=True, overflow="ellipsis")


def _link_style(figures: LiveFigures) -> str:
    return DIM if figures.link is LinkState.CONNECTED else "yellow"


def _figures(figures: LiveFigures) -> Table:
    grid = Table.grid(padding=(0, 1))
    for column_width in (8, 11, 8, 16, 5, 8):
        grid.add_column(width=column_width, no_wrap=True, overflow="ellipsis")
    cells: list[Text] = []
    for name, value in [*figure_words(figures), ("", "")]:
        cells += [Text(name, DIM), Text(value or "-" * bool(name), "bold" if value else DIM)]
    for row in range(0, len(cells), 6):
        grid.add_row(*cells[row : row + 6])
    return grid


def _hint(step: Step | None, width: int) -> str:
    """What is done in that step, if it finds no room beside the bar."""
    doing = "" if step is None else one_line(step.doing)
    return doing if cell_len(doing) > width - BESIDE_BAR else ""


def _step(step: Step | None, doing: str) -> Iterator[RenderableType]:
    """Two lines."""
    if step is None:
        yield from ("", "")
        return
    yield heading(f"{step.number} of {step.count}", step.instruction, NOW)
    bar = Table.grid(padding=(0, 2))
    bar.add_column(width=BAR_WIDTH)
    bar.add_column(no_wrap=True, overflow="ellipsis")
    if step.hold is None:
        bar.add_row("", Text(one_line(doing), DIM))
    else:
        share = ProgressBar(total=1, completed=step.hold, width=BAR_WIDTH, complete_style=NOW)
        bar.add_row(share, Text(f"{step.hold:4.0%}  {one_line(doing)}", DIM))
    yield bar


def _points(screen: Screen, width: int, room: int) -> RenderableType:
    """The points, and beside them their curve as it grows."""
    if not screen.targets:
        return ""
    at = 0 if screen.step is None else screen.step.number
    now = screen.targets[at - 1] if 0 < at <= len(screen.targets) else None
    table = point_table(screen.targets, now, most=room)
    columns = width - table_width(screen.targets) - GAP
    if room < LEAST_ROWS or columns < LEAST_COLUMNS:
        return table
    rows = min(room, MOST_ROWS)
    here = screen.figures.filtered
    return beside(table, CurveView(screen.points, screen.table, None, here, columns, rows))


def beside(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_row(left, right)
    return grid
