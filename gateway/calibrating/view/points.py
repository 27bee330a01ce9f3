"""The table of a calibration's points: one row per percent, both directions side by side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Generic, Protocol, TypeVar

from rich.table import Table
from rich.text import Text

from gateway.calibrating.view.screen import ShownTarget, percent_words, spread
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import Direction
from gateway.terminal.units import number


class Placed(Protocol):
    """A captured point or a target."""

    @property
    def percent(self) -> float: ...

    @property
    def direction(self) -> Direction: ...


P = TypeVar("P", bound=Placed)


@dataclass(frozen=True, slots=True)
class PointRow(Generic[P]):
    percent: float
    up: P | None = None
    down: P | None = None


def point_rows(points: Sequence[P]) -> list[PointRow[P]]:
    """Return rows by rising percent; a later point replaces one at the same place."""
    places = {(point.percent, point.direction): point for point in points}
    return [
        PointRow(percent, places.get((percent, "up")), places.get((percent, "down")))
        for percent in sorted({point.percent for point in points})
    ]


def is_both_ways(points: Iterable[Placed]) -> bool:
    return len({point.direction for point in points}) > 1


NOW, DIM = "bold cyan", "dim"
#: The widths of the columns: percent, raw and spread (for each direction), samples, old percent.
PERCENT, RAW, SPREAD, SAMPLES, WAS = 6, 8, 5, 4, 8


def point_table(
    targets: Sequence[ShownTarget],
    now: ShownTarget | None = None,
    old: CalibrationTable | None = None,
    most: int = 1000,
) -> Table:
    """Return a table of at most `most` lines with the heading; if there are more, those near `now`.

    With `old`, an additional column shows its percent at each point's raw value.
    """
    is_both = is_both_ways(targets)
    table = Table(box=None, pad_edge=False, header_style=DIM, padding=(0, 1, 0, 0))
    for name, width in _columns(is_both=is_both, has_old=old is not None):
        table.add_column(name, justify="right", width=width, no_wrap=True)
    rows = point_rows(targets)
    at = next((n for n, row in enumerate(rows) if now in (row.up, row.down)), 0) if now else 0
    first, last = _window(len(rows), at, most - 1)
    for row in rows[first:last]:
        is_now = now is not None and now in (row.up, row.down)
        cells = _cells_both_ways(row, now) if is_both else _cells_one_way(row.up or row.down, now)
        was = [] if old is None else [_was(row, old)]
        percent = Text(f"{'> ' * is_now}{row.percent:g}")
        table.add_row(percent, *cells, *was, style=NOW if is_now else "")
    if last - first < len(rows):
        table.add_row("...", f"{len(rows) - last + first} more", style=DIM)
    return table


def table_width(targets: Sequence[ShownTarget], *, has_old: bool = False) -> int:
    columns = _columns(is_both=is_both_ways(targets), has_old=has_old)
    return sum(width + 1 for _, width in columns)


def _columns(*, is_both: bool, has_old: bool) -> list[tuple[str, int]]:
    one_way = [("raw", RAW), ("noise", SPREAD), ("n", SAMPLES)]
    both_ways = [("up", RAW), ("noise", SPREAD), ("down", RAW), ("noise", SPREAD)]
    was = [("was", WAS)] if has_old else []
    return [("%", PERCENT), *(both_ways if is_both else one_way), *was]


def _was(row: PointRow[ShownTarget], old: CalibrationTable) -> Text:
    raws = [one.point.raw for one in (row.up, row.down) if one is not None and one.point]
    return Text(percent_words(old.percent_at(fmean(raws))) if raws else "")


def _cells_both_ways(row: PointRow[ShownTarget], now: ShownTarget | None) -> list[Text]:
    return [*_cells(row.up, now), *_cells(row.down, now)]


def _cells_one_way(target: ShownTarget | None, now: ShownTarget | None) -> list[Text]:
    samples = str(target.point.samples) if target and target.point else ""
    return [*_cells(target, now), Text(samples)]


def _cells(target: ShownTarget | None, now: ShownTarget | None) -> list[Text]:
    """Return raw value and spread; a point that is being recaptured shows its old values."""
    if target is None:
        return [Text(), Text()]
    if target.point is not None:
        return [Text(number(target.point.raw)), Text(spread(target.point.noise))]
    words = "now" if target is now else "skipped" if target.is_skipped else "-"
    return [Text(words, "" if target is now else DIM), Text()]


def _window(rows: int, at: int, most: int) -> tuple[int, int]:
    """Return (first, last) of the rows that fit around `at`; one line is left for "… more"."""
    if rows <= most:
        return 0, rows
    shown = max(1, most - 1)
    first = min(max(0, at - shown // 2), rows - shown)
    return first, first + shown
