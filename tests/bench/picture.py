"""Draws docs/bench.svg from docs/bench.json: the targets, and the peers in comparison.

python -m tests.bench.picture
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import log2
from pathlib import Path
from textwrap import wrap
from typing import Any

from gateway.calibrating.view.svg import document, line, text
from tests.bench.report import Report
from tests.bench.row import Row
from tests.bench.svg import STYLE, bar, mark

WIDTH = 880
MARGIN = 28
RIGHT = WIDTH - MARGIN

#: The chart of targets: a bar from the limit to the measured value, to the left if it is reached.
AXIS_Y = 100
TARGET_ROW = 40
LABEL_X, LABEL_LETTERS = 52, 48
LIMIT_X, PER_DOUBLING = 472, 36
#: The longest bar, in doublings of the limit.
REACH = 3
VALUE_X = 598

#: The table of peers: a row for each queue, with columns for messages/s and bytes.
PEER_ROW = 33
SYNC_X = 236
#: Setups: the one that the others are compared with, and the one that is not a peer.
OURS, FLOOR = "buffer", "plain-file"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one figure, one for each number of messages a tick: bar and number."""

    key: str
    heading: str
    x: int
    step: int
    bar_length: int
    #: The larger of two is the better one.
    more_is_better: bool


SPEED = Columns("messages_per_s", "messages/s: longer is better", 300, 98, 44, True)
BYTES = Columns("bytes_per_message", "bytes written/message: shorter is better", 600, 86, 36, False)


def write_picture(report_file: Path, picture_file: Path) -> None:
    report = Report.from_json(json.loads(report_file.read_text(encoding="utf-8")))
    picture_file.write_text(draw(report), encoding="utf-8")


def draw(report: Report) -> str:
    """Return the picture as SVG."""
    reached = sum(bool(row.reached) for row in report.targets)
    headline = f"Alleycat Gateway: {reached} of {len(report.targets)} targets reached"
    shapes = [
        text(MARGIN, 42, headline, "ink bold", size=20),
        text(MARGIN, 63, _measured_on(report.machine), "muted"),
        *_axis(len(report.targets)),
    ]
    y = AXIS_Y + 10
    for row in report.targets:
        shapes += _target(y, row)
        y += TARGET_ROW
    for row in report.targets:
        if row.name == "peers":
            shapes += [line(MARGIN, y + 16, RIGHT, y + 16), *_peers(y + 48, row.details)]
            y += 130 + len(row.details["setups"]) * PEER_ROW
    return document(WIDTH, y + 16, headline, STYLE, shapes)


def _measured_on(machine: dict[str, str]) -> str:
    return (
        f"make bench, {machine['date']}: {machine['processor']}, {machine['system']},"
        f" Python {machine['python']}, SQLite {machine['sqlite']}"
    )


def _axis(rows: int) -> Iterator[str]:
    """Yield the limit as a line through all rows; left of it is better, right of it worse."""
    for doublings in range(-REACH, REACH + 1):
        x = LIMIT_X + doublings * PER_DOUBLING
        yield line(x, AXIS_Y, x, AXIS_Y + 12 + rows * TARGET_ROW, dashed=doublings != 0)
        factor = f"{2**doublings} ×" if doublings > 0 else f"1/{2**-doublings}"
        name, style = (factor, "muted middle") if doublings else ("limit", "ink bold middle")
        yield text(x, AXIS_Y - 8, name, style, size=11)


def _target(y: float, row: Row) -> Iterator[str]:
    """Yield one row; `y` is its top."""
    reached = bool(row.reached)
    colour = "good" if reached else "bad"
    yield mark(MARGIN + 7, y + 17, good=reached)
    yield from _lines(LABEL_X, y + 21, wrap(row.what.replace("`", ""), LABEL_LETTERS))
    of_limit = 0.0 if row.of_limit is None else row.of_limit
    length = min(abs(log2(max(of_limit, 2**-REACH))), REACH) * PER_DOUBLING
    yield bar(LIMIT_X - (length if reached else 0), y + 11, length, 12, colour)
    yield text(VALUE_X, y + 15, row.value, f"{colour} bold", size=13)
    yield text(VALUE_X, y + 30, row.target, "muted", size=11)


def _lines(x: float, y: float, words: list[str]) -> Iterator[str]:
    """Yield lines of text, centred on the base line of a single one."""
    first_y = y - 7.5 * (len(words) - 1)
    for number, some in enumerate(words):
        yield text(x, first_y + 15 * number, some)


def _peers(y: float, details: dict[str, Any]) -> Iterator[str]:
    """Yield all queues in all settings; `y` is the base line of the heading."""
    results = {(one["setup"], one["per_tick"]): one for one in details["results"]}
    ticks = sorted({one["per_tick"] for one in details["results"]})
    compared = {setup["name"] for setup in details["setups"] if setup["is_tick"]} - {FLOOR}
    work = (
        f"{details['messages']:,} messages put one by one, made durable, read back in order and"
        f" acknowledged: {', '.join(map(str, ticks))} of them a tick"
    )
    yield text(MARGIN, y, "The peers on the same durable-queue work", "ink bold", size=15)
    yield text(MARGIN, y + 19, work, "muted")
    yield text(RIGHT, y + 19, "ahead of us", "bad bold end")
    yield text(SYNC_X, y + 60, "fsync", "muted", size=11)
    for columns in (SPEED, BYTES):
        yield from _headings(y + 60, columns, ticks)
    y += 68
    for setup in details["setups"]:
        yield line(MARGIN, y, RIGHT, y)
        yield from _queue(y, setup)
        for columns in (SPEED, BYTES):
            for number, per_tick in enumerate(ticks):
                of_tick = {name: results[name, per_tick][columns.key] for name, _ in results}
                x = columns.x + number * columns.step
                yield from _number(x, y, columns, of_tick, setup["name"], compared)
        y += PEER_ROW


def _headings(y: float, columns: Columns, ticks: list[int]) -> Iterator[str]:
    yield text(columns.x, y - 15, columns.heading, "muted", size=11)
    for number, per_tick in enumerate(ticks):
        yield text(columns.x + number * columns.step, y, f"{per_tick} a tick", "muted", size=11)


def _queue(y: float, setup: dict[str, Any]) -> Iterator[str]:
    """Yield a queue's name and setting; `y` is the top of its row."""
    style = "ours bold" if setup["name"] == OURS else "ink"
    yield text(MARGIN, y + 14, setup["label"], style)
    yield text(MARGIN, y + 27, setup["setting"], "muted", size=10.5)
    if setup["is_synced"]:
        yield mark(SYNC_X + 10, y + 16, good=True)


def _number(
    x: float, y: float, columns: Columns, of_tick: dict[str, float], name: str, compared: set[str]
) -> Iterator[str]:
    """Yield one queue's bar and number, emphasized if better than ours; `y`: top of the row."""
    value, ours = of_tick[name], of_tick[OURS]
    longest = max(of_tick[other] for other in compared)
    length = min(value / longest, 1) * columns.bar_length
    yield bar(x, y + 10, length, 12, "ours" if name == OURS else "theirs")
    is_better = value > ours if columns.more_is_better else value < ours
    style = "ink"
    if name not in compared:
        style = "muted"
    elif is_better:
        style = "bad bold"
    yield text(x + length + 5, y + 20, f"{value:,.0f}", style, size=11)


if __name__ == "__main__":
    write_picture(Path("docs/bench.json"), Path("docs/bench.svg"))
