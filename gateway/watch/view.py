"""How a watched bike is shown: a table on a terminal, lines elsewhere, JSON for programs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drivers import Reading
from gateway.bike.link import BikeLink, LinkState
from gateway.sampling.sampler import FieldState
from gateway.watch.session import UNITS, FieldView, Watch

#: Between two lines of values.
PRINT_EVERY_NS = 1_000_000_000

_LABELS = {
    "cadence_rpm": "cadence",
    "resistance_raw": "resistance, as sent",
    "resistance_percent": "resistance",
    "power_w": "power",
    "speed_kmh": "speed",
    "distance_m": "distance",
    "heart_rate_bpm": "heart rate",
}


def table(link: BikeLink, fields: list[FieldView]) -> RenderableType:
    """For a terminal that is redrawn."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("")
    for column in ("value", "age", "rate"):
        rows.add_column(column, justify="right", min_width=8)
    rows.add_column("source")
    for field in fields:
        rows.add_row(
            _LABELS[field.name],
            _value(field),
            "" if field.age_s is None else f"{field.age_s:.1f} s",
            f"{field.rate_hz:.1f} Hz" if field.rate_hz else "",
            field.source,
            style="" if field.state is FieldState.LIVE else "dim",
        )
    return Group(Text(heading(link), style="" if _is_connected(link) else "yellow"), rows)


def heading(link: BikeLink) -> str:
    """The link's state in a line."""
    return f"{link.bike_id}: {link.state.value}" + (f": {link.reason}" if link.reason else "")


def line(fields: list[FieldView]) -> str:
    """All that was ever said, in a line."""
    said = [field for field in fields if field.state is not FieldState.UNKNOWN]
    return "  ".join(f"{_LABELS[field.name]} {_value(field)}" for field in said) or "nothing yet"


def reading_json(reading: Reading, start_ns: int) -> str:
    """One Reading; what it does not say is left out. `t_s` counts from `start_ns`."""
    return json.dumps({"t_s": round((reading.at_ns - start_ns) / 1e9, 3), **reading.said()})


def reading_line(reading: Reading, start_ns: int) -> str:
    """One Reading for people, with its time since `start_ns`."""
    said = [
        f"{_LABELS[name]} {_number(value, unit)}"
        for name, unit in UNITS.items()
        if (value := getattr(reading, name)) is not None
    ]
    return f"{(reading.at_ns - start_ns) / 1e9:9.3f} s  {'  '.join(said)}"


@contextmanager
def open_view(console: Console, link: BikeLink, watch: Watch) -> Iterator[Callable[[int], None]]:
    """Something that shows the bike as it is at an instant, as fits the console."""
    if console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda now_ns: live.update(table(link, watch.fields(now_ns)), refresh=True)
    else:
        yield PlainView(console, link, watch)


class PlainView:
    """A line a second while connected, and one whenever the link's state changes."""

    def __init__(self, console: Console, link: BikeLink, watch: Watch | None) -> None:
        """Without a `watch` the link's state alone."""
        self._console = console
        self._link = link
        self._watch = watch
        self._heading = ""
        self._printed_ns: int | None = None

    def __call__(self, now_ns: int) -> None:
        if heading(self._link) != self._heading:
            self._heading = heading(self._link)
            self._print(self._heading)
        if self._watch is None or not _is_connected(self._link):
            return
        if self._printed_ns is None or now_ns - self._printed_ns >= PRINT_EVERY_NS:
            self._printed_ns = now_ns
            self._print(line(self._watch.fields(now_ns)))

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)


def _is_connected(link: BikeLink) -> bool:
    return link.state is LinkState.CONNECTED


def _value(field: FieldView) -> str:
    if field.value is None:
        return "unknown"
    text = _number(field.value, field.unit)
    return f"{text} (stale)" if field.state is FieldState.STALE else text


def _number(value: float, unit: str) -> str:
    return f"{value:.1f}".removesuffix(".0") + f" {unit}".rstrip()
