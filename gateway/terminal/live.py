"""A console whose terminal may lack letters: it shows a question mark then, and goes on."""

import io

from rich.console import Console


def forgiving(console: Console) -> Console:
    """The same one. Without this a letter that its encoding lacks raises UnicodeEncodeError."""
    if isinstance(console.file, io.TextIOWrapper):
        console.file.reconfigure(errors="replace")
    return console
