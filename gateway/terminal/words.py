"""Sentences on a terminal, broken between words; elsewhere in one line, as programs expect."""

import textwrap

from rich.console import Console


def print_words(console: Console, text: str) -> None:
    """Print `text` in lines as wide as the terminal. A long word, such as a path, stays whole."""
    console.print(fitted(console, text), soft_wrap=True, markup=False, highlight=False)


def fitted(console: Console, text: str) -> str:
    """Return `text` in lines as wide as the terminal; unchanged if the console is none."""
    return wrapped(text, console.width) if console.is_terminal else text


def wrapped(text: str, columns: int) -> str:
    """Return `text` with each of its lines broken between words, and indents kept."""
    return "\n".join(_wrapped_line(line, columns) for line in text.split("\n"))


def _wrapped_line(line: str, columns: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line,
        max(columns, 1),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
