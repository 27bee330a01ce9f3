"""PEM files that are pasted at the terminal, as from the page of AWS IoT that shows them once."""

from contextlib import nullcontext
from pathlib import Path

import typer
from rich.console import Console

from gateway.config.pem import pem_problem
from gateway.host.atomic_file import drafted
from gateway.setup.questions import Check, agrees
from gateway.terminal.keyboard import without_echo
from gateway.terminal.words import print_words

#: The answer of a user who wants to paste the file.
PASTE = "paste"
_BEGIN, _END = "-----BEGIN ", "-----END "
_CERTIFICATE, _KEY = "CERTIFICATE", "PRIVATE KEY"
_REQUEST = {
    _CERTIFICATE: "Paste the certificate, from its line BEGIN to its line END:",
    _KEY: "Paste the private key, from its line BEGIN to its line END; it is not shown:",
}
#: The terminal has shown what came with the first line.
_KEY_SHOWN = (
    "The key was shown here: clear the screen and its scrollback. If you answer "
    f"`{PASTE}` before you paste a key, it is not shown."
)
#: Limits what is read as one file, in lines: a chain of certificates has about a hundred.
LINES_MAX = 1000


def or_pasted(console: Console, kind: str, file: Path, check: Check) -> Check:
    """Return a check of a file's name that also lets the user paste its content, even at once.

    A pasted `kind`, such as "CERTIFICATE", is kept in `file`, readable by its owner only. The check
    raises typer.Abort at the end of the input, and OSError.
    """

    def checked(answer: str) -> str:
        is_begun = answer.startswith(_BEGIN)
        if answer != PASTE and not is_begun:
            return check(answer)
        # Read it before the question whether to replace, which would take its lines as answers.
        block = _block(kind, answer) if is_begun else ""
        if is_begun and kind == _KEY:
            print_words(console, _KEY_SHOWN)
        if file.exists() and not agrees(f"{file} exists already. Replace it?"):
            raise typer.BadParameter(f"{file} is unchanged; give another answer")
        if not is_begun:
            print_words(console, _REQUEST[kind])
            block = _block(kind)
        return _kept(console, kind, file, block)

    return checked


def _kept(console: Console, kind: str, file: Path, block: str) -> str:
    with drafted(file, block.encode()) as draft:
        if pem_problem(draft, kind) is not None:
            raise typer.BadParameter(f"that was not a {kind.lower()} in PEM format")
        draft.replace(file)
    print_words(console, f"The {kind.lower()} is kept in {file}.")
    return str(file)


def _block(kind: str, first: str = "") -> str:
    """Return the lines from `first`, if it is given, up to the one that ends the block.

    A private key that is pasted is not shown on the terminal.
    """
    lines = [first] if first else []
    with without_echo() if kind == _KEY else nullcontext():
        while _END not in "".join(lines[-1:]) and len(lines) < LINES_MAX:
            try:
                line = input().strip()
            except EOFError:
                raise typer.Abort from None
            lines += [line] if line else []
    return "\n".join([*lines, ""])
