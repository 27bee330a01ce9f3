"""Tables in a file: no line ends with blanks."""

import io

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from gateway.terminal.unpadded import Unpadded


def test_lines_of_a_table_end_with_their_last_visible_character() -> None:
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("bike")
    table.add_column("state")
    table.add_row("bike-001", "")
    table.add_row("", Text("lost", style="red"))
    console = Console(file=io.StringIO(), width=40)
    console.print(Unpadded(Group("  two  ", "", table)))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines == [line.rstrip() for line in lines]
    assert lines[:2] == ["  two", ""]
    assert [line.split() for line in lines[2:]] == [["bike", "state"], ["bike-001"], ["lost"]]


def test_text_keeps_its_colours() -> None:
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system="standard")
    console.print(Unpadded(Text("lost  ", style="red")))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "\x1b[31mlost\x1b[0m\n"
