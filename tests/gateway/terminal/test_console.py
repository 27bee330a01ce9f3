"""The console of the commands, given text that a stranger chose."""

import io

import pytest
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.terminal.console import Console
from tests.support.hostile import HOSTILE, MARK, forbidden_in, without_styles


def table() -> Table:
    made = Table(title=HOSTILE)
    made.add_column(HOSTILE)
    made.add_column("two", no_wrap=True, overflow="ellipsis", max_width=12)
    made.add_row(HOSTILE, Text(HOSTILE, "red"))
    return made


def shown(renderable: RenderableType, *, is_terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, width=200, force_terminal=is_terminal)
    console.print(renderable)
    return file.getvalue()


@pytest.mark.parametrize("is_terminal", [False, True], ids=["file", "terminal"])
@pytest.mark.parametrize(
    "renderable", [HOSTILE, Text(HOSTILE, "bold"), table(), Group(HOSTILE, table())]
)
def test_console_prints_text_without_obeying_it(
    renderable: RenderableType, is_terminal: bool
) -> None:
    text = shown(renderable, is_terminal=is_terminal)
    assert MARK in text
    assert not forbidden_in(without_styles(text))
    assert "\x1b]" not in text, "a link or a title"


def test_text_with_control_characters_is_printed_to_its_end() -> None:
    text = "\x1b" * 60 + "end"
    assert shown(text, is_terminal=False).replace("\n", "") == r"\u001b" * 60 + "end"


def test_markup_is_text() -> None:
    assert shown("[bold]x[/bold] [/] :skull:", is_terminal=False) == "[bold]x[/bold] [/] :skull:\n"


def test_table_stays_a_table_around_control_characters() -> None:
    lines = shown(table(), is_terminal=False).splitlines()
    assert len({len(line) for line in lines if "│" in line}) == 1


def test_styles_and_redraws_are_the_consoles_own() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system="truecolor")
    with Live(Text("one", "red"), console=console, auto_refresh=False) as live:
        live.update(Text("two"), refresh=True)
    assert "\x1b[31mone\x1b[0m" in file.getvalue()
    assert "\x1b[2K" in file.getvalue()
