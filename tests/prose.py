"""`make check`: the project's texts are plain English.

    python -m tests.prose [PATH …]

Reads docstrings, comments and texts for users in Python, and Markdown, TOML and unit files whole.
Prints each place that breaks a rule; the exit code is then 1. CONTRIBUTING.md explains the rules.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKED = ("gateway", "drivers", "docs", "config", "systemd")
SUFFIXES = (".py", ".md", ".toml", ".service", ".rules", ".yaml")
#: Written by a program, or other people's words; and the buffer, until its store is replaced.
LEFT_OUT = ("LICENSE", "SUPPORTED_BIKES.md", "docs/site", "gateway/buffer")

#: A function's docstring begins with one of these, or with another verb that is added there.
VERBS = frozenset(Path(__file__).with_name("verbs.txt").read_text(encoding="utf-8").split())

#: What to write instead, by what is not plain.
AVOIDED = {
    r"\banew\b": "again",
    r"\bbesides?\b": "next to, alongside, in addition to, as well as",
    r"\bwhoever\b|\bwhomever\b": "name the party: a client, the user",
    r"\b(some|no|every)body\b": "name the party: another process, the user, a client",
    r"\bso (long|many|much|often)\b": "how long, at most, every",
    r"\b(says?|said)\b": "reports, sends, returns, contains",
    r"\b(tells?|told)\b": "reports, notifies",
    r"\b(stands|stood)\b": "is, appears",
    r"\bas it (was|is)\b": "unchanged",
    r"(?:^|[.:;!?]\s+)What (?:is|was|are|were|came|comes|has|had|cannot|can)\b": "name the subject",
    r"(?:^|[.:;!?]\s+)Who (?:is|was|has|had|does|did|cannot|can|may)\b(?![^.]*\?)": "A client that",
}
#: Words are found in any case of letters; a subject, only with its capital.
_AVOIDED = [
    (re.compile(pattern, re.IGNORECASE if pattern.startswith(r"\b") else 0), instead)
    for pattern, instead in AVOIDED.items()
]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose, and the line on which it begins."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A place that breaks a rule, and what to write instead."""

    path: Path
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found!r}: {self.instead}"


def main(paths: list[str]) -> int:
    """Print all complaints about the paths, or about the project; return the exit code."""
    found = [
        complaint
        for path in files(paths or [*CHECKED, *map(str, Path().glob("*.md"))])
        for complaint in complaints(path)
    ]
    for complaint in found:
        print(complaint)
    return 1 if found else 0


def files(paths: list[str]) -> Iterator[Path]:
    """Yield each file below the paths that has prose in it."""
    for path in map(Path, paths):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in SUFFIXES and not any(part in str(file) for part in LEFT_OUT):
                yield file


def complaints(path: Path) -> Iterator[Complaint]:
    """Yield what is wrong in one file."""
    code = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(code)
        yield from _docstring_complaints(path, tree)
        texts = [*comments(code), *strings(tree)]
    elif path.suffix == ".md":
        texts = list(paragraphs(code))
    else:
        texts = [Text(number, line) for number, line in enumerate(code.splitlines(), 1)]
    for text in texts:
        for pattern, instead in _AVOIDED:
            if found := pattern.search(text.text):
                yield Complaint(path, text.line, found.group().strip(" .:;!?"), instead)


def _docstring_complaints(path: Path, tree: ast.Module) -> Iterator[Complaint]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        docstring = ast.get_docstring(node) or ""
        if not docstring:
            continue
        first = docstring.split()[0].rstrip(".,:;")
        if isinstance(node, ast.ClassDef):
            if first in ("Who", "What", "Whoever", "How", "Of", "In", "By"):
                yield Complaint(path, node.lineno, first, "a class docstring begins with a noun")
        elif first not in VERBS and not _is_property(node):
            yield Complaint(path, node.lineno, first, "a function docstring begins with a verb")


def _is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def comments(code: str) -> Iterator[Text]:
    """Yield the comments in Python code; those on successive lines are one text."""
    first_line, last_line, words = 0, -1, ""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last_line + 1:
            if words:
                yield Text(first_line, words)
            first_line, words = token.start[0], ""
        last_line = token.start[0]
        words += token.string.lstrip("#: ") + " "
    if words:
        yield Text(first_line, words)


def strings(tree: ast.Module) -> Iterator[Text]:
    """Yield the docstrings and the texts of Python code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield Text(node.lineno, re.sub(r"\s+", " ", node.value))


def paragraphs(markdown: str) -> Iterator[Text]:
    """Yield the paragraphs of Markdown, without its code."""
    prose = re.sub(
        r"(?ms)^ *```.*?^ *```|^(?: {4,}|\t)\S.*?$|`[^`\n]*`",
        lambda code: re.sub(r"[^\n]", " ", code.group()),
        markdown,
    )
    for match in re.finditer(r"(?:[^\n]*\S[^\n]*\n?)+", prose):
        line = prose.count("\n", 0, match.start()) + 1
        yield Text(line, re.sub(r"\s+", " ", match.group()).strip())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
