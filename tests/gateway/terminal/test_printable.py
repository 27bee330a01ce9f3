"""Text that a stranger chose, in the forms in which it is printed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.terminal.printable import one_line, printable
from tests.support.hostile import HOSTILE, forbidden_in

ANY_TEXT = st.text(st.characters())  # with halves of surrogate pairs


@pytest.mark.parametrize(
    "text", ["bike", "Zoë", "Ádám Kő", "山田", "🚲", "❤️", "10\u202f000 W", "→ ✓ █", "a\n\tb"]
)
def test_text_that_prints_as_itself_is_unchanged(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\u001b[2J"),
        ("a\rb", r"a\u000db"),
        ("\x7f\x9b", r"\u007f\u009b"),
        ("\u202egpj", r"\u202egpj"),
        ("\u2028", r"\u2028"),
        ("\u200b\ufeff\u3164", r"\u200b\ufeff\u3164"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\udb40\udc41"),
        ("a\u180bb\ufe00c", r"a\u180bb\ufe00c"),
        ("a\U000e0100", r"a\udb40\udd00"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_nothing_forbidden_is_printable(text: str) -> None:
    assert not forbidden_in(printable(text))
    assert printable(printable(text)) == printable(text)


@given(ANY_TEXT)
def test_json_keeps_its_meaning(text: str) -> None:
    for ascii_only in (True, False):
        line = printable(json.dumps({text: text}, ensure_ascii=ascii_only))
        # A whole pair in escapes is one character; Python's text may have its halves apart.
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        assert json.loads(line) == {whole: whole}


def test_text_from_outside_becomes_one_line() -> None:
    assert one_line(" the bike\r\n\x1b[31mstopped\t") == "the bike [31mstopped"


@given(ANY_TEXT)
def test_one_line_has_no_line_break_and_nothing_forbidden(text: str) -> None:
    line = one_line(text)
    assert not forbidden_in(line)
    assert len(f"x{line}x".splitlines()) == 1


def test_a_very_long_text_is_cut() -> None:
    assert one_line("x" * 1_000_000, most=10) == f"{'x' * 10}…"
    assert one_line("x" * 10, most=10) == "x" * 10
    assert len(one_line(HOSTILE * 100_000)) < 3_000
