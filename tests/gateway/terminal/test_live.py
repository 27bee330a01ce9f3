"""A terminal that lacks letters."""

import io

from rich.console import Console

from gateway.terminal.live import forgiving


def test_a_letter_that_is_not_there_is_a_question_mark() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    forgiving(Console(file=file, width=40)).print("25 % → 26 %, …")
    file.seek(0)
    assert file.read() == "25 % ? 26 %, ?\n"


def test_a_console_into_a_string_has_all_letters() -> None:
    file = io.StringIO()
    forgiving(Console(file=file, width=40)).print("→")
    assert file.getvalue() == "→\n"
