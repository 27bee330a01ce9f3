"""A calibration before it is accepted: its points, the checks, old against new, the curve."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.calibrating.view.curve import CurveView
from gateway.calibrating.view.layout import (
    GAP,
    LEAST_COLUMNS,
    LEAST_ROWS,
    MOST_ROWS,
    beside,
    cut,
    heading,
    legend_line,
)
from gateway.calibrating.view.point_table import point_table, table_width
from gateway.calibrating.view.screen import Review, Target
from gateway.terminal.finding import Finding, State
from gateway.terminal.units import counted, one_line

#: Lines of a page beside its body: heading, question, keys, and two that are empty.
FRAME = 5

STYLES = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}


def review_pages(console: Console, review: Review, width: int, height: int) -> list[RenderableType]:
    """One page where there is room for all, else more; each of at most `height` lines.

    The curve stands beside the points where there is room for it, else on a page of its own.
    """
    room = height - FRAME
    notes = _notes(review)
    lines = console.render_lines(notes, console.options.update(width=width), pad=False)
    left = room - len(lines) - 1
    targets = [Target(point.percent, point.direction, point) for point in review.record.points]
    if not targets:
        return [_page(review, [notes], 1, 1)]
    points = point_table(targets, old=review.old_table, most=room)
    columns = width - table_width(targets, has_old=review.old_table is not None) - GAP
    rows = min(left, MOST_ROWS)
    if columns >= LEAST_COLUMNS and rows >= max(LEAST_ROWS, len(points.rows) + 1):
        bodies: list[list[RenderableType]] = [
            [beside(points, _curve(review, columns, rows)), "", notes]
        ]
    else:
        fit = len(points.rows) + 1 <= left
        bodies = [[points, "", notes]] if fit else [[points], [notes]]
        bodies.append([_curve(review, width, min(room, MOST_ROWS))])
    return [_page(review, body, n, len(bodies)) for n, body in enumerate(bodies, start=1)]


def _page(review: Review, body: Sequence[RenderableType], number: int, count: int) -> Group:
    about = f"{counted(len(review.record.points), 'point')}; until now {review.old_from}"
    if count > 1:
        about += f"; page {number} of {count}"
    question = cut(review.question, "bold")
    keys = {**review.keys, " ": "next page"} if count > 1 else review.keys
    title = heading(review.record.bike_id, about, "")
    return Group(title, "", *body, "", question, legend_line(keys))


def _notes(review: Review) -> Group:
    was, will_be = review.old.cadence_scale, review.record.cadence_scale
    scales = [cut(f"cadence: was × {was:g}, will be × {will_be:g}", "")]
    return Group(*(scales if was != will_be else []), findings_table(review.findings))


def findings_table(findings: Sequence[Finding]) -> RenderableType:
    """What is well in a line, the rest each on its own, with what to do."""
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
