"""Text by which a stranger might take over a terminal, and the means to find it in an output."""

import re
import unicodedata

#: A word of every hostile text, by which tests see that it was printed at all.
MARK = "Hostile"
FORGED = "FORGED"
#: Clears the screen, sets the clipboard and the title, colours, answers, reverses, hides, forges.
HOSTILE = (
    f"{MARK}\x1b]52;c;cm0=\x1b\\\x1b[2J\x1b]0;t\x07\x9b31m\x90q\x9c\x1b[6n\x7f\x08\r\u202e\u2066"
    "[bold]b[/bold][link=http://a]l[/link]:skull:\u200b\u2060\ufeff\u3164\U000e0041\u2028\u2029"
    f"\x85\n{FORGED} line"
)
#: What rich writes by itself: colours, and movements of the cursor.
_OWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def forbidden_in(text: str) -> set[str]:
    """Return the characters that must not reach a terminal or a log."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return {one for one in text if unicodedata.category(one) in kinds} - {"\n", "\t"}


def without_styles(text: str) -> str:
    """Return what a terminal got, without line ends of its own and the styles of the gateway."""
    return _OWN.sub("", text).replace("\r\n", "\n").replace("\r", "")


def complaint(text: str) -> str:
    """Return how a stranger's text was obeyed in an output without styles; empty if it was not."""
    if found := forbidden_in(text):
        return f"control characters: {sorted(map(ascii, found))}"
    if any(line.lstrip().startswith(FORGED) for line in text.splitlines()):
        return "a line break"
    return ""
