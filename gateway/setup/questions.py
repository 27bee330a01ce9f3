"""Questions at a terminal. Ctrl-C raises typer.Abort."""

from collections.abc import Callable

import typer

from gateway.terminal.console import Console
from gateway.terminal.keyboard import forget_typed_ahead
from gateway.terminal.words import fitted, print_words

#: Returns the checked answer, or raises typer.BadParameter: the question is then repeated.
Check = Callable[[str], str]

_YES, _NO = ("y", "yes"), ("n", "no")
#: Click prints it before an objection.
_ERROR = "Error: "


def ask(question: str, default: object = None, check: Check = str, explained: str = "") -> str:
    """Ask until `check` accepts the answer. Enter means the default.

    Keys pressed before the question appeared do not answer it. `explained` is printed above the
    question, once.
    """
    if explained:
        print_words(Console(), explained)
    shown = None if default is None else str(default)
    return _asked(question if shown is None else f"{question} [{shown}]", shown, check)


def agrees(question: str) -> bool:
    """Ask a question that Enter answers with yes."""
    return _asked(f"{question} [Y/n]", _YES[0], _yes_or_no).lower() in _YES


def _asked(text: str, default: str | None, check: Check) -> str:
    console = Console()

    def checked(answer: str) -> str:
        try:
            return check(answer.strip())
        except typer.BadParameter as error:
            forget_typed_ahead()
            objection = fitted(console, f"{_ERROR}{error.message}").removeprefix(_ERROR)
            raise typer.BadParameter(objection) from None

    forget_typed_ahead()
    answer: str = typer.prompt(
        fitted(console, text), default=default, show_default=False, value_proc=checked
    )
    return answer


def _yes_or_no(answer: str) -> str:
    if answer.lower() not in (*_YES, *_NO):
        raise typer.BadParameter(f"{answer!r} is not an answer; expected y (yes) or n (no)")
    return answer
