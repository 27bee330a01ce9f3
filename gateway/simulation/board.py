"""Tables of racers that fit the terminal: a narrow one drops columns, but never rank and score."""

from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from gateway.simulation.account import NOTABLE
from gateway.simulation.cloud.leaderboard import Standing
from gateway.simulation.scene import BoardRow

Cell = Text | str

#: Columns of the leaderboard that a narrow terminal drops, the least important first.
DROPPED = ("W", "%", "rpm", "class", "race", "cloud", "buffer", "±")
#: Columns of the results that a narrow terminal drops, the least important first.
RESULTS_DROPPED = ("best second", "personal record", "here now", "race")
#: Minimum widths in cells, so that the table does not change its width during the race.
MIN_WIDTHS = {"±": 2, "rpm": 5, "cloud": len("connected")}
LEFT_ALIGNED = ("racer", "cloud")
#: Cells between two columns.
GAP = 2


def board_table(board: Sequence[BoardRow], width: int, *, with_race: bool) -> Table:
    """Return the leaderboard of a scene, at most `width` cells wide. There must be a row."""
    rows = [_cells(place, row) for place, row in enumerate(board, start=1)]
    columns = {
        title: [row[title] or "" for row in rows]
        for title, cell in rows[0].items()
        if cell is not None and (with_race or title != "race")
    }
    return _fitting_table(columns, DROPPED, width)


def results_table(standings: Sequence[Standing], width: int, *, with_race: bool) -> Table:
    """Return the results of the standings under the backend's names, at most `width` cells wide."""
    columns: dict[str, Sequence[Cell]] = {
        "": [f"{place}." for place in range(1, len(standings) + 1)],
        "racer": [f"{one.racer_id} {one.name}" for one in standings],
    }
    if with_race:
        columns["race"] = [str(one.race_id) for one in standings]
    columns |= {
        "final result": [output_text(one.final_result) for one in standings],
        "here now": [output_text(one.here_now) for one in standings],
        "personal record": [output_text(one.personal_record) for one in standings],
        "best second": [f"{one.best_output:.1f} ({one.best_second})" for one in standings],
    }
    return _fitting_table(columns, RESULTS_DROPPED, width)


def output_text(output: float | None) -> str:
    """Return an output for a table, "" if there is none."""
    return "" if output is None else f"{output:.1f}"


def _fitting_table(
    columns: Mapping[str, Sequence[Cell]], dropped: Sequence[str], width: int
) -> Table:
    """Return a table of the columns; columns in `dropped` are left out, in order, until it fits."""
    widths = {title: _column_width(title, cells) for title, cells in columns.items()}
    for title in dropped:
        if sum(widths.values()) + GAP * (len(widths) - 1) > width:
            widths.pop(title, None)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, GAP - 1, 0, 0))
    for title, cells in widths.items():
        table.add_column(title, justify=_justify(title), no_wrap=True, min_width=cells)
    for row in zip(*(columns[title] for title in widths), strict=True):
        table.add_row(*row)
    return table


def _justify(title: str) -> Literal["left", "right"]:
    return "left" if title in LEFT_ALIGNED else "right"


def _column_width(title: str, cells: Sequence[Cell]) -> int:
    return max(MIN_WIDTHS.get(title, 0), *(cell_len(str(cell)) for cell in (title, *cells)))


def _cells(place: int, row: BoardRow) -> dict[str, Cell | None]:
    """Return the cells by column title; None where this race has no such column."""
    standing, sample = row.standing, row.sample
    power_w = None if sample is None else sample.power_w
    return {
        "": str(place) if standing else "",
        "±": _gained(row.gained),
        "racer": row.name,
        "class": str(standing.class_id) if standing else "",
        "race": str(standing.race_id) if standing else "",
        "here now": output_text(standing.here_now) if standing else "",
        "final": output_text(standing.final_result) if standing else "",
        "rpm": f"{sample.cadence_rpm:.1f}" if sample else "",
        "%": f"{sample.resistance_percent:.1f}" if sample else "",
        "W": "" if power_w is None else f"{power_w:.0f}",
        "buffer": _buffered(row.buffered),
        "cloud": _cloud(row.is_online),
    }


def _gained(places: int | None) -> Cell | None:
    if not places:
        return None if places is None else ""
    return Text(f"▲{places}", style="green") if places > 0 else Text(f"▼{-places}", style="red")


def _buffered(messages: int | None) -> Text | None:
    if messages is None:
        return None
    return Text(str(messages), style=NOTABLE if messages > 1 else "")


def _cloud(is_online: bool | None) -> Text | None:
    if is_online is None:
        return None
    return Text("connected", style="green") if is_online else Text("offline", style="red")
