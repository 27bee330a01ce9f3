"""Text from outside in a file that reaches a terminal, and styles next to it."""

import io

from gateway.terminal.printable_file import PrintableText
from tests.support.hostile import HOSTILE, MARK, forbidden_in


def test_text_is_written_in_a_harmless_form_and_styles_as_they_are() -> None:
    raw = io.BytesIO()
    file = PrintableText(raw, encoding="utf-8")
    file.write(f"{HOSTILE}\n")
    file.styled.write("\x1b[31mred\x1b[0m\n")
    print(HOSTILE, file=file)
    file.flush()
    first, *_, last = raw.getvalue().decode().split("\x1b[31mred\x1b[0m\n")
    assert MARK in first
    assert first == last
    assert not forbidden_in(first)


def test_styled_file_is_the_same_file() -> None:
    file = PrintableText(io.BytesIO(), encoding="utf-8")
    assert file.styled.encoding == "utf-8"
    assert file.styled.isatty() is False
