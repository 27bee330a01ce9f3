"""A calibration's curve, drawn with characters: percent against the bike's own number.

This is our own code because the plotting libraries that we found draw in braille only or keep one
global figure, and because there is only one kind of picture.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.units import number

#: The width of the labels left of the plot, "100 % ┤".
GUTTER = 7
#: Rows in addition to the plot: the legend, the axis, and its numbers.
OTHER_ROWS = 3
#: The width of a number below the axis, in columns.
TICK_COLUMNS = 8
#: The period of the old, dashed curve in dots; half of each period is drawn.
DASH = 8

#: A braille character has 2 × 4 dots, one bit each (Unicode, Braille Patterns).
_BRAILLE = 0x2800
_DOT_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))

NEW, OLD, HERE, DIM = "bold cyan", "yellow", "bold magenta", "dim"

#: Characters of the plot and their styles, by (row, column) from the top left.
Letters = dict[tuple[int, int], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Look:
    """The characters of a plot."""

    up: str
    down: str
    here: str
    #: The curves, as the legend shows them.
    new: str
    old: str
    upright: str
    upright_tick: str
    corner: str
    level: str
    level_tick: str
    #: The dots of a character in each direction.
    dots_x: int
    dots_y: int


FINE = _Look("●", "○", "◆", "⠒⠒", "⠒ ⠒", "│", "┤", "└", "─", "┴", 2, 4)
PLAIN = _Look("o", "x", "@", "**", "..", "|", "+", "+", "-", "+", 1, 1)


@dataclass(frozen=True, slots=True)
class CurveView:
    """A plot of `height` lines and of `width` columns, or the width of the console.

    `points`: the captured points. `table`: the new curve; None for points alone. `here`: the bike's
    number now. ASCII is used if the console is not UTF-8, or is in text mode, whose font lacks the
    other characters.
    """

    points: Sequence[CapturedPoint] = ()
    table: CalibrationTable | None = None
    old: CalibrationTable | None = None
    here: float | None = None
    width: int = 76
    height: int = 12

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        is_plain = options.ascii_only or os.environ.get("TERM") == "linux"
        columns = min(self.width, options.max_width) - GUTTER
        yield from _TextPlot(self, PLAIN if is_plain else FINE, columns).lines()


class _TextPlot:
    def __init__(self, view: CurveView, look: _Look, columns: int) -> None:
        self._view, self._look = view, look
        self._columns, self._rows = columns, view.height - OTHER_ROWS
        self._has_raws = any((view.points, view.table, view.old, view.here is not None))
        self._low, self._high = raw_span(view.points, (view.table, view.old), view.here)

    def lines(self) -> Iterator[Text]:
        yield self._legend()
        letters = self._letters()
        per_row = {self._row(percent): percent for percent in _percents(self._rows)}
        for row in range(self._rows):
            label = f"{per_row[row]:3d} % {self._look.upright_tick}" if row in per_row else ""
            line = Text(label or self._look.upright.rjust(GUTTER), DIM, no_wrap=True)
            for column in range(self._columns):
                line.append(*letters.get((row, column), (" ", "")))
            yield line
        yield from self._axis()

    def _letters(self) -> Letters:
        """Return all characters; later ones replace earlier ones."""
        view, look = self._view, self._look
        letters: Letters = {}
        if view.old is not None:
            letters |= self._curve(view.old, OLD, look.old[0], is_dashed=True)
        if view.table is not None:
            letters |= self._curve(view.table, NEW, look.new[0], is_dashed=False)
        for point in view.points:
            mark = look.up if point.direction == "up" else look.down
            letters[self._place(point.raw, point.percent)] = mark, NEW
        curve = view.table or view.old
        if view.here is not None and curve is not None:
            letters[self._place(view.here, curve.percent_at(view.here))] = look.here, HERE
        return letters

    def _curve(
        self, table: CalibrationTable, style: str, letter: str, *, is_dashed: bool
    ) -> Letters:
        """Draw the curve dot by dot from left to right, without gaps where it is steep."""
        look = self._look
        bits: defaultdict[tuple[int, int], int] = defaultdict(int)
        drawn, last = 0, None
        for x in range(self._columns * look.dots_x):
            share = (x + 0.5) / (self._columns * look.dots_x)
            percent = table.percent_at(self._low + share * (self._high - self._low))
            y = _step(100 - percent, 100, self._rows * look.dots_y)
            for dot in _on_the_way(last, y):
                if not is_dashed or drawn % DASH < DASH / 2:
                    place = dot // look.dots_y, x // look.dots_x
                    bits[place] |= _DOT_BITS[x % look.dots_x][dot % look.dots_y]
                drawn += 1
            last = y
        is_fine = look.dots_x > 1
        return {
            place: (chr(_BRAILLE + b) if is_fine else letter, style) for place, b in bits.items()
        }

    def _place(self, raw: float, percent: float) -> tuple[int, int]:
        return self._row(percent), self._column(raw)

    def _row(self, percent: float) -> int:
        return _step(100 - percent, 100, self._rows)

    def _column(self, raw: float) -> int:
        return _step(raw - self._low, self._high - self._low, self._columns)

    def _legend(self) -> Text:
        view, look = self._view, self._look
        directions = {point.direction for point in view.points}
        shown = [
            (look.up, "up", NEW, "up" in directions),
            (look.down, "down", NEW, "down" in directions),
            (look.new, "curve" if view.old is None else "new", NEW, view.table is not None),
            (look.old, "old", OLD, view.old is not None),
            (
                look.here,
                "now",
                HERE,
                view.here is not None and (view.table or view.old) is not None,
            ),
        ]
        line = Text(" " * GUTTER, no_wrap=True)
        for mark, words, style, is_there in shown:
            if is_there:
                line.append(mark, style).append(f" {words}  ", DIM)
        line.truncate(GUTTER + self._columns)
        return line

    def _axis(self) -> Iterator[Text]:
        look = self._look
        rule = [look.level] * self._columns
        numbers = [" "] * (GUTTER + self._columns)
        most = max(1, self._columns // TICK_COLUMNS) if self._has_raws else 0
        for raw in round_numbers(self._low, self._high, most):
            column, text = self._column(raw), number(raw)
            rule[column] = look.level_tick
            start = min(max(0, GUTTER + column - len(text) // 2), len(numbers) - len(text))
            numbers[start : start + len(text)] = text
        numbers[: len("raw")] = "raw"
        yield Text(look.corner.rjust(GUTTER) + "".join(rule), DIM, no_wrap=True)
        yield Text("".join(numbers), DIM, no_wrap=True)


def _step(part: float, whole: float, steps: int) -> int:
    """Return the index of the step that contains `part`, of `steps` in 0 … `whole`."""
    return min(steps - 1, max(0, int(part / whole * steps)))


def _on_the_way(last: int | None, y: int) -> range:
    """Return the dots of a column, from the end of the previous column to `y`."""
    if last is None or abs(y - last) <= 1:
        return range(y, y + 1)
    return range(last + 1, y + 1) if y > last else range(last - 1, y - 1, -1)


def _percents(rows: int) -> Sequence[int]:
    """Return the percentages that label the axis."""
    return range(0, 101, 25) if rows >= 5 else (0, 100)


#: The margin on either side of the plot, as a share of the range.
MARGIN = 0.02


def raw_span(
    points: Sequence[CapturedPoint],
    tables: Sequence[CalibrationTable | None],
    here: float | None = None,
) -> tuple[float, float]:
    """Return the range of the raw values in the picture, with a margin."""
    raws = [raw for table in tables if table is not None for raw, _ in table.points]
    raws += [point.raw for point in points]
    raws += [] if here is None else [here]
    low, high = min(raws, default=0.0), max(raws, default=1.0)
    margin = (high - low) * MARGIN if high > low else 1.0
    return low - margin, high + margin


def round_numbers(low: float, high: float, most: int) -> Iterator[float]:
    """Yield about `most` multiples of 1, 2 or 5 × 10ⁿ, at most one more, in low … high."""
    if most < 1:
        return
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    for count in range(ceil(low / step), floor(high / step) + 1):
        yield count * step
