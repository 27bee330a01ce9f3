"""The layout of the screens of `calibrate` for a terminal of 80 × 24 or more."""

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.bike.link import LinkState
from gateway.calibrating.view.curve import CurveView
from gateway.calibrating.view.events import figure_words, link_words
from gateway.calibrating.view.points import point_table, table_width
from gateway.calibrating.view.scales import scale_changes
from gateway.calibrating.view.screen import (
    LiveFigures,
    Review,
    Screen,
    ShownTarget,
    Step,
    legend,
)
from gateway.terminal.finding import Finding, State
from gateway.terminal.printable import one_line
from gateway.terminal.units import counted

#: The number of lines of the live screen above and below the points.
ABOVE, BELOW = 9, 2
#: The smallest legible curve, and the height above which a curve shows nothing more.
LEAST_ROWS, LEAST_COLUMNS, MOST_ROWS = 7, 34, 18
BAR_WIDTH = 32
#: The width of the bar and its share, "  62%  ", in columns.
BAR_AREA = BAR_WIDTH + 8
GAP = 3

DIM, NOW, DONE = "dim", "bold cyan", "green"


def screen_layout(screen: Screen, width: int, height: int) -> RenderableType:
    """Lay out a screen in at most `height` lines; everything stays in its place."""
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
    """Return a line such as "Enter capture   r redo   q quit"."""
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
    """Return the state of the step if it does not fit next to the bar, else nothing."""
    doing = "" if step is None else one_line(step.doing)
    return doing if cell_len(doing) > width - BAR_AREA else ""


def _step(step: Step | None, doing: str) -> Iterator[RenderableType]:
    """Yield two lines."""
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
    """Return the points, and next to them their curve as it grows."""
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
    return side_by_side(table, CurveView(screen.points, screen.table, None, here, columns, rows))


def side_by_side(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_row(left, right)
    return grid


#: Lines of a page in addition to its body: heading, question, keys, and two empty lines.
FRAME = 5

STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}


def review_pages(console: Console, review: Review, width: int, height: int) -> list[RenderableType]:
    """Lay out a review in one page if it fits, else in several of at most `height` lines.

    The curve is next to the points if it fits there, else on a page of its own.
    """
    room = height - FRAME
    notes = _notes(review)
    lines = console.render_lines(notes, console.options.update(width=width), pad=False)
    left = room - len(lines) - 1
    targets = [ShownTarget(point.percent, point.direction, point) for point in review.record.points]
    if not targets:
        return [_page(review, [notes], 1, 1)]
    points = point_table(targets, old=review.old_table, most=room)
    columns = width - table_width(targets, has_old=review.old_table is not None) - GAP
    rows = min(left, MOST_ROWS)
    if columns >= LEAST_COLUMNS and rows >= max(LEAST_ROWS, len(points.rows) + 1):
        bodies: list[list[RenderableType]] = [
            [side_by_side(points, _curve(review, columns, rows)), "", notes]
        ]
    else:
        fit = len(points.rows) + 1 <= left
        bodies = [[points, "", notes]] if fit else [[points], [notes]]
        bodies.append([_curve(review, width, min(room, MOST_ROWS))])
    return [_page(review, body, n, len(bodies)) for n, body in enumerate(bodies, start=1)]


def _page(review: Review, body: Sequence[RenderableType], number: int, count: int) -> Group:
    about = f"{counted(len(review.record.points), 'point')}; in use now: {review.old_from}"
    if count > 1:
        about += f"; page {number} of {count}"
    question = cut(review.question, "bold")
    keys = {**review.keys, " ": "next page"} if count > 1 else review.keys
    title = heading(review.record.bike_id, about, "")
    return Group(title, "", *body, "", question, legend_line(keys))


def _notes(review: Review) -> Group:
    changes = (cut(words, "") for words in scale_changes(review.old, review.record))
    return Group(*changes, findings_table(review.findings))


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """List the good findings in one line, and each other one on its own with its remedy."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    well = [one.name for one in findings if one.state is State.OK]
    if well:
        grid.add_row(Text(State.OK, STYLES[State.OK]), Text(", ".join(well)))
    for one in findings:
        if one.state is not State.OK:
            words = Text(one_line(one.what))
            if one.remedy:
                words.append(f"\n{one_line(one.remedy)}", "bold")
            grid.add_row(Text(one.state, STYLES[one.state]), words)
    return grid


def _curve(review: Review, width: int, height: int) -> CurveView:
    points, here = review.record.points, review.here
    return CurveView(points, review.table, review.old_table, here, width, height)
