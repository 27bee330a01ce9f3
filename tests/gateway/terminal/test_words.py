"""Sentences are broken between words on a terminal, and only there."""

import io

from rich.console import Console

from gateway.terminal.words import print_words, wrapped

TEXT = "the file /etc/alleycat-gateway/certificates/long.pem is unchanged"


def printed(*, is_terminal: bool) -> str:
    screen = io.StringIO()
    console = Console(file=screen, width=30, force_terminal=is_terminal, color_system=None)
    print_words(console, f"{TEXT} [later]")
    return screen.getvalue()


def test_terminal_shows_whole_words() -> None:
    assert printed(is_terminal=True).splitlines() == [
        "the file",
        "/etc/alleycat-gateway/certificates/long.pem",
        "is unchanged [later]",
    ]


def test_pipe_gets_one_line() -> None:
    assert printed(is_terminal=False) == f"{TEXT} [later]\n"


def test_lines_and_indents_are_kept() -> None:
    assert wrapped("one two three\n\n  four five six", 10) == (
        "one two\nthree\n\n  four\n  five six"
    )


def test_hyphens_and_an_odd_width_do_not_break_a_word() -> None:
    assert wrapped("alleycat-gateway run", 0) == "alleycat-gateway\nrun"
