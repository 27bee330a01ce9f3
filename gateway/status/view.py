"""A gateway's status on a terminal of at least 80 × 24."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.bike.status import BikeStatus
from gateway.status.concerns import Command, Concern, concerns, service_command
from gateway.status.snapshot import GatewayStatus
from gateway.status.words import (
    BIKE_TITLES,
    PLACE_TITLES,
    Level,
    Words,
    about,
    bike_cells,
    facts,
    level_of,
    place_cells,
    remarks,
    verdict,
)
from gateway.terminal.printable import one_line

#: Up to FEW_BIKES bikes are all listed. Of more, SHOWN_OF_MANY are listed, disconnected ones first.
FEW_BIKES = 8
SHOWN_OF_MANY = 6
#: Limits the concerns that are listed.
MOST_CONCERNS = 5

_STYLES = {Level.PLAIN: "", Level.WELL: "green", Level.ODD: "yellow", Level.BAD: "bold red"}


def status_view(status: GatewayStatus, command: Command = service_command) -> RenderableType:
    """Return the whole status for display, with advice to run commands in that form."""
    attention = _attention(concerns(status, command))
    if not status.is_set_up:
        return Group(_heading(status), *attention)
    return Group(_heading(status), *attention, "", _facts(status), "", *_bikes(status.bikes))


def _heading(status: GatewayStatus) -> Text:
    return Text.assemble(
        (one_line(status.thing_name), "bold"), (f"  {one_line(about(status))}", "dim")
    )


def _attention(found: Sequence[Concern]) -> Iterator[RenderableType]:
    yield Text(verdict(found), style="" if found else _STYLES[Level.WELL])
    shown = found if len(found) <= MOST_CONCERNS else found[: MOST_CONCERNS - 1]
    for concern, following in zip_longest(shown, shown[1:]):
        # Several bikes that are lost have one remedy, and the terminal has few lines.
        is_repeated = following is not None and following.remedy == concern.remedy
        text = concern.problem if is_repeated else concern.text
        yield Padding(_text(Words(text, level_of(concern))), (0, 0, 0, 2), expand=False)
    if len(shown) < len(found):
        yield f"  … and {len(found) - len(shown)} more; --json lists all"


def _facts(status: GatewayStatus) -> Table:
    table = Table.grid(padding=(0, 2))
    for fact in facts(status):
        table.add_row(Text(fact.name, style="dim"), _text(fact.words))
    return table


def _text(words: Words) -> Text:
    return Text(one_line(words.text), style=_STYLES[words.level])


def _bikes(bikes: Sequence[BikeStatus]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim")
    is_ranked = any(one.place is not None for one in bikes)
    bike, racer, state, *numbers = BIKE_TITLES
    for title in (bike, racer):
        width = 8 if is_ranked else 14
        table.add_column(title, no_wrap=True, overflow="ellipsis", max_width=width)
    table.add_column(state, no_wrap=True, overflow="ellipsis")
    for title in (*numbers, *(PLACE_TITLES if is_ranked else ())):
        table.add_column(title, justify="right", no_wrap=True)
    away = [one for one in bikes if not one.is_connected]
    shown = bikes
    if len(bikes) > FEW_BIKES:
        there = [one for one in bikes if one.is_connected]
        yield Text(f"{len(bikes)} bikes: {len(there)} connected, {len(away)} away")
        shown = [*away, *there][:SHOWN_OF_MANY]
    for one in shown:
        table.add_row(*map(_text, (*bike_cells(one), *place_cells(one.place))))
    yield table
    for one in shown:
        yield from (Text(one_line(remark), style="dim") for remark in remarks(one))
    if len(shown) < len(bikes):
        more_away = len(away) - len(shown)
        yield f"… and {len(bikes) - len(shown)} more" + (
            f", {more_away} of them away" if more_away > 0 else ""
        )
