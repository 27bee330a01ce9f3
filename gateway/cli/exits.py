"""How a command ends with an error: a line on stderr, and its exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from gateway.host.errors import INTERRUPTED, GatewayError


class CommandError(GatewayError):
    """A reason why a command cannot do what it was asked, with an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def fail(message: str, exit_code: int) -> NoReturn:
    """Raise a CommandError."""
    raise CommandError(message, exit_code)


@contextmanager
def errors_as_exits() -> Iterator[None]:
    """Turn an error into its text on stderr and an exit with its code."""
    try:
        yield
    except GatewayError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None
