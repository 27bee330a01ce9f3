"""The views of a watched bike: a table on a terminal, lines elsewhere, JSON for programs."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from drivers import Reading
from gateway.bike.link import BikeLink, LinkState
from gateway.sampling.plausible import implausible
from gateway.sampling.series import FieldState
from gateway.terminal.live import Event, open_live_view
from gateway.timing.units import NS_PER_S
from gateway.watch.session import UNITS, FieldView, Watch

_LABELS = {
    "cadence_rpm": "cadence",
    "resistance_raw": "resistance, as sent",
    "resistance_percent": "resistance",
    "power_w": "power",
    "speed_kmh": "speed",
    "distance_m": "distance",
    "heart_rate_bpm": "heart rate",
}


@dataclass(frozen=True, slots=True)
class WatchScreen:
    """One moment of a watched bike; `fields` is empty if only the link is shown."""

    link: BikeLink
    fields: Sequence[FieldView] = ()
    #: The bike's race, if a gateway is running that rides it; without the bike, that gateway.
    race: str = ""
    #: Why the bike was lost last.
    last_loss: str = ""
    #: What a race would not use of the bike's values.
    notes: Sequence[str] = ()


def table(screen: WatchScreen) -> RenderableType:
    """Return a table for a terminal that is redrawn."""
    rows = Table(box=None, pad_edge=False)
    rows.add_column("")
    for column in ("value", "age", "rate"):
        rows.add_column(column, justify="right", min_width=8)
    rows.add_column("source")
    for field in screen.fields:
        rows.add_row(
            _LABELS[field.name],
            _value(field),
            "" if field.age_s is None else f"{field.age_s:.1f} s",
            f"{field.rate_hz:.1f} Hz" if field.rate_hz else "",
            field.source,
            style="" if field.state is FieldState.LIVE else "dim",
        )
    link = screen.link
    head = Text(heading(link), style="" if _is_connected(link) else "yellow")
    race = [Text(screen.race)] if screen.race else []
    notes = [Text(note, style="yellow") for note in screen.notes]
    is_over = screen.last_loss and screen.last_loss != link.reason
    loss = [Text(f"last lost: {screen.last_loss}", style="yellow")] if is_over else []
    return Group(head, *loss, *race, rows, *notes)


def heading(link: BikeLink) -> str:
    """Return the state of the link in one line."""
    return f"{link.bike_id}: {link.state.value}" + (f": {link.reason}" if link.reason else "")


def line(fields: Sequence[FieldView]) -> str:
    """Return all known values in one line."""
    known = [field for field in fields if field.state is not FieldState.UNKNOWN]
    return "  ".join(f"{_LABELS[field.name]} {_value(field)}" for field in known) or "nothing yet"


def reading_json(reading: Reading, start_ns: int) -> str:
    """Return a Reading as JSON, without missing values. `t_s` counts from `start_ns`.

    "implausible" lists the fields with an implausible value, if there are any.
    """
    said = {"t_s": round((reading.at_ns - start_ns) / 1e9, 3), **reading.said()}
    refused = sorted(implausible(reading))
    return json.dumps({**said, "implausible": refused} if refused else said)


def reading_line(reading: Reading, start_ns: int) -> str:
    """Return a Reading for people, with its time since `start_ns`."""
    refused = implausible(reading)
    known = [
        f"{_LABELS[name]} {_number(value, unit)}{' (implausible)' * (name in refused)}"
        for name, unit in UNITS.items()
        if (value := getattr(reading, name)) is not None
    ]
    return f"{(reading.at_ns - start_ns) / 1e9:9.3f} s  {'  '.join(known)}"


class WatchScript:
    """A Script: the link's state as events, and the fields as figures while connected."""

    figures_every_ns = NS_PER_S

    def __init__(self) -> None:
        self._words = ""

    def draw(self, screen: WatchScreen, width: int, height: int) -> RenderableType:
        del width, height
        return table(screen)

    def moment(self, screen: WatchScreen) -> object:
        return _event_words(screen)

    def events(self, screen: WatchScreen, now_ns: int) -> Iterator[Event]:
        del now_ns
        words = _event_words(screen)
        if words != self._words:
            self._words = words
            yield Event("link", words)

    def figures(self, screen: WatchScreen) -> Event | None:
        if not screen.fields or not _is_connected(screen.link):
            return None
        parts = (line(screen.fields), screen.race, *screen.notes)
        return Event("figures", "  ".join(part for part in parts if part))


@contextmanager
def open_view(
    console: Console, link: BikeLink, watch: Watch | None
) -> Iterator[Callable[[int, str], None]]:
    """Yield a function that shows the bike at an instant, and a line on its race.

    Without a `watch`, only the link is shown. On a terminal the last table remains visible.
    """
    screen = WatchScreen(link)
    with ExitStack() as stack:
        if console.is_terminal:
            stack.callback(lambda: console.print(table(screen)))
        view = stack.enter_context(open_live_view(console, WatchScript()))

        def show(now_ns: int, race: str) -> None:
            nonlocal screen
            loss = link.reason if link.state is LinkState.LOST else screen.last_loss
            screen = WatchScreen(link, race=race, last_loss=loss)
            if watch is not None:
                fields, notes = watch.fields(now_ns), watch.notes
                screen = replace(screen, fields=fields, notes=notes)
            view.show(screen, now_ns)

        yield show


def _event_words(screen: WatchScreen) -> str:
    """Return the state of the link and, without the bike, which gateway reads it."""
    is_read_elsewhere = screen.race and not _is_connected(screen.link)
    return heading(screen.link) + (f"; {screen.race}" if is_read_elsewhere else "")


def _is_connected(link: BikeLink) -> bool:
    return link.state is LinkState.CONNECTED


def _value(field: FieldView) -> str:
    if field.value is None:
        return "unknown"
    text = _number(field.value, field.unit)
    return f"{text} (stale)" if field.state is FieldState.STALE else text


def _number(value: float, unit: str) -> str:
    return f"{value:.1f}".removesuffix(".0") + f" {unit}".rstrip()
