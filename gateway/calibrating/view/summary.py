"""The summary of a saved calibration, and the preview of a change, as text and as JSON."""

import json
from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gateway.calibrating.state import CalibrationState, Origin
from gateway.calibrating.view.curve import CurveView
from gateway.calibrating.view.layout import GAP, LEAST_COLUMNS, LEAST_ROWS, side_by_side
from gateway.calibrating.view.points import point_table, table_width
from gateway.calibrating.view.scales import power_words, scale_changes, scale_words
from gateway.calibrating.view.screen import ShownTarget, compared_words, comparisons
from gateway.sampling.calibration import Calibration, CalibrationTable
from gateway.sampling.calibration_record import CalibrationRecord, record_to_json
from gateway.terminal.printable import one_line
from gateway.terminal.units import counted, number

CURVE_WIDTH = 76
CURVE_ROWS = 12


def origin_words(state: CalibrationState) -> str:
    """Return the source of the calibration in use, e.g. "the calibration of 2026-11-02"."""
    if state.origin is Origin.SAVED and state.record is not None:
        return f"the calibration of {state.record.made_at.astimezone():%Y-%m-%d}"
    if state.origin is Origin.BIKE and state.resistance_table is not None:
        return "the bike's own table"
    return {
        Origin.TRIAL: "a calibration on trial",
        Origin.CONFIG: "the config's points",
    }.get(state.origin, "the bike's own numbers")


def summary(state: CalibrationState, width: int) -> RenderableType:
    """Show the calibration in use: its source, conditions and curve; and its backups."""
    parts: list[RenderableType] = [
        Text.assemble((state.bike_id, "bold"), f"  in use: {origin_words(state)}")
    ]
    if state.problem:
        parts.append(Text(f"the saved calibration is {one_line(state.problem)}", "yellow"))
    parts.append(_facts(state))
    if state.record is not None and state.origin is Origin.SAVED:
        parts += _measured(state.record, None, width)
    elif state.in_use.table is not None:
        parts += ["", _plain_curve(state.in_use.table, width)]
    parts += ["", _backups(state)]
    return Group(*parts)


def change_view(
    record: CalibrationRecord, old: Calibration, old_from: str, width: int
) -> RenderableType:
    """Compare the calibration that would be used with the one in use."""
    about = f"  {_points(record)}, made on {_when(record.made_at)}; in use now: {old_from}"
    table = old.table if old.quantity == record.quantity else None
    lines = [compared_words(one) for one in comparisons(record.calibration.table, table)]
    lines += scale_changes(old, record)
    return Group(
        Text.assemble((record.bike_id, "bold"), about),
        *_measured(record, table, width),
        "",
        *map(Text, lines),
    )


def state_json(state: CalibrationState) -> str:
    """Return one line: the calibration in use, the record as in an export, and the backups."""
    table = state.in_use.table
    return json.dumps(
        {
            "bike_id": state.bike_id,
            "device": state.device,
            "origin": state.origin.value,
            "problem": state.problem,
            "quantity": state.in_use.quantity,
            "points": None if table is None else table.points,
            "cadence_scale": state.in_use.cadence_scale,
            "power_scale": state.in_use.power_scale,
            "power_offset_w": state.in_use.power_offset_w,
            "record": None if state.record is None else _record(state.record),
            "backups": {number: _record(one) for number, one in state.backups.items()},
        }
    )


def _record(record: CalibrationRecord) -> object:
    return json.loads(record_to_json(record))["calibration"]


def _facts(state: CalibrationState) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _fact_lines(state):
        grid.add_row(name, Text(value))
    return grid


def _fact_lines(state: CalibrationState) -> Iterator[tuple[str, str]]:
    yield "device", one_line(state.device)
    record = state.record
    if record is not None:
        conditions = [f"{_when(record.made_at)} by {one_line(record.made_by)}"]
        if record.rate_hz is not None:
            conditions.append(f"at {record.rate_hz:.1f} Hz")
        if record.cadence_rpm is not None:
            conditions.append(f"at {record.cadence_rpm:.0f} rpm")
        yield "made", ", ".join(conditions)
    in_use = state.in_use
    scale = in_use.cadence_scale
    yield "cadence", "as the bike sends it" if scale == 1 else f"× {scale:g}"
    power = power_words(in_use.power_scale, in_use.power_offset_w)
    yield "power", "as the bike sends it" if power == "× 1" else power
    if state.in_use.table is None:
        yield "resistance", "as the bike sends it"


def _measured(
    record: CalibrationRecord, old: CalibrationTable | None, width: int
) -> Iterator[RenderableType]:
    """Yield the points, with their curve next to them or below."""
    if not record.points:
        return
    targets = [ShownTarget(point.percent, point.direction, point) for point in record.points]
    points = point_table(targets, old=old)
    columns = width - table_width(targets, has_old=old is not None) - GAP
    is_next_to = columns >= LEAST_COLUMNS
    columns, rows = (columns, len(points.rows) + 1) if is_next_to else (width, CURVE_ROWS)
    curve = CurveView(
        record.points,
        record.calibration.table,
        old,
        width=min(columns, CURVE_WIDTH),
        height=max(rows, CURVE_ROWS, LEAST_ROWS),
    )
    yield ""
    if is_next_to:
        yield side_by_side(points, curve)
    else:
        yield from (points, "", curve)


def _plain_curve(table: CalibrationTable, width: int) -> Group:
    points = ", ".join(f"{number(raw)} is {percent:g} %" for raw, percent in table.points)
    curve = CurveView(table=table, width=min(width, CURVE_WIDTH), height=CURVE_ROWS)
    return Group(Text(points), "", curve)


def _backups(state: CalibrationState) -> RenderableType:
    if not state.backups:
        return Text("no backups", "dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("backup", justify="right")
    table.add_column("made")
    table.add_column("what")
    for backup, record in state.backups.items():
        table.add_row(str(backup), _when(record.made_at), _points(record))
    return table


def _points(record: CalibrationRecord) -> str:
    return ", ".join((counted(len(record.points), "point"), *scale_words(record)))


def _when(at: datetime) -> str:
    """Format the local time, to the minute."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
