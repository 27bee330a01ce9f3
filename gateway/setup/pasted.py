"""PEM files that are pasted at the terminal, as from the page of AWS IoT that shows them once."""

from pathlib import Path

import typer
from rich.console import Console

from gateway.config.pem import pem_problem
from gateway.host.atomic_file import drafted
from gateway.setup.questions import Check, agrees

#: The answer of a user who wants to paste the file.
PASTE = "paste"
#: Limits what is read as one file, in lines: a chain of certificates has about a hundred.
LINES_MAX = 1000


def or_pasted(console: Console, kind: str, file: Path, check: Check) -> Check:
    """Return a check of a file's name that also lets the user paste its content.

    A pasted `kind`, such as "CERTIFICATE", is kept in `file`, readable by its owner only. The check
    raises typer.Abort at the end of the input, and OSError.
    """

    def checked(answer: str) -> str:
        if answer != PASTE:
            return check(answer)
        if file.exists() and not agrees(f"{file} exists already. Replace it?"):
            raise typer.BadParameter(f"{file} is unchanged; give another answer")
        noun = kind.lower()
        console.print(f"Paste the {noun}, from its line BEGIN to its line END:", highlight=False)
        return _kept(console, kind, file)

    return checked


def _kept(console: Console, kind: str, file: Path) -> str:
    with drafted(file, _block().encode()) as draft:
        if pem_problem(draft, kind) is not None:
            raise typer.BadParameter(f"that was no {kind.lower()} in the format PEM")
        draft.replace(file)
    console.print(f"The {kind.lower()} is kept in {file}.", soft_wrap=True, highlight=False)
    return str(file)


def _block() -> str:
    """Return the lines up to the one that ends the block."""
    lines: list[str] = []
    while len(lines) < LINES_MAX:
        try:
            line = input().strip()
        except EOFError:
            raise typer.Abort from None
        if line:
            lines.append(line)
        if line.startswith("-----END "):
            break
    return "\n".join([*lines, ""])
