"""The manual page alleycat-gateway(1): its frame is manual.1, its commands are from their help.

python -m systemd.package.manual VERSION YYYY-MM-DD
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from systemd.package.commands import NAME, CommandNode, command_nodes

#: Characters that roff would change or treat as its own.
ESCAPED = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti"}

FRAME = Path(__file__).with_name("manual.1")


def manual(version: str, date: str) -> str:
    """Return the page as roff."""
    program, *commands = command_nodes()
    parts = {
        "VERSION": version,
        "DATE": date,
        "OPTIONS": "\n".join(_options(program)),
        "COMMANDS": "\n".join(line for node in commands for line in _command(node)),
    }
    page = FRAME.read_text(encoding="utf-8")
    for name, text in parts.items():
        page = page.replace(f"@{name}@", text)
    return page


def _command(node: CommandNode) -> Iterator[str]:
    yield f".SS {_escaped(' '.join(node.path))}"
    yield f".B {_escaped(f'{NAME} {node.usage}')}"
    for paragraph in (node.command.help or "").split("\n\n"):
        yield ".PP"
        yield _text(paragraph)
    yield from _options(node)


def _options(node: CommandNode) -> Iterator[str]:
    for parameter in node.command.params:
        record = parameter.get_help_record(node.context)
        if record is not None:
            name, text = record
            yield ".TP"
            yield f".B {_escaped(name)}"
            yield _text(text)


def _text(text: str) -> str:
    """Return a paragraph as roff, with `code` in bold."""
    escaped = _escaped(" ".join(text.split()))
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped)


def _escaped(text: str) -> str:
    """Return text that roff prints unchanged."""
    escaped = "".join(ESCAPED.get(letter, letter) for letter in text)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    print(manual(*sys.argv[1:]), end="")
