"""Text from outside, made harmless for terminals, logs and files that are read line by line. Pure.

Names of devices, payloads, files, reasons of a broker and texts of plugins may contain anything:
control characters that a terminal obeys, marks that reverse the direction of writing, characters
that are invisible, or a line break with a forged line behind it.
"""

import unicodedata

#: Characters that Unicode counts among the letters, marks and symbols, but that leave no trace.
#: Of the variation selectors, the two that choose between text and emoji are not listed: names use
#: them.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U00016fe4").union(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0)))
)
#: The longest text of `one_line`, in characters.
LINE_MAX = 2_000


def printable(text: str) -> str:
    r"""Return the text with each character that does not print as itself escaped, as in JSON.

    Line breaks and tabs stay. JSON and TOML keep their meaning: inside a string, `\u009b` is the
    character that it replaces.
    """
    if text.isprintable() and _INVISIBLE.isdisjoint(text):
        return text
    return "".join(one if one in "\n\t" or _prints(one) else _escaped(one) for one in text)


def one_line(text: str, most: int = LINE_MAX) -> str:
    """Return the text on one line, with unprintable characters and runs of spaces as one space.

    A text of more than `most` characters is cut.
    """
    line = " ".join("".join(one if _prints(one) else " " for one in text[: 4 * most]).split())
    is_cut = len(line) > most or len(text) > 4 * most
    return f"{line[:most]}…" if is_cut else line


def _prints(one: str) -> bool:
    if one.isprintable():
        return one not in _INVISIBLE
    return unicodedata.category(one) == "Zs"  # spaces such as the narrow one between digits


def _escaped(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
