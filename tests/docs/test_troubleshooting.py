"""The messages and commands on the troubleshooting page are those of the gateway."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from gateway.cli.app import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
#: What comes before the first colon of a line that `check` prints.
CHECKS = (
    "config|setup|clock|disk|certificate|bluetooth|calibration|serial|endpoint|cloud|topic|buffer|"
    "service|ant"
)
#: Said by the system, or put together of pieces that stand apart.
NOT_OURS = ("No such file or directory", "session taken over")


def quoted() -> Iterator[str]:
    """Yield the cells of every column that is called "message"."""
    for table in re.findall(r"\| message \|.*\n\|---\|---\|\n((?:\|.*\n)+)", PAGE):
        for row in table.splitlines():
            yield re.split(r"(?<!\\)\|", row)[1].strip()


def said() -> list[str]:
    """Every text in the code, with … where a value goes."""
    texts = []
    for package in ("gateway", "drivers"):
        for module in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    texts.append("".join(map(_part, node.values)))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(re.sub(r"\{\w+\}", "…", node.value))
    return texts


def _part(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "…"


SAID = said()


@pytest.mark.parametrize("row", list(quoted()))
def test_quoted_message_stands_in_the_code(row: str) -> None:
    words = re.sub(rf"^({CHECKS}): ", "", row)
    pieces = [piece.strip(" :;,") for piece in re.split(r"…|\*or\*", words)]
    for piece in pieces:
        own = piece
        for theirs in NOT_OURS:
            own = own.replace(theirs, "").strip(" :;,")
        assert any(own in text for text in SAID), own


def test_every_check_has_its_rows_on_the_troubleshooting_page() -> None:
    names = {row.partition(":")[0] for row in quoted() if re.match(rf"({CHECKS}): ", row)}
    assert names == set(CHECKS.split("|"))


def test_commands_on_the_troubleshooting_page_exist() -> None:
    verbs = set(re.findall(r"`(?:sudo )?alleycat-gateway ([a-z]+)", PAGE))
    assert verbs
    assert verbs <= set(get_command(app).commands)  # type: ignore[attr-defined]
