"""Questions at a terminal. Ctrl-C raises typer.Abort."""

from collections.abc import Callable

import typer

from gateway.terminal.keyboard import forget_typed_ahead

#: Returns the checked answer, or raises typer.BadParameter: the question is then repeated.
Check = Callable[[str], str]


def ask(question: str, default: object = None, check: Check = str) -> str:
    """Ask until `check` accepts the answer. Enter means the default.

    Keys pressed before the question appeared do not answer it.
    """

    def checked(answer: str) -> str:
        try:
            return check(answer.strip())
        except typer.BadParameter:
            forget_typed_ahead()
            raise

    forget_typed_ahead()
    shown = None if default is None else str(default)
    answer: str = typer.prompt(question, default=shown, value_proc=checked)
    return answer


def agrees(question: str) -> bool:
    """Ask a question that Enter answers with yes."""
    forget_typed_ahead()
    return typer.confirm(question, default=True)
