"""The picture of a calibration: its curve and its points, as an SVG file."""

from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape

from gateway.calibrating.view.curve import raw_span, round_numbers
from gateway.calibrating.view.points import PointRow, is_both_ways, point_rows
from gateway.calibrating.view.scales import scale_words
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CalibrationRecord, CapturedPoint
from gateway.terminal.printable import printable
from gateway.terminal.units import counted, number

WIDTH, HEIGHT, MARGIN = 880, 560, 28
#: The edges of the plot.
LEFT, TOP, RIGHT, BOTTOM = 72, 122, 616, 492
#: The table of points: the right edges of its columns, and its rows.
EDGES = (672, 722, 762, 812, 852)
ROW, MOST_ROWS = 19, 19

STYLE = (
    ".card{fill:#ffffff;stroke:#d1d9e0} .plot{fill:#f6f8fa} .line{stroke:#d1d9e0}"
    " .ink{fill:#1f2328} .muted{fill:#59636e} .new-text{fill:#0969da}"
    " .new{fill:none;stroke:#0969da;stroke-width:2.5;stroke-linejoin:round}"
    " .old{fill:none;stroke:#bc4c00;stroke-width:2;stroke-dasharray:7 5;stroke-linejoin:round}"
    " .up{fill:#0969da;stroke:#ffffff;stroke-width:1.5}"
    " .down{fill:#ffffff;stroke:#0969da;stroke-width:2}"
)


def curve_picture(record: CalibrationRecord, old: CalibrationTable | None = None) -> str:
    """Return the text of a self-contained SVG file; `old`: the previous curve, dashed."""
    table = record.calibration.table
    plot = _SvgPlot(*raw_span(record.points, (table, old)))
    title = f"{record.bike_id}, calibrated on {record.made_at:%Y-%m-%d}"
    shapes = [
        text(MARGIN, 44, title, "ink bold", size=20),
        text(MARGIN, 65, record.device, "muted"),
        text(MARGIN, 82, _conditions(record), "muted"),
        *_legend(record.points, has_curve=table is not None, has_old=old is not None),
        *plot.axes(record.quantity),
        *([] if old is None else [plot.curve(old, "old")]),
        *([] if table is None else [plot.curve(table, "new")]),
        *(plot.point(point) for point in record.points),
        *_table(record.points),
    ]
    return document(WIDTH, HEIGHT, title, STYLE, shapes)


def _conditions(record: CalibrationRecord) -> str:
    conditions = [counted(len(record.points), "point")]
    if record.rate_hz is not None:
        conditions.append(f"{record.rate_hz:.1f} Hz")
    if record.cadence_rpm is not None:
        conditions.append(f"at {record.cadence_rpm:.0f} rpm")
    return " · ".join(
        [*conditions, *scale_words(record), f"{record.made_at:%H:%M} UTC", record.made_by]
    )


def _legend(points: Sequence[CapturedPoint], *, has_curve: bool, has_old: bool) -> Iterator[str]:
    """Yield the legend, in a row above the plot."""
    x, y = LEFT, TOP - 14
    directions = {point.direction for point in points}
    for name, is_there in (("new", has_curve), ("old", has_old)):
        if is_there:
            yield polyline([(x, y - 4), (x + 26, y - 4)], name)
            yield text(x + 33, y, name if has_old else "curve", "muted")
            x += 76
    for direction in ("up", "down"):
        if direction in directions:
            yield circle(x + 6, y - 4, 5, direction)
            yield text(x + 17, y, f"turned {direction}", "muted")
            x += 108


class _SvgPlot:
    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def _x(self, raw: float) -> float:
        return LEFT + (raw - self._low) / (self._high - self._low) * (RIGHT - LEFT)

    def _y(self, percent: float) -> float:
        return BOTTOM - percent / 100 * (BOTTOM - TOP)

    def axes(self, quantity: str) -> Iterator[str]:
        yield (
            f'<rect x="{LEFT}" y="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"'
            ' class="plot"/>'
        )
        for percent in range(0, 101, 10):
            y = self._y(percent)
            yield line(LEFT, y, RIGHT, y, dashed=percent % 50 != 0)
            yield text(LEFT - 10, y + 4, f"{percent} %", "muted end")
        for raw in round_numbers(self._low, self._high, 8):
            x = round(self._x(raw), 1)
            yield line(x, TOP, x, BOTTOM, dashed=True)
            yield text(x, BOTTOM + 19, number(raw), "muted middle")
        what = "raw value" if quantity == "raw" else "percent"
        yield text((LEFT + RIGHT) / 2, BOTTOM + 44, f"{what}, as the bike sends it", "ink middle")

    def curve(self, table: CalibrationTable, style: str) -> str:
        """Draw a curve from edge to edge: beyond its ends a table returns the end's percent."""
        raws = [self._low, *(raw for raw, _ in table.points), self._high]
        return polyline([(self._x(raw), self._y(table.percent_at(raw))) for raw in raws], style)

    def point(self, point: CapturedPoint) -> str:
        return circle(self._x(point.raw), self._y(point.percent), 5, point.direction)


def _table(points: Sequence[CapturedPoint]) -> Iterator[str]:
    is_both = is_both_ways(points)
    y, edges = TOP + 8, EDGES[:5] if is_both else EDGES[:4]
    names = ("%", "up", "noise", "down", "noise") if is_both else ("%", "raw", "noise", "n")
    rows = point_rows(points)
    for name, x in zip(names, edges, strict=True):
        yield text(x, y, name, "muted end")
    yield line(EDGES[0] - 32, y + 7, edges[-1], y + 7)
    for row in rows[:MOST_ROWS]:
        y += ROW
        cells = _cells(row, is_both=is_both)
        for cell, x in zip(cells, edges, strict=True):
            yield text(x, y, cell, "ink end")
    if len(rows) > MOST_ROWS:
        rest = f"{len(rows) - MOST_ROWS} more"
        yield text(edges[-1], y + ROW, f"… {rest}", "muted end")


def _cells(row: PointRow[CapturedPoint], *, is_both: bool) -> list[str]:
    cells = [f"{row.percent:g}"]
    for point in (row.up, row.down) if is_both else (row.up or row.down,):
        cells += ["", ""] if point is None else [number(point.raw), number(point.noise)]
    only = None if is_both else row.up or row.down
    return cells if only is None else [*cells, str(only.samples)]


FONT = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"

#: The classes of `text` in addition to a colour.
TEXT_STYLE = "text.bold{font-weight:600} text.end{text-anchor:end} text.middle{text-anchor:middle}"


def text(x: float, y: float, words: str, style: str = "ink", *, size: float = 12) -> str:
    """Return a text element. `style`: a colour, and "bold", "end" or "middle"; `y`: base line."""
    content = escape(printable(words))
    return f'<text x="{x:g}" y="{y:g}" class="{style}" font-size="{size:g}">{content}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> str:
    """Return a line element of class "line"."""
    dashes = ' stroke-dasharray="2 3"' if dashed else ""
    return f'<path d="M{x1:g} {y1:g} L{x2:g} {y2:g}" class="line"{dashes}/>'


def polyline(points: Sequence[tuple[float, float]], style: str) -> str:
    """Return a line through all (x, y); `style`: a class that defines the stroke."""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{places}" class="{style}"/>'


def circle(x: float, y: float, radius: float, style: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{style}"/>'


def document(width: int, height: int, description: str, style: str, shapes: Iterable[str]) -> str:
    """Return a whole file: `shapes` on a card of class "card"; `style`: the classes as CSS."""
    card = f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6" class="card"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img" font-family="{FONT}">',
            f"<title>{escape(printable(description))}</title>",
            f"<style>{TEXT_STYLE} {style}</style>",
            card,
            *shapes,
            "</svg>\n",
        ]
    )
